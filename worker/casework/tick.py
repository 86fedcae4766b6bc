"""The legal clock: reminders, unconfirmed requests at their end, retention."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from worker.casework import alarm
from worker.casework.commit import commit, situation_for
from worker.errors import TemporaryError
from worker.handlers import HANDLERS
from worker.rules.audit import Event
from worker.rules.decision import Intent
from worker.rules.trigger import Ticked
from worker.store import audit, cases, effects, letters, mails, newsletters, packages, retention

if TYPE_CHECKING:
    from worker.casework.desk import Desk
    from worker.store import Tx

log = structlog.get_logger(__name__)


async def tick(desk: Desk) -> None:
    """Look at every case that awaits its confirmation, one transaction each, let go what has reached its date, and ring for what must not."""
    for case_id, reminded, held in await desk.store.run(cases.awaiting):
        await _one(desk, case_id, reminded=reminded, held=held)
    destroyed = await desk.store.run(_retention, desk)
    if destroyed:
        await desk.store.checkpoint()
        log.info("files reached their retention date", files=destroyed)
    await desk.store.run(newsletters.forget_unconfirmed)
    await alarm.ring(desk)
    await desk.register.sweep(today=desk.today())


async def _one(desk: Desk, case_id: str, *, reminded: int, held: bool) -> None:
    try:
        await desk.store.run(_tick, desk, case_id, reminded=reminded, held=held)
    except TemporaryError:
        raise
    except Exception:
        # A defect of ours in one case must not keep back the deadlines of the others; the next tick tries again.
        log.exception("a case could not be looked at", case=case_id)


def _tick(tx: Tx, desk: Desk, case_id: str, *, reminded: int, held: bool) -> None:
    case = cases.load(tx, case_id, lock=True)
    if case is None:
        return
    situation = situation_for(tx, desk, Ticked(reminded, held), case, tx.vault.person(case.address.key))
    decision = HANDLERS[Intent.DEADLINE](situation)
    if decision.actions:
        commit(tx, desk, situation, decision, actor="clock")


def _retention(tx: Tx, desk: Desk) -> int:
    """Destroy the keys of request files, packages, mails and letters whose time is over: only evidence without identity stays."""
    before = tx.now - desk.policy.request_file
    gone, due = packages.forget(tx), retention.closed_before(tx, before)
    for case_id in due:
        retention.destroy_case(tx, case_id)
        audit.record(tx, case_id, Event.KEY_DESTROYED, "clock", {"why": "retention"})
        tx.ledger.append("key", tx.now, {"case": case_id})
    for mail_id in (lone := retention.lone_mails_before(tx, before)):
        retention.destroy_mail(tx, mail_id)
        audit.record(tx, audit.DESK, Event.KEY_DESTROYED, "clock", {"why": "retention", "mail": mail_id})
        tx.ledger.append("key", tx.now, {"mail": mail_id})
    for letter_id in (letters_alone := retention.lone_letters_before(tx, before)):
        retention.destroy_letter(tx, letter_id)
        audit.record(tx, audit.DESK, Event.KEY_DESTROYED, "clock", {"why": "retention", "letter_id": letter_id})
        tx.ledger.append("key", tx.now, {"letter": letter_id})
    retention.forget_links_before(tx, before)
    return gone + len(due) + len(lone) + len(letters_alone)


async def sweep(desk: Desk) -> None:
    """Wake everything that waits: rows are the promise, and a wake-up may have been lost."""
    await desk.store.run(_sweep, desk)


def _sweep(tx: Tx, desk: Desk) -> None:
    unread = mails.unread(tx)
    if unread:
        desk.engine.enqueue(tx, "take", "take", unread)
    soon = [(letters.next_due(tx), "outbox"), (effects.next_due(tx), "apply")]
    for due, task in soon:
        if due is not None and due <= tx.now:
            desk.engine.enqueue(tx, task, task, [])
    if letters.any_claimed(tx):
        desk.engine.enqueue(tx, "outbox", "outbox", [])
    if effects.any_claimed(tx):
        desk.engine.enqueue(tx, "apply", "apply", [])
