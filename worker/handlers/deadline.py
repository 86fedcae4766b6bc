"""The clock: reminders on day 3, 7 and 21, staff on day 14, and the end of an unconfirmed request in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.rules.asking import the_case
from worker.rules.decision import AskProof, Decision, HoldCase, Move, Reminded, RevokeLinks, Send, Ticked, confirmation_letter
from worker.rules.letters import Expired, NewLink
from worker.rules.model import HoldReason, LinkKind, RequestState

if TYPE_CHECKING:
    from worker.rules.decision import Action, Situation
    from worker.rules.model import Case, Request


def handle(situation: Situation) -> Decision:
    """What the hour asks of a case that awaits its confirmation."""
    ticked, case = situation.trigger, the_case(situation)
    if not isinstance(ticked, Ticked):
        msg = f"the clock ticks, it does not {type(ticked).__name__}"
        raise TypeError(msg)
    waiting = [r for r in case.requests if r.state is RequestState.AWAITING_CONFIRMATION]
    if not waiting:
        return Decision()
    if situation.now >= situation.confirm_until:
        return _expire(case, waiting)
    return Decision((*_remind(situation, case, waiting, ticked), *_tell_staff(situation, case, ticked)))


def _expire(case: Case, waiting: list[Request]) -> Decision:
    rights = tuple(r.right for r in waiting)
    letter = Expired(case.reference, rights=rights, link=NewLink(LinkKind.STATUS, None, rights))
    return Decision((RevokeLinks(rights), *(Move(right, RequestState.EXPIRED) for right in rights), HoldCase(None), Send(letter)))


def _remind(situation: Situation, case: Case, waiting: list[Request], ticked: Ticked) -> list[Action]:
    """The latest reminder whose day has come; those before it that were missed are not sent late."""
    passed = sum(situation.now >= case.received_at + after for after in situation.policy.reminders)
    if passed <= ticked.reminded:
        return []
    asks = [AskProof(r.right, r.changes, reminder=passed) for r in waiting]
    return [Reminded(passed), confirmation_letter(situation, asks)]


def _tell_staff(situation: Situation, case: Case, ticked: Ticked) -> list[Action]:
    if ticked.held or situation.now < case.received_at + situation.policy.staff_notice:
        return []
    return [HoldCase(HoldReason.UNCONFIRMED)]
