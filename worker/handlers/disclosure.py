"""An authority asks: never answered by a machine; legitimacy is recorded by staff first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.rules.asking import for_a_person
from worker.rules.model import HoldReason

if TYPE_CHECKING:
    from worker.rules.decision import Decision, Situation


def handle(situation: Situation) -> Decision:  # noqa: ARG001 - every handler has the same form
    """Hold for a person, without a note: who writes in an authority's name may be anybody."""
    return for_a_person(HoldReason.AUTHORITY)
