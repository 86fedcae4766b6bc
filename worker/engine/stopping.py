"""An orderly stop: what is in hand comes to its end, what has not begun does not begin."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from worker.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine

T = TypeVar("T")
log = structlog.get_logger(__name__)
MOMENT = 5.0  # seconds that what is on its way gets when the desk stops: `docker stop` kills after ten
PAUSE = 1.0  # seconds between two tries to write down what must not be forgotten


class Stop:
    """Tells the work of one call that its caller was cancelled. Made anew for each call.

    The work looks at ``asked`` before it begins anything, puts what others can see into :meth:`under_way`, and writes
    down what came of it by :meth:`insist`.
    """

    def __init__(self) -> None:
        self.asked = False
        self._until = 0.0  # loop time; what is on its way is cut off then
        self._under_way: set[asyncio.Timeout] = set()

    async def see_through(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work`` to its end, also when the caller is cancelled: then it is asked to end soon, and CancelledError follows.

        A second cancellation does not wait any more.
        """
        task = asyncio.ensure_future(work)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            self._ask()
            await _ended(task)
            raise

    def _ask(self) -> None:
        self.asked = True
        self._until = asyncio.get_running_loop().time() + MOMENT
        for timeout in self._under_way:
            timeout.reschedule(min(self._until, timeout.when() or self._until))

    @asynccontextmanager
    async def under_way(self, seconds: float | None = None) -> AsyncIterator[None]:
        """Around what has an end of its own. Raises TimeoutError after ``seconds``, or a moment after the stop."""
        async with asyncio.timeout(seconds) as timeout:
            self._under_way.add(timeout)
            try:
                yield
            finally:
                self._under_way.discard(timeout)

    async def insist(self, call: Callable[..., Awaitable[T]], *args: Any) -> T:
        """``call(*args)``, again and again while the store does not answer: what has happened outside would be forgotten else.

        Raises StoreUnavailable only a moment after the stop.
        """
        while True:
            try:
                return await call(*args)
            except StoreUnavailable as error:
                if self.asked and asyncio.get_running_loop().time() >= self._until:
                    raise
                log.warning("what was done is not written down yet", problem=str(error))
            await asyncio.sleep(PAUSE)


async def _ended(task: asyncio.Future[None]) -> None:
    try:
        await asyncio.wait({task})
    finally:
        task.cancel()
        (result,) = await asyncio.gather(task, return_exceptions=True)
    if isinstance(result, Exception):
        log.error("what was in hand did not come to its end", exc_info=result)
