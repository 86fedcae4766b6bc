"""``privacy-desk migrate``: the tables of this release, while no desk is running."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker import app
from worker.engine.embedded import EngineLock

if TYPE_CHECKING:
    from worker.settings import Settings


async def migrate(settings: Settings) -> int:
    """Bring store and register to this release's tables. LockHeld if a desk is running on this data folder."""
    settings.data.folder.mkdir(parents=True, exist_ok=True)
    lock = EngineLock(settings.lock_file)
    lock.acquire()
    try:
        async with app.opened(settings):
            print("store and register have this release's tables")
    finally:
        lock.release()
    return 0
