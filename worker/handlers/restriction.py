"""Restriction: a person decides in this release; the mail waits with the right proposed, then the case."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.rules.asking import for_a_person, open_for_a_person
from worker.rules.model import HoldReason, Right
from worker.rules.trigger import Received

if TYPE_CHECKING:
    from worker.rules.decision import Decision, Situation


def handle(situation: Situation) -> Decision:
    """Hold a mail; when staff approve the right, open its request for them to carry out."""
    if isinstance(situation.trigger, Received):
        return for_a_person(HoldReason.NOT_AUTOMATIC)
    return open_for_a_person(situation, Right.RESTRICTION)
