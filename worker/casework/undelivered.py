"""Letters that failed for good: their persons were not told, so staff send them again, or tell them by another way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.casework.commit import commit, situation_for
from worker.handlers import HANDLERS
from worker.rules.audit import Event
from worker.rules.decision import Intent
from worker.rules.letters import ErasurePlanned
from worker.rules.model import EffectKind
from worker.rules.trigger import Lost, Ruled, RulingKind
from worker.store import audit, cases, effects, letters, packages

if TYPE_CHECKING:
    from collections.abc import Collection

    from worker.casework.desk import Desk
    from worker.rules.decision import Decision, Situation
    from worker.rules.model import Case
    from worker.store import Tx
    from worker.store.letters import FailedLetter


async def send_again(desk: Desk, actor: str, case_id: str, letter_ids: Collection[str]) -> bool:
    """Write letters that take the place of these. False if they were settled meanwhile, or the case no longer allows it."""
    return await desk.store.run(_send_again, desk, actor, case_id, letter_ids)


async def reached(desk: Desk, actor: str, case_id: str, letter_ids: Collection[str], note: str) -> bool:
    """Note how the person was told instead. False if it was settled meanwhile."""
    return await desk.store.run(_reached, actor, case_id, letter_ids, note)


def _wanted(tx: Tx, case_id: str, letter_ids: Collection[str]) -> tuple[FailedLetter, ...]:
    """Those that still wait: a letter that failed since the page was shown stays."""
    return tuple(each for each in letters.undelivered(tx, case_id) if each.id in letter_ids)


def decide(tx: Tx, desk: Desk, case: Case, wanted: tuple[FailedLetter, ...]) -> tuple[Situation, Decision, str | None]:
    """What sending these again comes to, and the package that a link to it opens."""
    package, erasure = packages.newest(tx, case.id), effects.waiting_until(tx, case.id, EffectKind.ERASE)
    expires = package[1] if package is not None else None
    lost = tuple(Lost(each.id, each.name, erasure if each.name == ErasurePlanned.name else expires) for each in wanted)
    situation = situation_for(tx, desk, Ruled(RulingKind.SEND_AGAIN, lost=lost), case, tx.vault.person(case.address.key))
    return situation, HANDLERS[Intent.RULING](situation), package[0] if package is not None else None


def _send_again(tx: Tx, desk: Desk, actor: str, case_id: str, letter_ids: Collection[str]) -> bool:
    case = cases.load(tx, case_id, lock=True)
    wanted = _wanted(tx, case_id, letter_ids) if case is not None else ()
    if case is None or not wanted:
        return False
    situation, decision, package_id = decide(tx, desk, case, wanted)
    if not decision.actions:
        return False
    letters.replace_failed(tx, (each.id for each in wanted))
    commit(tx, desk, situation, decision, actor=actor, subject_id=package_id)
    audit.record(tx, case_id, Event.MAIL_RULED, actor, {"ruling": RulingKind.SEND_AGAIN})
    return True


def _reached(tx: Tx, actor: str, case_id: str, letter_ids: Collection[str], note: str) -> bool:
    if cases.load(tx, case_id, lock=True) is None:
        return False
    told = [each for each in _wanted(tx, case_id, letter_ids) if letters.settle(tx, each.id, note)]
    for each in told:
        audit.record(tx, case_id, Event.PERSON_TOLD, actor, {"letter": each.name, "id": each.id})
    return bool(told)
