"""HANDLERS: what answers each thing that can happen. The whole table, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.handlers import (
    access,
    answer,
    applied,
    bounce,
    confirmation,
    correction,
    deadline,
    deletion,
    disclosure,
    entered,
    objection,
    other,
    portability,
    restriction,
    ruling,
    unsubscribe,
    withdrawal,
)  # fmt: skip
from worker.rules.decision import Intent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker.rules.decision import Decision, Situation

HANDLERS: Final[Mapping[Intent, Callable[[Situation], Decision]]] = {
    Intent.ACCESS: access.handle,
    Intent.CORRECTION: correction.handle,
    Intent.DELETION: deletion.handle,
    Intent.UNSUBSCRIBE: unsubscribe.handle,
    Intent.OBJECTION: objection.handle,
    Intent.RESTRICTION: restriction.handle,
    Intent.PORTABILITY: portability.handle,
    Intent.CONFIRMATION: confirmation.handle,
    Intent.ANSWER: answer.handle,
    Intent.WITHDRAWAL: withdrawal.handle,
    Intent.DISCLOSURE: disclosure.handle,
    Intent.BOUNCE: bounce.handle,
    Intent.RULING: ruling.handle,
    Intent.ENTERED: entered.handle,
    Intent.DEADLINE: deadline.handle,
    Intent.APPLIED: applied.handle,
    Intent.OTHER: other.handle,
}
