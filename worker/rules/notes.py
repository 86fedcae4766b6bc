"""How a mail is put before a person, and who gets the short note that it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.rules.deadline import local_day
from worker.rules.decision import Decision, MarkMail, Mode, Send
from worker.rules.letters import HeldNote
from worker.rules.mail import Authenticity
from worker.rules.model import HoldReason, MailState
from worker.rules.reading.model import Label

if TYPE_CHECKING:
    from worker.rules.decision import Situation
    from worker.rules.trigger import Received


def hold(situation: Situation, received: Received, reasons: tuple[HoldReason, ...], *, needs_button: bool = False) -> Decision:
    """Hold the mail; a human sender gets one short note a day.

    The note says that the button of our letter is the only way where that is what we wait for (``needs_button``), and to
    who confirms in words.
    """
    mark = MarkMail(MailState.HELD, reasons)
    if not _deserves_a_note(situation, received, reasons):
        return Decision((mark,))
    button = needs_button or Label.CONFIRMATION in received.reading.labels
    return Decision((Send(HeldNote(situation.reference, legal_due=situation.due[1], needs_button=button)), mark))


def _deserves_a_note(situation: Situation, received: Received, reasons: tuple[HoldReason, ...]) -> bool:
    """Not a machine, nor a forger. Nor who wrote so long ago that the promised day is over: staff answer him themselves."""
    silent = received.reading.machine or Label.SPAM in received.reading.labels or received.authenticity is Authenticity.FAIL
    too_late = HoldReason.STALE in reasons or situation.due[1] < local_day(situation.now, situation.timezone)
    unheard = silent or too_late or situation.mode is Mode.SHADOW
    return not unheard and received.sender is not None and received.notes_today < situation.policy.notes_per_day
