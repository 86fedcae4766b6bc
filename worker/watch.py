"""What the desk depends on, looked at now and then: said once when it is down, once when it is back.

Whether all is well is what the last attempts said, the desk's own as well as those made here: nothing is asked for each
look at ``/readyz``.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from worker.errors import StoreUnavailable, TemporaryError
from worker.store import parts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from worker.casework.desk import Desk

log = structlog.get_logger(__name__)
_PAUSE: Final = 15.0  # seconds between two looks at what is well
_WAITS: Final = (3.0, 5.0, 5.0, 10.0)  # seconds to the next look at what is not, by failures
_LOGIN_WAITS: Final = (3.0, 5.0, 10.0, 30.0, 60.0)  # the same where each look is a login, which must not be tried without end
_PATIENCE: Final = 20.0  # seconds that an answer may take
ANSWERS: Final = "answers"


@dataclass(frozen=True, slots=True)
class Part:
    """Something that the desk depends on.

    ``ask`` has it answer something, ``problem`` is what the last attempt said: empty if it answered, None before the first one.
    """

    kind: str  # store, register or relay
    name: str
    ask: Callable[[], Awaitable[object]]
    problem: Callable[[], str | None]


class Watch:
    """Looks at ``parts`` until it is cancelled. ``keeps``: what it sees is written to the store, for status and the health page."""

    def __init__(self, desk: Desk, watched: Sequence[Part], *, keeps: bool) -> None:
        self._desk = desk
        self._parts = tuple(watched)
        self._keeps = keeps
        self._no_answer: dict[Part, str] = {}  # what a part could not say itself

    def problem(self, part: Part) -> str | None:
        """What is wrong with a part now; empty if nothing is, None if nobody knows yet."""
        return self._no_answer.get(part) or part.problem()

    def well(self) -> bool:
        """True if every part answered when it was asked last."""
        return all(self.problem(part) == "" for part in self._parts)

    async def run(self) -> None:
        """Look until cancelled."""
        async with asyncio.TaskGroup() as group:
            for part in self._parts:
                group.create_task(self._mind(part), name=f"watch {part.kind} {part.name}")

    async def _mind(self, part: Part) -> None:
        said, failures = "", 0
        while True:
            await self._ask(part)
            problem = self.problem(part) or ""
            if problem != said:
                _tell(part, problem)
            said, failures = problem, (failures + 1 if problem else 0)
            await self._keep(part, problem)
            waits = _LOGIN_WAITS if part.kind == "relay" else _WAITS
            await asyncio.sleep(waits[min(failures, len(waits)) - 1] if problem else _PAUSE)

    async def _ask(self, part: Part) -> None:
        problem = ""
        try:
            async with asyncio.timeout(_PATIENCE):
                await part.ask()
        except TimeoutError:
            problem = "it does not answer in time"
        except TemporaryError as error:
            problem = "" if part.problem() else str(error)
        except Exception:
            # A defect of ours in a look must not end the desk.
            log.exception("a part could not be looked at", part=part.kind, name=part.name)
            problem = "defect"
        self._no_answer[part] = problem

    async def _keep(self, part: Part, problem: str) -> None:
        if self._keeps and part.kind != "store":
            with suppress(StoreUnavailable):  # it is noted with the next look
                await self._desk.store.run(parts.note, part.kind, part.name, problem or ANSWERS)


def _tell(part: Part, problem: str) -> None:
    if problem:
        log.warning("a part of the desk does not answer", part=part.kind, name=part.name, problem=problem)
    else:
        log.info("a part of the desk answers again", part=part.kind, name=part.name)
