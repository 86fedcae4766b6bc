"""Making a package: the register is read in slices, and what a long table has more than the page shows is sealed in parts.

Each part is a transaction of its own, and nobody can open anything before the report. Between two slices only one part is in memory.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from worker.casework.package_file import row_text
from worker.store import packages
from worker.store.packages import Further, Package

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.casework.desk import Desk
    from worker.register.model import HeldTable, PersonKey, Row
    from worker.rules.model import Case
    from worker.store.effects import Effect

#: Rows of one table that stand in the document itself: what the page shows.
SHOWN_ROWS: Final = 200
_PART: Final = 256 * 1024  # characters of a part, and of the rows of one table that stand in the document; a row is never cut


async def packed(desk: Desk, effect: Effect, case: Case, persons: Sequence[PersonKey], own: dict[str, Any]) -> Package | None:
    """Everything held about ``persons`` and, as ``own``, what the desk itself holds; None if another attempt has taken over."""
    as_of = desk.clock.now()
    if not await desk.store.run(packages.begin, effect):
        return None
    parts = _Parts(desk, effect)
    async with aclosing(desk.register.slices(persons, language=case.language)) as slices:
        async for held in slices:
            if not await parts.take(held):
                return None
    if not await parts.flush():
        return None
    tables = [replace(each.held, rows=tuple(each.shown)) for each in parts.tables]
    further = {place: Further(each.rows, each.parts) for place, each in enumerate(parts.tables) if each.parts}
    holdings = desk.register.gathered(tables, as_of=as_of, language=case.language)
    return Package(effect.id, {**holdings.to_json(), "desk": own}, further)


@dataclass(slots=True)
class _Table:
    """One table while its slices come in."""

    held: HeldTable  # without rows
    shown: list[Row] = field(default_factory=list)
    size: int = 0  # characters of the shown rows
    rows: int = 0
    parts: range = range(0)

    @property
    def is_open(self) -> bool:
        """Whether one more row can stand in the document."""
        return len(self.shown) < SHOWN_ROWS and self.size < _PART


@dataclass(slots=True)
class _Parts:
    """What has come in so far; of the rows that the document leaves out, those of one part."""

    desk: Desk
    effect: Effect
    tables: list[_Table] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    size: int = 0
    number: int = 0

    async def take(self, held: HeldTable) -> bool:
        """Take a slice. False if another attempt has taken over."""
        bare = replace(held, rows=())
        if not self.tables or self.tables[-1].held != bare:
            if not await self.flush():
                return False
            self.tables.append(_Table(bare))
        for row, text in zip(held.rows, await asyncio.to_thread(_texts, held), strict=True):
            if not await self._add(self.tables[-1], row, text):
                return False
        return True

    async def _add(self, table: _Table, row: Row, text: str) -> bool:
        table.rows += 1
        if table.is_open:
            table.shown.append(row)
            table.size += len(text)
            return True
        self.waiting.append(text)
        self.size += len(text)
        return self.size < _PART or await self.flush()

    async def flush(self) -> bool:
        """Seal what waits as the next part of the last table. False if another attempt has taken over."""
        if not self.waiting:
            return True
        text, number = "".join(self.waiting), self.number
        self.waiting, self.size, self.number = [], 0, number + 1
        table = self.tables[-1]
        table.parts = range(table.parts.start if table.parts else number, number + 1)
        return await self.desk.store.run(packages.add_part, self.effect, number, text)


def _texts(held: HeldTable) -> list[str]:
    return [row_text(row) for row in held.rows_to_json()]
