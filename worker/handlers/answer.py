"""A mail that answers a letter of ours: a person reads it; nothing is decided by replying."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.rules.decision import Decision, MarkMail
from worker.rules.model import HoldReason, MailState, RequestState
from worker.rules.notes import hold
from worker.rules.trigger import Received

if TYPE_CHECKING:
    from worker.rules.decision import Situation

_AWAITS: Final = frozenset({RequestState.AWAITING_CONFIRMATION, RequestState.AWAITING_INFORMATION})


def handle(situation: Situation) -> Decision:
    """Hold a human's answer with a note, unless it is nothing but thanks; a robot's opens, confirms and reopens nothing."""
    trigger = situation.trigger
    if not isinstance(trigger, Received):
        msg = f"answer reads mails, not {type(trigger).__name__}"
        raise TypeError(msg)
    if trigger.reading.machine:
        return Decision((MarkMail(MailState.MACHINE),))
    if trigger.reading.thanks:
        return Decision((MarkMail(MailState.QUIET),))
    waits = situation.case is not None and any(request.state in _AWAITS for request in situation.case.requests)
    return hold(situation, trigger, (HoldReason.FOLLOW_UP,), needs_button=waits)
