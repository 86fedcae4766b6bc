"""Reports of ``apply``: what was carried out is written down, and only then told."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from worker.casework.commit import commit, situation_for
from worker.errors import EvidenceError
from worker.handlers import HANDLERS
from worker.rules.audit import Event
from worker.rules.decision import Intent
from worker.rules.letters import Item
from worker.rules.model import TRANSITIONS, EffectKind, HoldReason, RequestState
from worker.rules.trigger import Carried
from worker.store import audit, cases, effects, newsletters, packages

if TYPE_CHECKING:
    from datetime import datetime

    from worker.casework.desk import Desk
    from worker.rules.model import Case, Right
    from worker.store import Tx
    from worker.store.effects import Effect
    from worker.store.packages import Package


@dataclass(frozen=True, slots=True)
class Outcome:
    """What ``apply`` has to say of one effect. ``package`` is what it has made and nobody can open yet."""

    carried: Carried
    package: Package | None = field(default=None, repr=False)
    #: A code for the log and the queue when it failed.
    failure: str = ""


async def begin(desk: Desk, effect: Effect) -> Case | None:
    """The case of an effect that is about to be carried out: a look at personal data, written to its chain.

    An erasure whose grace is over can no longer be cancelled from here on. None if it must not be carried out: somebody
    else has it, or its requests no longer wait for it (they were refused or taken back).
    """
    return await desk.store.run(_begin, effect)


def _begin(tx: Tx, effect: Effect) -> Case | None:
    case = cases.load(tx, effect.case_id, lock=True)
    if case is None:
        msg = f"effect {effect.id} has no case"
        raise EvidenceError(msg)
    if not effects.is_held(tx, effect):
        return None
    if not all(_waits(case, right) for right in effect.rights):
        effects.finish(tx, effect, state=effects.EffectState.CANCELLED)
        return None
    audit.record(tx, case.id, Event.DATA_READ, "apply", {"effect": effect.id, "kind": effect.kind})
    for right in effect.rights:
        request = case.request(right)
        if request is not None and request.state is RequestState.WAITING_GRACE:
            cases.move(tx, case.id, right, RequestState.APPLYING)
            audit.record(tx, case.id, Event.REQUEST_MOVED, "apply", {"right": right, "from": request.state, "to": RequestState.APPLYING})
    return case


def _waits(case: Case, right: Right) -> bool:
    request = case.request(right)
    return request is not None and request.state in (RequestState.WAITING_GRACE, RequestState.APPLYING)


async def own_holdings(desk: Desk, case: Case) -> dict[str, Any]:
    """What the desk itself holds about the requester: subscriptions and requests."""
    return await desk.store.run(_own_holdings, case)


def _own_holdings(tx: Tx, case: Case) -> dict[str, Any]:
    person = tx.vault.person(case.address.key)
    asked = [
        {
            "reference": c.reference,
            "received": c.received_at.isoformat(),
            "origin": c.origin.value,
            "rights": [r.right.value for r in c.requests],
        }
        for c in cases.every_of_person(tx, person)
    ]
    return {"newsletters": newsletters.held_about(tx, person), "requests": asked}


def _forget(tx: Tx, effect: Effect, carried: Carried, person: str) -> Carried:
    """Erase what the desk's newsletters hold about the requester, keep the suppression, and add it to what is told.

    In the transaction of the letter, so that a kill between the two loses no line of it. The line in the ledger is on
    the disk before anything is told: a restored store erases again.
    """
    gone = newsletters.erase_person(tx, person)
    tx.ledger.append("erased", tx.now, {"person": person, "effect": effect.id})
    erased = (*carried.erased, Item("subscription", gone)) if gone else carried.erased
    return replace(carried, erased=erased, known=bool(erased or carried.kept))


async def later(desk: Desk, effect: Effect, failure: str, due: datetime) -> None:
    """Have an effect tried again; ``failure`` is a code for the health page."""
    await desk.store.run(effects.finish, effect, state=effects.EffectState.WAITING, failure=failure, due=due)


async def give_up(desk: Desk, effect: Effect) -> None:
    """A defect of ours: the effect has failed and its case is before a person; nothing else is decided."""
    await desk.store.run(_give_up, effect)


def _give_up(tx: Tx, effect: Effect) -> None:
    if effects.finish(tx, effect, state=effects.EffectState.FAILED, failure="defect"):
        for right, state in cases.rights_of(tx, effect.case_id):
            if right in effect.rights and RequestState.IN_REVIEW in TRANSITIONS[state]:
                cases.move(tx, effect.case_id, right, RequestState.IN_REVIEW)
        cases.hold(tx, effect.case_id, HoldReason.FAILED)
        audit.record(tx, effect.case_id, Event.EFFECT_FAILED, "apply", {"effect": effect.id, "kind": effect.kind, "failure": "defect"})


async def report(desk: Desk, effect: Effect, outcome: Outcome) -> None:
    """Write the result of an effect and the closing letter in one transaction. A report that comes late writes nothing."""
    await desk.store.run(_report, desk, effect, outcome)
    if effect.kind is EffectKind.ERASE:
        await desk.store.checkpoint()


def _report(tx: Tx, desk: Desk, effect: Effect, outcome: Outcome) -> None:
    case = cases.load(tx, effect.case_id, lock=True)  # the case first: a click that cancels holds it before the effect
    state = effects.EffectState.FAILED if outcome.carried.failed else effects.EffectState.DONE
    if not effects.finish(tx, effect, state=state, failure=outcome.failure or None) or case is None:
        return
    event = Event.EFFECT_FAILED if outcome.carried.failed else Event.EFFECT_DONE
    audit.record(tx, case.id, event, "apply", {"effect": effect.id, "kind": effect.kind, "failure": outcome.failure or None})
    person, carried = tx.vault.person(case.address.key), outcome.carried
    if effect.kind is EffectKind.ERASE and not carried.failed and carried.hold is None:
        carried = _forget(tx, effect, carried, person)
    situation = situation_for(tx, desk, carried, case, person)
    if outcome.package is not None:
        packages.finish(tx, outcome.package, tx.now + desk.policy.download_expires)
    opens = outcome.package.id if outcome.package is not None else None
    commit(tx, desk, situation, HANDLERS[Intent.APPLIED](situation), actor="apply", subject_id=opens)
    # An erasure may have waited for this one.
    desk.engine.enqueue(tx, "apply", case.id, [])
