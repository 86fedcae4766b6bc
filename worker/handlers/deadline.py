"""The clock: reminders on day 3, 7 and 21, staff on day 14, and the end of an unconfirmed request in time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from worker.rules.asking import released, the_case
from worker.rules.decision import AskProof, Decision, HoldCase, Move, Reminded, RevokeLinks, Send, confirmation_letter
from worker.rules.letters import Expired, NewLink
from worker.rules.model import HoldReason, LinkKind, RequestState
from worker.rules.trigger import Ticked

if TYPE_CHECKING:
    from datetime import timedelta

    from worker.rules.decision import Action, Situation
    from worker.rules.model import Case, Request


def handle(situation: Situation) -> Decision:
    """What the hour asks of a case that awaits its confirmation."""
    ticked, case = situation.trigger, the_case(situation)
    if not isinstance(ticked, Ticked):
        msg = f"the clock ticks, it does not {type(ticked).__name__}"
        raise TypeError(msg)
    waiting = [r for r in case.requests if r.state in (RequestState.AWAITING_CONFIRMATION, RequestState.AWAITING_INFORMATION)]
    if not waiting:
        return Decision()
    if situation.now >= situation.confirm_until:
        return _expire(case, waiting)
    return Decision(tuple(_on_the_way(situation, waiting, ticked)))


def _expire(case: Case, waiting: list[Request]) -> Decision:
    rights = tuple(r.right for r in waiting)
    letter = Expired(case.reference, rights=rights, link=NewLink(LinkKind.STATUS, None, rights))
    moves = [Move(right, RequestState.EXPIRED) for right in rights]
    return Decision((RevokeLinks(rights), *moves, *released(case, rights), Send(letter)))


def _on_the_way(situation: Situation, waiting: list[Request], ticked: Ticked) -> list[Action]:
    """What the days that have passed since the last look bring; of several reminders that were missed only the latest.

    The reminders and the notice to staff are counted together, so that what staff have put aside does not come back.
    """
    steps = _steps(situation)
    passed = sum(situation.now >= situation.opened_at + after for after, _ in steps)
    new = steps[ticked.reminded : passed]
    if not new:
        return []
    asks = [AskProof(r.right, r.changes) for r in waiting if r.state is RequestState.AWAITING_CONFIRMATION]
    number = max(number for _, number in new)
    letters = [confirmation_letter(situation, [replace(ask, reminder=number) for ask in asks])] if asks and number else []
    if letters and situation.letters_today >= situation.policy.letters_per_day:
        return []  # tomorrow
    notice = [HoldCase(HoldReason.UNCONFIRMED)] if any(not number for _, number in new) and not ticked.held else []
    return [Reminded(passed), *letters, *notice]


def _steps(situation: Situation) -> list[tuple[timedelta, int]]:
    """(time since the opening, number of the reminder, or 0 for the notice to staff), in order."""
    reminders = [(after, number) for number, after in enumerate(situation.policy.reminders, start=1)]
    return sorted([*reminders, (situation.policy.staff_notice, 0)])
