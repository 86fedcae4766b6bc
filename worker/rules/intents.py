"""From a reading to what shall answer it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.rules.decision import Intent
from worker.rules.mail import Authenticity
from worker.rules.model import HoldReason, Proof
from worker.rules.policy import PROOF
from worker.rules.reading.model import Exit, Label

if TYPE_CHECKING:
    from worker.rules.decision import Situation
    from worker.rules.trigger import Received


def intents(received: Received, *, replies: bool) -> tuple[Intent, ...]:
    """The intents of one mail. ``replies`` says that it answers a letter of an open case."""
    reading = received.reading
    if Label.BOUNCE in reading.labels:
        return (Intent.BOUNCE,)
    if reading.machine:
        return (Intent.OTHER,)
    if Label.AUTHORITY in reading.labels:
        return (Intent.DISCLOSURE,)
    if reading.exit is Exit.AUTOMATIC and reading.rights:
        return tuple(Intent(right.value) for right in reading.rights)
    return (Intent.ANSWER,) if replies else (Intent.OTHER,)


def doubt(situation: Situation, received: Received) -> HoldReason | None:
    """Why a mail goes to a person whatever it says: nothing automatic may rest on it."""
    if received.sender is None:
        return HoldReason.NO_SENDER
    if received.authenticity is Authenticity.FAIL:
        return HoldReason.FORGED
    if situation.now - received.received_at > situation.policy.stale_after:
        return HoldReason.STALE
    if situation.flooded and situation.case is None and any(PROOF[right] is not Proof.NONE for right in received.reading.rights):
        return HoldReason.FLOOD
    return None
