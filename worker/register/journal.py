"""What the register remembers of its own work: effects carried out, rows that had to be kept, values that persons corrected.

It stands in three small tables, in the database it is about; for a database that may not have them, in the first one that may.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, and_, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from worker.register.tables import correction, effect, kept

#: A result as plain data: no personal data in it.
Result = dict[str, Any]


class AlreadyDoneError(Exception):
    """Another process has just carried out the same effect: read its result."""


@dataclass(frozen=True, slots=True)
class Note:
    """Columns of one row that an erasure had to keep, up to and with the day ``until`` (None: no date yet).

    A row that is empty, but needed by rows that are kept, is noted without columns.
    """

    table: str
    key: str
    columns: frozenset[str]
    until: date | None


@dataclass(frozen=True, slots=True)
class Journal:
    """The journal of ``database`` in the transaction of ``connection``."""

    connection: Connection
    database: str

    def result(self, effect_id: str) -> Result | None:
        """What the effect did when it was carried out, or None."""
        found = self.connection.execute(select(effect.c.result).where(self._is(effect_id))).scalar()
        return None if found is None else dict(json.loads(found))

    def result_below(self, prefix: str) -> Result | None:
        """What the first effect did whose id begins with ``prefix``, or None."""
        query = select(effect.c.result).where(effect.c.id.startswith(prefix, autoescape=True), effect.c.database == self.database)
        found = self.connection.execute(query.order_by(effect.c.id).limit(1)).scalar()
        return None if found is None else dict(json.loads(found))

    def once(self, effect_id: str, work: Callable[[], Result]) -> Result:
        """Carry out ``work`` unless the effect was carried out before; its result stands in the same transaction."""
        done = self.result(effect_id)
        if done is not None:
            return done
        self._claim(effect_id)
        result = work()
        self.connection.execute(update(effect).where(self._is(effect_id)).values(result=json.dumps(result)))
        return result

    def take_back(self, effect_id: str) -> None:
        """Forget an effect that was noted before it was carried out, and was refused."""
        self.connection.execute(delete(effect).where(self._is(effect_id)))

    def _claim(self, effect_id: str) -> None:
        """Take the id before the work, so that of two processes the second waits here."""
        try:
            self.connection.execute(insert(effect).values(id=effect_id, database=self.database, result="{}"))
        except IntegrityError:
            raise AlreadyDoneError(effect_id) from None

    def _is(self, effect_id: str) -> Any:
        return and_(effect.c.id == effect_id, effect.c.database == self.database)

    def replace(self, root: str, root_key: str, notes: Sequence[Note]) -> None:
        """Remember what is kept of a person; what was remembered before is forgotten."""
        mine = and_(kept.c.database == self.database, kept.c.root == root, kept.c.root_key == root_key)
        self.connection.execute(delete(kept).where(mine))
        for note in notes:
            values = {"table": note.table, "key": note.key, "root": root, "root_key": root_key, "until": note.until}
            self.connection.execute(insert(kept).values(database=self.database, columns=json.dumps(sorted(note.columns)), **values))

    def roots_due(self, today: date) -> Iterator[tuple[str, str]]:
        """Persons (table, key) of whom something was kept whose day has passed, or has no date yet."""
        query = select(kept.c.root, kept.c.root_key).distinct().where(kept.c.database == self.database)
        rows = self.connection.execute(query.where(or_(kept.c.until.is_(None), kept.c.until < today))).all()
        return ((row.root, row.root_key) for row in rows)

    def notes(self, root: str, root_key: str) -> tuple[Note, ...]:
        """Everything that was kept of a person."""
        query = select(kept).where(kept.c.database == self.database, kept.c.root == root, kept.c.root_key == root_key)
        return tuple(Note(r.table, r.key, frozenset(json.loads(r.columns)), r.until) for r in self.connection.execute(query).all())

    def corrected(self, table: str, key: str, columns: Sequence[str]) -> None:
        """Remember that the person gave these values."""
        for column in columns:
            row = {"database": self.database, "table": table, "key": key, "column": column}
            same = and_(*(correction.c[name] == value for name, value in row.items()))
            self.connection.execute(delete(correction).where(same))
            self.connection.execute(insert(correction).values(**row))

    def uncorrected(self, table: str, key: str) -> None:
        """Forget the corrections of a row."""
        mine = and_(correction.c.database == self.database, correction.c.table == table, correction.c.key == key)
        self.connection.execute(delete(correction).where(mine))

    def corrections(self, table: str, key: str) -> Mapping[str, datetime]:
        """When the person corrected which columns of a row."""
        query = select(correction.c.column, correction.c.done_at)
        same = and_(correction.c.database == self.database, correction.c.table == table, correction.c.key == key)
        return {row.column: row.done_at for row in self.connection.execute(query.where(same)).all()}
