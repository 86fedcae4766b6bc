"""A desk in a process of its own that kills itself at one step; nothing of the product knows of that.

The processes are forked from one that has imported everything (the standard library's forkserver): a trial starts two of them.
"""

from __future__ import annotations

import asyncio
import functools
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

from tests.journeys.running import Ahead
from worker.app import running
from worker.logs import configure
from worker.mail.imap import Mailbox
from worker.mail.smtp import Relay
from worker.register.register import Register
from worker.schedule import ScheduleSettings
from worker.settings import load
from worker.store import Store, Tx

#: What reaches out of the process: before and after each of these is a step.
OUTWARD = ((Relay, "send"), (Mailbox, "move"), (Register, "rectify"), (Register, "erase"))

#: The line that a process begins with.
STARTED = "started"


@dataclass
class Steps:
    """Counts the steps, and kills at the chosen one."""

    log: int
    step: str = ""
    number: int = 0
    seen: Counter[str] = field(default_factory=Counter)

    def __call__(self, step: str) -> None:
        """One step is reached. What was written to the log stays when the process dies: the kernel has it."""
        self.seen[step] += 1
        os.write(self.log, f"{step}\n".encode())
        if step == self.step and self.seen[step] == self.number:
            os.kill(os.getpid(), signal.SIGKILL)


def watch(steps: Steps) -> None:
    """Put a step before and after everything that others can see: each commit that wrote something, and each way outward."""
    for kind, name in OUTWARD:
        setattr(kind, name, _around(steps, f"{kind.__name__}.{name}", getattr(kind, name)))
    setattr(Store, "run", _committing(steps, Store.run))  # noqa: B010 - a method of the product is replaced here, on purpose


def _around(steps: Steps, name: str, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(call)
    async def stepped(*arguments: Any, **named: Any) -> Any:
        steps(f"before {name}")
        result = await call(*arguments, **named)
        steps(f"after {name}")
        return result

    return stepped


def _committing(steps: Steps, run: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(run)
    async def stepped(store: Store, work: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        name, wrote = getattr(work, "__qualname__", "?").replace("<locals>.", ""), [False]

        def inside(tx: Tx, *given: Any, **also: Any) -> Any:
            before = _changes(tx)
            result = work(tx, *given, **also)
            # Registered last, so that it is called when everything else of the transaction is written.
            tx.before_commit(lambda: _written(tx, before))
            return result

        def _written(tx: Tx, before: int) -> None:
            wrote[0] = _changes(tx) > before
            if wrote[0]:
                steps(f"before commit {name}")

        result = await run(store, inside, *arguments, **named)
        if wrote[0]:
            steps(f"after commit {name}")
        return result

    return stepped


def _changes(tx: Tx) -> int:
    """How many rows this connection has changed so far (sqlite3.Connection.total_changes)."""
    connection: Any = tx.connection.connection.dbapi_connection
    return int(connection.total_changes)


async def work(config: Path, steps: Steps, ahead: timedelta) -> None:
    """Run the desk until SIGTERM, its clock ``ahead`` of the machine's."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    configure()
    watch(steps)
    async with running(load(config, {}), clock=Ahead(ahead), schedule=ScheduleSettings(sweep_every=timedelta(seconds=0.5))):
        await stop.wait()


def child(config: Path, ahead: timedelta, step: str, number: int) -> None:
    """What the process does: its log and its steps go to files beside ``config``; it dies the ``number``-th time that it comes to ``step``."""
    log = _appended(config.with_name("log"))
    os.dup2(log, 1)
    os.dup2(log, 2)
    steps = Steps(_appended(config.with_name("steps")), step, number)
    steps(STARTED)
    asyncio.run(work(config, steps, ahead))


def _appended(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def processes() -> ForkServerContext:
    """Where the processes come from."""
    found = get_context("forkserver")
    found.set_forkserver_preload([__name__, "worker.web.app", "worker.web.server", "worker.intake", "worker.sender"])
    return found
