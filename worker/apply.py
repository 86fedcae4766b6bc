"""The door by which changes leave: effects are claimed, carried out on the register, and reported to casework.

Idempotent by the effect's id: after a kill between the change and the report, the next attempt finds the change done
and reports it. A database that is down delays and alarms; it loses nothing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from worker.casework import applied
from worker.casework.applied import Outcome
from worker.errors import RegisterRefused, RegisterUnavailable
from worker.rules.decision import Carried
from worker.rules.letters import Item
from worker.rules.model import EffectKind, HoldReason
from worker.store import effects

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.casework.desk import Desk
    from worker.register.model import Match, Rectified
    from worker.rules.model import Case
    from worker.store.effects import Effect

log = structlog.get_logger(__name__)
_LOT: Final = 20  # effects claimed at once
_STALE: Final = timedelta(minutes=5)  # a claim older than this belonged to a process that died
_WAITS: Final = tuple(timedelta(seconds=s) for s in (5, 30, 120, 600, 1800))  # after a database that did not answer


async def run(desk: Desk, ids: Sequence[str]) -> None:  # noqa: ARG001 - the rows say what is due
    """Carry out everything that is due. Called by the engine; the sweep calls it again."""
    while claimed := await desk.store.run(effects.claim, _LOT, _STALE):
        for effect in claimed:
            await _carry_out(desk, effect)


async def _carry_out(desk: Desk, effect: Effect) -> None:
    try:
        outcome = await _outcome(desk, effect)
    except RegisterUnavailable as error:
        wait = _WAITS[min(effect.attempt, len(_WAITS)) - 1]
        log.warning(
            "the register does not answer", effect=effect.id, attempt=effect.attempt, again_in=wait.total_seconds(), error=str(error)
        )
        await desk.store.run(effects.finish, effect, state=effects.EffectState.WAITING, failure="unavailable", due=desk.clock.now() + wait)
        return
    except RegisterRefused as error:
        log.error("the register refused a change", effect=effect.id, error=str(error))  # noqa: TRY400 - the message says all; a trace could hold values
        outcome = Outcome(Carried(effect.kind, effect.rights, failed=True), failure="refused")
    await applied.report(desk, effect, outcome)


async def _outcome(desk: Desk, effect: Effect) -> Outcome:
    case = await applied.begin(desk, effect)
    done = await desk.register.rectified(effect.id) if effect.kind is EffectKind.RECTIFY else None
    if done is not None:  # a process died after the change: a new e-mail address is no longer found under the old one
        return _rectified(effect, done)
    matches = await desk.register.find(case.address.mailbox)
    if len(matches) > 1 and not effect.approved:
        return Outcome(Carried(effect.kind, effect.rights, hold=HoldReason.SEVERAL_MATCHES))
    match effect.kind:
        case EffectKind.PACKAGE:
            return await _package(desk, effect, case, matches)
        case EffectKind.RECTIFY:
            return await _rectify(desk, effect, matches)
        case EffectKind.ERASE:
            return await _erase(desk, effect, case, matches)


async def _package(desk: Desk, effect: Effect, case: Case, matches: Sequence[Match]) -> Outcome:
    own = await applied.own_holdings(desk, case)
    known = bool(matches) or bool(own["newsletters"].get("subscriptions"))
    if not known:
        return Outcome(Carried(effect.kind, effect.rights, known=False))
    holdings = await desk.register.read([m.person for m in matches], as_of=desk.clock.now(), language=case.language)
    return Outcome(Carried(effect.kind, effect.rights), {**holdings.to_json(), "desk": own})


async def _rectify(desk: Desk, effect: Effect, matches: Sequence[Match]) -> Outcome:
    if not matches:
        return Outcome(Carried(effect.kind, effect.rights, known=False))
    done = await desk.register.rectify(effect.id, matches[0].person, effect.changes)
    return _rectified(effect, done)


def _rectified(effect: Effect, done: Rectified) -> Outcome:
    carried = Carried(
        effect.kind, effect.rights, changed=done.changed, refused=done.refused, outdated=done.outdated, recipients=done.recipients
    )
    return Outcome(carried)


async def _erase(desk: Desk, effect: Effect, case: Case, matches: Sequence[Match]) -> Outcome:
    done = await desk.register.erase(effect.id, [m.person for m in matches], today=desk.today())
    subscriptions = await applied.forget(desk, case, effect)
    gone = (*done.erased, Item("subscription", subscriptions)) if subscriptions else done.erased
    known = bool(gone or done.kept)
    return Outcome(Carried(effect.kind, effect.rights, known=known, erased=gone, kept=done.kept, recipients=done.recipients))
