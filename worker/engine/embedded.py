"""The embedded pump: wakes work inside one process. The rows are the promise; what it forgets, the sweep finds."""

from __future__ import annotations

import asyncio
import fcntl
import os
from typing import TYPE_CHECKING, Final

import structlog

from worker.errors import LockHeld, TemporaryError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from worker.rules.ports import Clock, Transaction

    Task = Callable[[Sequence[str]], Awaitable[None]]

log = structlog.get_logger(__name__)
_LOT: Final = 100  # ids handed to a task at once


class EmbeddedEngine:
    """One queue of ids a task, one coroutine each; ids that wait twice are handed over once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: dict[str, dict[str, None]] = {}
        self._wake: dict[str, asyncio.Event] = {}

    def enqueue(
        self,
        tx: Transaction,
        task: str,
        key: str,  # noqa: ARG002 - one process: work that waits is merged by its ids
        ids: Sequence[str],
        due: datetime | None = None,
        priority: int = 0,  # noqa: ARG002 - no order but that of arrival
    ) -> None:
        """Wake ``task`` after the commit of ``tx``. What is due later is left to the sweep, which looks each second."""
        if due is None or due <= self._clock.now():
            tx.after_commit(lambda: self._offer(task, ids))

    def _offer(self, task: str, ids: Sequence[str]) -> None:
        self._waiting.setdefault(task, {}).update(dict.fromkeys(ids))
        self._wake.setdefault(task, asyncio.Event()).set()

    async def run(self, tasks: Mapping[str, Task]) -> None:
        """Hand the ids to their tasks until cancelled. ``tasks`` is the whole table of names."""
        async with asyncio.TaskGroup() as group:
            for name, task in tasks.items():
                group.create_task(self._pump(name, task), name=f"pump {name}")

    async def _pump(self, name: str, task: Task) -> None:
        wake = self._wake.setdefault(name, asyncio.Event())
        while True:
            await wake.wait()
            wake.clear()
            waiting = self._waiting.setdefault(name, {})
            ids = list(waiting)
            waiting.clear()
            for start in range(0, max(len(ids), 1), _LOT):
                await self._call(name, task, ids[start : start + _LOT])

    async def _call(self, name: str, task: Task, ids: Sequence[str]) -> None:
        try:
            await task(ids)
        except TemporaryError as error:
            log.warning("a task waits", task=name, error=str(error))
        except Exception:
            # A defect in one task must not stop the others; its rows still wait and the sweep comes back to them.
            log.exception("a task failed", task=name)


class EngineLock:
    """The file lock of an embedded engine: one process polls, pumps and sends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    def acquire(self) -> None:
        """Take the lock, or raise LockHeld naming the process that has it."""
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 64, 0).decode(errors="replace").strip()
            os.close(handle)
            raise LockHeld(holder or "another process") from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()}\n".encode(), 0)
        self._handle = handle

    def release(self) -> None:
        """Give the lock back; the end of the process does so too."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
