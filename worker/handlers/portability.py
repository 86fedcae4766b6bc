"""Portability (GDPR 20): staff look first; then as access, whose package is a reusable file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.rules.asking import ask_for_proof, for_a_person
from worker.rules.model import HoldReason, Right
from worker.rules.trigger import Received

if TYPE_CHECKING:
    from worker.rules.decision import Decision, Situation


def handle(situation: Situation) -> Decision:
    """Hold a mail; when staff approve the right, ask for proof."""
    if isinstance(situation.trigger, Received):
        return for_a_person(HoldReason.NOT_AUTOMATIC)
    return ask_for_proof(situation, Right.PORTABILITY)
