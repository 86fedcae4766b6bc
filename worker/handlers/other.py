"""Whatever asks for no right that a machine may grant: to a person, or nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.rules.decision import Decision, MarkMail, Send
from worker.rules.letters import HeldNote
from worker.rules.mail import Authenticity
from worker.rules.model import HoldReason, MailState
from worker.rules.reading.model import Exit, Label
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
    mark = MarkMail(MailState.HELD, trigger.reading.reasons or (HoldReason.UNSURE,))
    return Decision((_note(situation), mark)) if _deserves_a_note(situation, trigger) else Decision((mark,))


def _note(situation: Situation) -> Send:
    return Send(HeldNote(situation.reference, legal_due=situation.due[1]))


def _deserves_a_note(situation: Situation, trigger: Received) -> bool:
    silent = trigger.reading.machine or Label.SPAM in trigger.reading.labels or trigger.authenticity is Authenticity.FAIL
    return not silent and trigger.sender is not None and trigger.notes_today < situation.policy.notes_per_day
