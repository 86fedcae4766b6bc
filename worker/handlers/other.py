"""Whatever asks for no right that a machine may grant: to a person, or nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.rules.decision import Decision, MarkMail
from worker.rules.model import HoldReason, MailState
from worker.rules.notes import hold
from worker.rules.reading.model import Exit
from worker.rules.trigger import Received

if TYPE_CHECKING:
    from worker.rules.decision import Situation


def handle(situation: Situation) -> Decision:
    """Hold what needs a person, with one short note to a human sender a day; everything else is quiet."""
    trigger = situation.trigger
    if not isinstance(trigger, Received):
        msg = f"other answers mails, not {type(trigger).__name__}"
        raise TypeError(msg)
    if trigger.reading.exit is not Exit.STAFF:
        return Decision((MarkMail(MailState.MACHINE if trigger.reading.machine else MailState.QUIET),))
    return hold(situation, trigger, trigger.reading.reasons or (HoldReason.UNSURE,))
