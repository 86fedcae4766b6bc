"""The protocols that doors, engines and the store share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime


class Transaction(Protocol):
    """One open transaction of the store. Callers pass it on and do not look inside."""

    def after_commit(self, call: Callable[[], None]) -> None:
        """Run ``call`` once after a successful commit, in the order of registration; never after a roll-back."""


class Engine(Protocol):
    """Wakes work that rows promise. Losing a wake-up delays work by a minute at most, never loses it."""

    def enqueue(self, tx: Transaction, task: str, key: str, ids: Sequence[str], due: datetime | None = None, priority: int = 0) -> None:
        """Wake ``task`` for ``ids`` once ``tx`` has committed; calls with the same task and key may be merged."""


class Clock(Protocol):
    """Tells the time; the demo's can be moved."""

    def now(self) -> datetime:
        """The current moment, aware, in UTC."""
