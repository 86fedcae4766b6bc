"""The door by which changes leave: effects are claimed, carried out on the register, and reported to casework.

Idempotent by the effect's id: after a kill between the change and the report, the next attempt finds the change done
and reports it. A database that is down delays and alarms; it loses nothing. A stop finishes the change in hand, whose
time-outs are the register's own, breaks a large package off, and gives the others back.
"""

from __future__ import annotations

from collections import deque
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from worker.casework import applied
from worker.casework.applied import Outcome
from worker.casework.packing import packed
from worker.engine.stopping import Stop
from worker.errors import RegisterRefused, TemporaryError
from worker.rules.model import Column, EffectKind, HoldReason
from worker.rules.names import same_person
from worker.rules.policy import is_role_mailbox
from worker.rules.trigger import Carried
from worker.store import effects

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.casework.desk import Desk
    from worker.register.model import Match, PersonKey, Rectified
    from worker.rules.model import Case, Change
    from worker.store.effects import Effect

log = structlog.get_logger(__name__)
_LOT: Final = 20  # effects claimed at once
_STALE: Final = timedelta(minutes=5)  # a claim older than this belonged to a process that died
_TRIES: Final = 3  # of a change that runs into a defect of ours
_WAITS: Final = tuple(timedelta(seconds=s) for s in (5, 30, 120, 600, 1800))  # after a database that did not answer


async def run(desk: Desk, ids: Sequence[str]) -> None:  # noqa: ARG001 - the rows say what is due
    """Carry out everything that is due. Called by the engine; the sweep calls it again."""
    stop = Stop()
    await stop.see_through(_all_that_is_due(desk, stop))


async def _all_that_is_due(desk: Desk, stop: Stop) -> None:
    while not stop.asked and (claimed := await desk.store.run(effects.claim, _LOT, _STALE)):
        left = deque(claimed)
        while left and not stop.asked:
            await _carry_out(desk, left.popleft(), stop)
        if left:
            await desk.store.run(effects.give_back, left)


async def _carry_out(desk: Desk, effect: Effect, stop: Stop) -> None:
    try:
        # A large package takes minutes, and nobody sees anything of it before it is told.
        async with stop.under_way() if effect.kind is EffectKind.PACKAGE else nullcontext():
            outcome = await _outcome(desk, effect)
        if outcome is not None:
            await applied.report(desk, effect, outcome)
    except TemporaryError as error:
        log.warning("a change waits for its database", effect=effect.id, attempt=effect.attempt, error=str(error))
        await applied.later(desk, effect, "unavailable", desk.clock.now() + _wait(effect))
    except Exception as error:
        if stop.asked and isinstance(error, TimeoutError):
            await applied.later(desk, effect, "stopped", desk.clock.now())
            return
        # A defect of ours in one change must not keep back those behind it, nor be tried for ever: a person sees it.
        log.exception("a change could not be carried out", effect=effect.id, attempt=effect.attempt)
        if effect.attempt < _TRIES:
            await applied.later(desk, effect, "defect", desk.clock.now() + _wait(effect))
        else:
            await applied.give_up(desk, effect)


def _wait(effect: Effect) -> timedelta:
    return _WAITS[min(effect.attempt, len(_WAITS)) - 1]


async def _outcome(desk: Desk, effect: Effect) -> Outcome | None:
    """What came of it, or None for an effect that must not be carried out any more."""
    case = await applied.begin(desk, effect)
    if case is None:
        return None
    try:
        return await _changed(desk, effect, case)
    except RegisterRefused as error:
        log.error("the register refused a change", effect=effect.id, error=str(error))  # noqa: TRY400 - the message says all; a trace could hold values
        return Outcome(Carried(effect.kind, effect.rights, failed=True), failure="refused")


async def _changed(desk: Desk, effect: Effect, case: Case) -> Outcome | None:
    done = await desk.register.rectified(effect.id) if effect.kind is EffectKind.RECTIFY else None
    if done is not None:  # a process died after the change: a new e-mail address is no longer found under the old one
        return _rectified(effect, done)
    matches = await _matches(desk, effect, case)
    # Even staff's approval does not say which of several persons a correction is meant for: that one is done by hand.
    if len(matches) > 1 and (effect.kind is EffectKind.RECTIFY or not effect.approved):
        return Outcome(Carried(effect.kind, effect.rights, hold=HoldReason.SEVERAL_MATCHES))
    if matches and not effect.approved and not same_person(case.given_name, matches[0].name):
        return Outcome(Carried(effect.kind, effect.rights, hold=HoldReason.NAME_DIFFERS))
    match effect.kind:
        case EffectKind.PACKAGE:
            return await _package(desk, effect, case, matches)
        case EffectKind.RECTIFY:
            return await _rectify(desk, effect, case, matches)
        case EffectKind.ERASE:
            return await _erase(desk, effect, matches)


async def _matches(desk: Desk, effect: Effect, case: Case) -> Sequence[Match]:
    """The persons under the case's address.

    A database that may hold no journal cannot say that an earlier attempt changed the address: he is found under the new one then.
    """
    found = await desk.register.find(case.address.mailbox)
    new = next((c.new for c in effect.changes if c.column is Column.EMAIL), None)
    return found if found or new is None or effect.attempt == 1 else await desk.register.find(new)


async def _package(desk: Desk, effect: Effect, case: Case, matches: Sequence[Match]) -> Outcome | None:
    own = await applied.own_holdings(desk, case)
    known = bool(matches) or bool(own["newsletters"].get("subscriptions"))
    if not known:
        return Outcome(Carried(effect.kind, effect.rights, known=False))
    package = await packed(desk, effect, case, [m.person for m in matches], own)
    return Outcome(Carried(effect.kind, effect.rights), package) if package is not None else None


async def _rectify(desk: Desk, effect: Effect, case: Case, matches: Sequence[Match]) -> Outcome:
    if not matches:
        return Outcome(Carried(effect.kind, effect.rights, known=False))
    person, changes = matches[0].person, effect.changes
    if effect.approved or is_role_mailbox(case.address.key):  # in both cases staff looked
        changes = await _bound(desk, person, changes)
    return _rectified(effect, await desk.register.rectify(effect.id, person, changes))


async def _bound(desk: Desk, person: PersonKey, changes: tuple[Change, ...]) -> tuple[Change, ...]:
    """Staff let a correction go on that nobody was shown: it is bound to what stands there now."""
    current = await desk.register.current(person, tuple(c.column for c in changes))
    return tuple(replace(c, old=current.get(c.column, "")) if c.old is None else c for c in changes)


def _rectified(effect: Effect, done: Rectified) -> Outcome:
    carried = Carried(
        effect.kind, effect.rights, changed=done.changed, refused=done.refused, outdated=done.outdated, recipients=done.recipients
    )
    return Outcome(carried)


async def _erase(desk: Desk, effect: Effect, matches: Sequence[Match]) -> Outcome:
    """The company's data; what the desk's own newsletters hold goes with the report."""
    done = await desk.register.erase(effect.id, [m.person for m in matches], today=desk.today())
    known = bool(done.erased or done.kept)
    return Outcome(Carried(effect.kind, effect.rights, known=known, erased=done.erased, kept=done.kept, recipients=done.recipients))
