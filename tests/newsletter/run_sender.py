"""Sends what is due, in a process of its own that a test can kill: ``python -m tests.newsletter.run_sender URL FOLDER PORT``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.newsletter.world import Senders, a_world


async def main(url: str, folder: str, port: str) -> None:
    with a_world(url, Path(folder)) as world:
        senders = Senders(int(port))
        await senders(world, lot=7).campaign()
        await senders.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
