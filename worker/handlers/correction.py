"""Correction (GDPR 16): field, old, new; shown, confirmed with a code, applied, answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.rules.asking import ask_for_proof, for_a_person
from worker.rules.model import HoldReason, Right
from worker.rules.trigger import Asked, Received, Ruled

if TYPE_CHECKING:
    from worker.rules.decision import Decision, Situation
    from worker.rules.model import Change


def handle(situation: Situation) -> Decision:
    """Ask for proof of the values that were read; without one a person must look."""
    changes = _changes(situation)
    known = situation.case is not None and situation.case.request(Right.CORRECTION) is not None
    if not changes and not known:
        return for_a_person(HoldReason.NO_VALUES)
    return ask_for_proof(situation, Right.CORRECTION, changes)


def _changes(situation: Situation) -> tuple[Change, ...]:
    match situation.trigger:
        case Received(reading=reading):
            return reading.fields.changes
        case Asked(changes=changes) | Ruled(changes=changes):
            return changes
        case _:
            return ()
