"""Unsubscribe: at once, without proof of identity, acknowledged by mail (Royal Decree of 4 April 2003, art. 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.rules.asking import case_of, held_by_mode
from worker.rules.audit import Event
from worker.rules.decision import Decision, MarkMail, OpenRequest, Record, Send, Suppress
from worker.rules.letters import NewLink, Unsubscribed
from worker.rules.model import LinkKind, MailState, RequestState, Right

if TYPE_CHECKING:
    from worker.rules.decision import Situation


def handle(situation: Situation) -> Decision:
    """Stop every newsletter to the sender and tell him; the letter offers undo and erasing the data too.

    Anybody can write in somebody's name without end: told is only so often in a day.
    """
    held = held_by_mode(situation)
    if held is not None:
        return held
    letter = Unsubscribed(situation.reference, preferences=NewLink(LinkKind.PREFERENCES))
    told = (Send(letter),) if situation.stops_today < situation.policy.letters_per_day else ()
    return Decision(
        (
            case_of(situation),
            OpenRequest(Right.UNSUBSCRIBE, RequestState.FULFILLED),
            Suppress(),
            Record(Event.SUPPRESSED, {"by": "mail"}),
            *told,
            MarkMail(MailState.CASE),
        )
    )
