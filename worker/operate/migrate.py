"""``privacy-desk migrate``: the tables of this release, while no desk is at work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker import assembly

if TYPE_CHECKING:
    from worker.settings import Settings


async def migrate(settings: Settings) -> int:
    """Bring store and register to this release's tables. LockHeld if a desk is at work on them."""
    await assembly.prepare(settings)
    print("store and register have this release's tables")
    return 0
