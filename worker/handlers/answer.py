"""A mail that joins an open case: a person reads it; nothing is decided by replying to a letter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.rules.decision import Decision, MarkMail
from worker.rules.model import HoldReason, MailState
from worker.rules.trigger import Received

if TYPE_CHECKING:
    from worker.rules.decision import Situation


def handle(situation: Situation) -> Decision:
    """Hold a human's answer; a robot's opens, confirms and reopens nothing."""
    trigger = situation.trigger
    if isinstance(trigger, Received) and trigger.reading.machine:
        return Decision((MarkMail(MailState.MACHINE),))
    return Decision((MarkMail(MailState.HELD, (HoldReason.FOLLOW_UP,)),))
