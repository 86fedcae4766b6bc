"""Which ticks of a schedule have been taken: of several processes one takes each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.store.newsletters import insert_new
from worker.store.tables import schedule_fire

if TYPE_CHECKING:
    from worker.store.store import Tx


def take(tx: Tx, name: str, tick: str) -> bool:
    """True for the first process that asks for this tick (such as a local date) of this schedule."""
    return insert_new(tx, schedule_fire, {"name": name, "tick": tick})
