"""The lease of a shared database: one process works, the others wait and say so."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from worker.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = structlog.get_logger(__name__)
_TERM: Final = timedelta(seconds=30)
_RENEW: Final = 10.0  # seconds: three tries before the term is over
_MARGIN: Final = 0.1  # of the term: work stops so long before its end, for at the end another process begins
_ASK: Final = (1.0, 1.0, 2.0, 5.0, 10.0, 15.0)  # seconds to the next look: first whether another process has ended, then by failures


def new_holder() -> str:
    """A name that no other process has, and that says which one it is."""
    return f"{socket.gethostname()} process {os.getpid()} {secrets.token_hex(4)}"


@dataclass(frozen=True, slots=True)
class Lease:
    """``take`` gives a fence, or None while another holds it; ``give_back`` ends our own. Both speak to the store."""

    take: Callable[[str, timedelta], Awaitable[int | None]]
    give_back: Callable[[str], Awaitable[None]]
    holder: str = field(default_factory=new_holder)
    term: timedelta = _TERM
    renew: float = _RENEW

    async def work(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run ``work`` whenever the lease is ours: wait for it, and when it is lost stop, and wait again. Ends with an error of ``work``.

        A store that does not answer ends nothing but this turn: the lease is asked for again until it is back.
        """
        while True:
            until = await self._wait()
            log.info("this process holds the engine")
            await self._turn(work, until)

    async def _turn(self, work: Callable[[], Awaitable[None]], until: float) -> None:
        working = asyncio.ensure_future(work())
        kept = asyncio.ensure_future(self._keep(until))
        try:
            await asyncio.wait({working, kept}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _cancelled(kept)
            ended = await _cancelled(working)
            with suppress(StoreUnavailable):
                await self.give_back(self.holder)
        if ended is not None:
            raise ended

    async def _wait(self) -> float:
        """Ask until the lease is ours. Returns the loop's time until which it surely is."""
        said, failures = False, 0
        while True:
            begun = asyncio.get_running_loop().time()
            try:
                if await self.take(self.holder, self.term) is not None:
                    return begun + self.term.total_seconds() * (1 - _MARGIN)
                failures = 0
                if not said:
                    log.info("another process holds the engine: this one waits for its turn")
                    said = True
            except StoreUnavailable as error:
                failures += 1
                log.warning("the store does not answer: this process waits", problem=str(error))
            await asyncio.sleep(_ASK[min(failures, len(_ASK) - 1)])

    async def _keep(self, until: float) -> None:
        """Renew until the lease is lost: taken by another process, or not renewed in time because the store does not answer."""
        loop = asyncio.get_running_loop()
        with suppress(TimeoutError):
            while True:
                async with asyncio.timeout_at(until):
                    await asyncio.sleep(self.renew)
                    begun = loop.time()
                    try:
                        fence = await self.take(self.holder, self.term)
                    except StoreUnavailable as error:
                        log.warning("the lease could not be renewed", problem=str(error))
                        continue
                if fence is None:
                    break
                until = begun + self.term.total_seconds() * (1 - _MARGIN)
        log.error("the lease is lost: this process stops its work and waits for its turn")


async def _cancelled(task: asyncio.Future[None]) -> BaseException | None:
    """Cancel ``task``, wait for its end, and return the error that it ended with by itself."""
    task.cancel()
    await asyncio.wait({task})
    return None if task.cancelled() else task.exception()
