"""The lease of a shared database: one process pumps, the others wait and say so."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from worker.errors import LockHeld, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

log = structlog.get_logger(__name__)
_TERM: Final = timedelta(seconds=30)
_RENEW: Final = 10.0  # seconds: three tries before the term is over


@dataclass(frozen=True, slots=True)
class Lease:
    """``take`` gives a fence, or None while another holds it; ``give_back`` ends our own. Both speak to the store."""

    take: Callable[[str, timedelta], Awaitable[int | None]]
    give_back: Callable[[str], Awaitable[None]]

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Wait for the lease, hold it for the block, and give it back. LockHeld ends the block if it was lost."""
        holder = f"{socket.gethostname()} process {os.getpid()} {secrets.token_hex(4)}"
        await self._wait(holder)
        async with asyncio.TaskGroup() as group:
            renewing = group.create_task(self._renew(holder))
            try:
                yield
            finally:
                renewing.cancel()
                await self.give_back(holder)

    async def _wait(self, holder: str) -> None:
        said = False
        while await self.take(holder, _TERM) is None:
            if not said:
                log.info("another process holds the engine: this one waits for its turn")
                said = True
            await asyncio.sleep(1)

    async def _renew(self, holder: str) -> None:
        """Renew until cancelled. Whoever cannot renew within the term must stop: another process has begun."""
        failures = 0
        while True:
            await asyncio.sleep(_RENEW)
            try:
                if await self.take(holder, _TERM) is None:
                    msg = "another process, which took the lease over"
                    raise LockHeld(msg)
                failures = 0
            except StoreUnavailable:
                failures += 1
                if failures * _RENEW >= _TERM.total_seconds():
                    raise
