"""Deletion (GDPR 17): confirmed with a code, then a grace period, then erased but for what the law keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.rules.asking import ask_for_proof
from worker.rules.model import Right

if TYPE_CHECKING:
    from worker.rules.decision import Decision, Situation


def handle(situation: Situation) -> Decision:
    """Open the request and ask for proof with a code."""
    return ask_for_proof(situation, Right.DELETION)
