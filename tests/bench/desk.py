"""The desk as the bench runs it: a process of its own that tells what it has used, when asked.

``python -m tests.bench.desk CONFIG`` writes a line of JSON when it is ready, and one for each line that it reads.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from sqlalchemy import func, select

from tests.bench.stages import Stages, watched
from worker.app import Running, running
from worker.logs import configure
from worker.settings import load
from worker.store import Tx, mails, tables


def figures(stages: Stages) -> dict[str, object]:
    """CPU seconds of the process, of its event loop's thread, and by stage; calls by stage."""
    return {"cpu": time.process_time(), "loop": time.thread_time(), "seconds": dict(stages.seconds), "calls": dict(stages.calls)}


def kept(tx: Tx) -> dict[str, dict[str, int]]:
    """How many mails and letters there are, by state and by name."""
    named = select(tables.letter.c.name, func.count()).group_by(tables.letter.c.name)
    return {"mails": mails.counts(tx), "letters": dict(tx.connection.execute(named).tuples().all())}


async def main(config: Path) -> None:
    """Be a desk until standard input ends."""
    configure()
    stages = watched()
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with running(load(config, {})) as desk:
        while not desk.ready():
            await asyncio.sleep(0.01)
        tell(figures(stages))
        while line := await reader.readline():
            await answer(line.strip(), desk, stages)


async def answer(line: bytes, desk: Running, stages: Stages) -> None:
    """``figures``: what was used so far. ``kept``: what the store holds."""
    tell(figures(stages) if line == b"figures" else await desk.desk.store.run(kept))


def tell(what: object) -> None:
    """One line for the bench."""
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
