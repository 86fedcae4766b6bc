"""A request that came by another way than mail: the web form, the preferences page, the telephone, a letter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.rules.asking import ask_for_proof
from worker.rules.decision import Decision, combine
from worker.rules.trigger import Asked

if TYPE_CHECKING:
    from worker.rules.decision import Situation


def handle(situation: Situation) -> Decision:
    """Ask for the proof of all its rights in one letter: the form proves no address."""
    asked = situation.trigger
    if not isinstance(asked, Asked):
        msg = f"entered answers a request, not {type(asked).__name__}"
        raise TypeError(msg)
    return combine(situation, [ask_for_proof(situation, right, asked.changes) for right in asked.rights])
