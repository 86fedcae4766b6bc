"""Takes a stored mail: parse, read, decide, and commit all that follows in one transaction."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import structlog

from worker.casework import stops
from worker.casework.commit import Party, commit, day_start, situation_for
from worker.errors import StoreUnavailable, UnreadableMail
from worker.handlers import HANDLERS
from worker.mail.parse import parse
from worker.rules.audit import Event
from worker.rules.decision import Intent, combine
from worker.rules.intents import doubt, intents
from worker.rules.letters import Unsubscribed
from worker.rules.model import HoldReason, Language, MailState, Origin, RequestState, Right
from worker.rules.reading.model import Exit
from worker.rules.trigger import Received
from worker.store import audit, cases, letters, mails

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.casework.desk import Desk
    from worker.rules.decision import MarkMail, Situation
    from worker.rules.mail import InboundMail
    from worker.rules.model import Case
    from worker.rules.reading.model import Reading
    from worker.store import Tx
    from worker.store.mails import StoredMail

log = structlog.get_logger(__name__)
#: The door of mails that the web form made.
FORM_DOOR = "web form"


_LOT: Final = 20  # mails loaded and read at once; each is decided in a transaction of its own
_LOT_BYTES: Final = 4_000_000


@dataclass(frozen=True, slots=True)
class _Read:
    """A stored mail with what it says, or with why it cannot be read."""

    stored: StoredMail
    inbound: InboundMail | None = None
    reading: Reading | None = None
    fault: tuple[MailState, HoldReason] | None = None


async def take(desk: Desk, mail_id: str) -> None:
    """Read one stored mail to its end; see :func:`take_all`."""
    await take_all(desk, (mail_id,))


async def take_all(desk: Desk, mail_ids: Sequence[str]) -> None:
    """Read stored mails to their end, oldest first. Those that somebody took before are left alone.

    Whatever is wrong with a mail itself ends in the queue, never in silence, and does not stop those behind it.
    StoreUnavailable is raised for a later try.
    """
    left = tuple(mail_ids)
    ahead = asyncio.ensure_future(_read_lot(desk, left))
    try:
        while left:
            lot, left = await ahead
            if left:  # read on while the disk writes what was decided
                ahead = asyncio.ensure_future(_read_lot(desk, left))
            for read in lot:
                await _settle(desk, read)
    finally:
        ahead.cancel()
        await asyncio.gather(ahead, return_exceptions=True)


async def _read_lot(desk: Desk, mail_ids: Sequence[str]) -> tuple[list[_Read], tuple[str, ...]]:
    """The first of these mails, read, and the ids that are left."""
    lot = await desk.store.run(mails.load_waiting, mail_ids, _LOT, _LOT_BYTES)
    for mail_id in lot.broken:  # it stays stored: with the right key it may open
        log.error("the seal of a mail does not open", mail=mail_id)
    return await asyncio.to_thread(lambda: [_read(desk, stored) for stored in lot.mails]), lot.left


def _read(desk: Desk, stored: StoredMail) -> _Read:
    if not stored.whole:
        return _Read(stored, fault=(MailState.QUARANTINED, HoldReason.TOO_BIG))
    try:
        inbound = parse(stored.raw, desk.limits)
        reading = desk.reader.read(inbound)
        return _Read(stored, inbound, replace(reading, language=_of_form(inbound)) if stored.door == FORM_DOOR else reading)
    except UnreadableMail as error:
        log.warning("mail quarantined", mail=stored.id, reason=error.reason)
        return _Read(stored, fault=(MailState.QUARANTINED, HoldReason.UNREADABLE))
    except Exception:
        # A defect of ours must not lose the mail nor stop those behind it: a person sees it, the log says where.
        log.exception("mail could not be read", mail=stored.id)
        return _Read(stored, fault=(MailState.HELD, HoldReason.FAILED))


def _of_form(inbound: InboundMail) -> Language:
    """The language of the page that the form was sent from: its words may be none."""
    return Language(dict(inbound.headers)["content-language"])


async def _settle(desk: Desk, read: _Read) -> None:
    fault = read.fault
    if read.inbound is not None and read.reading is not None:
        try:
            await desk.store.run(decide, desk, read.stored, read.inbound, read.reading)
        except StoreUnavailable:
            raise
        except Exception:
            log.exception("mail could not be decided", mail=read.stored.id)  # as above
            fault = (MailState.HELD, HoldReason.FAILED)
    if fault is not None:
        await desk.store.run(_set_aside, read.stored, *fault)


def _set_aside(tx: Tx, stored: StoredMail, state: MailState, reason: HoldReason) -> None:
    if mails.finish(tx, stored, state=state, reasons=(reason,)):
        audit.record(tx, audit.DESK, Event.MAIL_HELD, "take", {"mail": stored.id, "reason": reason})


def decide(tx: Tx, desk: Desk, stored: StoredMail, inbound: InboundMail, reading: Reading) -> None:
    """Decide one mail that was read, and write the decision. The body of one transaction."""
    if not mails.lock_stored(tx, stored.id):
        return
    if stops.by_subject(tx, desk, inbound.subject):
        _stopped(tx, stored, reading)
        return
    person = tx.vault.person(inbound.sender.key) if inbound.sender else ""
    received = Received(
        stored.id, reading, inbound.sender, inbound.authenticity, stored.received_at, _notes_today(tx, desk, person),
        Origin.WEB_FORM if stored.door == FORM_DOOR else Origin.MAIL,
    )  # fmt: skip
    case, replies = _case_for(tx, inbound, reading, person)
    situation = situation_for(tx, desk, received, case, person)
    if Right.UNSUBSCRIBE in reading.rights:
        situation = replace(situation, stops_today=letters.named_since(tx, person, Unsubscribed.name, day_start(desk, tx.now)))
    situation, wanted = _doubted(situation, received, replies=replies)
    decision = combine(situation, [HANDLERS[intent](situation) for intent in wanted])
    party = _party(stored, inbound, reading, person)
    after, mark = commit(tx, desk, situation, decision, actor="take", party=party)
    _finish(tx, stored, reading, after, mark, person)


def _stopped(tx: Tx, stored: StoredMail, reading: Reading) -> None:
    """A mail that a reader's program wrote after List-Unsubscribe: its token said all, whoever sent it."""
    mails.finish(tx, stored, state=MailState.QUIET, labels=(Right.UNSUBSCRIBE,), language=reading.language)
    audit.record(
        tx,
        audit.DESK,
        Event.MAIL_READ,
        "take",
        {"mail": stored.id, "labels": Right.UNSUBSCRIBE, "exit": reading.exit, "state": MailState.QUIET},
    )


def _doubted(situation: Situation, received: Received, *, replies: bool) -> tuple[Situation, tuple[Intent, ...]]:
    """What makes a machine's decision impossible turns the reading into one for staff."""
    reason = doubt(situation, received)
    if received.origin is Origin.WEB_FORM and received.reading.exit is Exit.QUIET:
        reason = reason or HoldReason.UNSURE  # who fills in the form wants something
    elif received.reading.exit is Exit.QUIET:
        reason = None
    if reason is None or received.reading.machine:
        return situation, intents(received, replies=replies)
    reading = replace(received.reading, exit=Exit.STAFF, reasons=tuple(dict.fromkeys((reason, *received.reading.reasons))))
    return replace(situation, trigger=replace(received, reading=reading)), (Intent.OTHER,)


def _notes_today(tx: Tx, desk: Desk, person: str) -> int:
    return letters.named_since(tx, person, "held_note", day_start(desk, tx.now)) if person else 0


def _case_for(tx: Tx, inbound: InboundMail, reading: Reading, person: str) -> tuple[Case | None, bool]:
    """The open case that this mail belongs to, and whether it answers one of our letters.

    A mail joins only a case of its own From address, and only one that nobody has confirmed: a stranger's mail
    never touches a request that was proved, and an unproved one never blocks a new one.
    """
    answered = letters.case_of(tx, (inbound.in_reply_to, *inbound.references))
    mine = cases.of_person(tx, person) if person else []
    same = [c for c in mine if c.id == answered]
    unconfirmed = [c for c in mine if _repeats(c, reading)]
    joined = next(iter([c for c in same if c in unconfirmed] or unconfirmed), None)
    if joined is None and same and not reading.rights:
        return same[0], True
    return joined, answered is not None


def _repeats(case: Case, reading: Reading) -> bool:
    """The mail asks again for exactly what an unconfirmed case asks, with the same values."""
    waiting = [r for r in case.requests if r.state is RequestState.AWAITING_CONFIRMATION]
    asked = {r.right for r in waiting}
    if not reading.rights or asked != set(reading.rights):
        return False
    return all(not r.changes or r.changes == reading.fields.changes for r in waiting)


def _party(stored: StoredMail, inbound: InboundMail, reading: Reading, person: str) -> Party | None:
    if inbound.sender is None:
        return None
    return Party(inbound.sender, person, reading.language, inbound.message_id, inbound.references[-5:], mail_reference(stored.id))


def mail_reference(mail_id: str) -> str:
    """The reference of a mail that has no case, such as ``PD-M-3F9A21``."""
    return f"PD-M-{mail_id[-6:].upper()}"


def _finish(tx: Tx, stored: StoredMail, reading: Reading, case: Case | None, mark: MarkMail | None, person: str) -> None:
    labels = tuple(label.value for label in reading.labels)
    state = mark.state if mark is not None else MailState.HELD
    reasons = mark.reasons if mark is not None else (HoldReason.UNSURE,)
    mails.finish(
        tx, stored, state=state, reasons=reasons, labels=labels, language=reading.language, case_id=case.id if case else None, person=person or None,
        reading=explanation(reading),
    )  # fmt: skip
    chain = case.id if case else audit.DESK
    audit.record(tx, chain, Event.MAIL_READ, "take", {"mail": stored.id, "labels": ",".join(labels), "exit": reading.exit, "state": state})
    if state is MailState.HELD:
        audit.record(tx, chain, Event.MAIL_HELD, "take", {"mail": stored.id, "reason": ",".join(reasons)})


def explanation(reading: Reading) -> dict[str, Any]:
    """Why a mail was read as it was, for the queue: kept under the mail's seal."""
    return {
        "exit": reading.exit.value,
        "rights": [r.value for r in reading.rights],
        "changes": [[c.column.value, c.new, c.old] for c in reading.fields.changes],
        "because": [[e.rule, e.part.value, e.span[0], e.span[1], e.text] for e in reading.because],
        "versions": dict(reading.versions),
    }
