"""Access (GDPR 15): a button behind a mailed link, then the package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.rules.asking import ask_for_proof
from worker.rules.model import Right

if TYPE_CHECKING:
    from worker.rules.decision import Decision, Situation


def handle(situation: Situation) -> Decision:
    """Open the request and ask for proof."""
    return ask_for_proof(situation, Right.ACCESS)
