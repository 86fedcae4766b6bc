"""Finding persons by their address, and gathering everything held about them (GDPR 15)."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any, Final, cast

from sqlalchemy import func, or_, select

from worker.register.database import Open
from worker.register.declaration import ColumnDeclaration, Declaration, TableDeclaration
from worker.register.journal import Journal
from worker.register.model import ColumnFacts, HeldTable, Match, PersonKey, Plain, Row
from worker.register.rectification import shown
from worker.rules.model import Language

BATCH: Final = 100  # rows that are in memory at once
_LOT: Final = 500  # keys in one IN list; SQLite before 3.32 takes 999 parameters


def find(at: Open, address: str) -> Iterator[Match]:
    """Every person under exactly that address, upper and lower case apart."""
    wanted = address.strip().lower()
    for declared in at.declared.persons if wanted else ():  # an emptied address may stand as empty text
        table = at.tables[declared.name]
        columns = [table.c[name] for name in declared.address]
        # The database's own lower() may know ASCII only, so a spelling with another letter is asked for as it is too.
        query = select(table).where(or_(*(func.lower(c).in_({wanted, address.strip(), _ascii_lower(address.strip())}) for c in columns)))
        for row in at.connection.execute(query).mappings():
            email = next((shown(row[name]) for name in declared.address if shown(row[name]).lower() == wanted), None)
            if email is not None:
                name = shown(row[declared.person_name]) if declared.person_name else ""
                yield Match(PersonKey(at.declared.name, declared.name, str(row[declared.key])), name, email)


def _ascii_lower(text: str) -> str:
    return "".join(c.lower() if c.isascii() else c for c in text)


@dataclass(frozen=True, slots=True)
class _Root:
    """A person's own row, and by table the keys of those rows from which others hang: of many rows nothing else stays in memory."""

    row: Mapping[str, Any]
    keys: Mapping[str, Sequence[Any]]

    @classmethod
    def of(cls, at: Open, person: PersonKey) -> _Root | None:
        """None if the person is gone."""
        row = at.row(person)
        if row is None:
            return None
        keys: dict[str, list[Any]] = {person.table: [row[at.declared.by_name[person.table].key]]}
        for name in at.declared.below(person.table):
            declared = at.declared.by_name[name]
            if at.declared.children(name):
                keys[name] = [found[declared.key] for found in _hanging(at, declared, keys[declared.parent], (declared.key,))]
        return cls(row, keys)

    def rows(self, at: Open, declared: TableDeclaration) -> Iterator[Mapping[str, Any]]:
        """The person's rows in one table, read while they are asked for."""
        if declared.address:
            return iter((self.row,) if declared.name in self.keys else ())
        return _hanging(at, declared, self.keys.get(declared.parent, ()), declared.names)


def tree(at: Open, person: PersonKey) -> dict[str, list[dict[str, Any]]]:
    """Table to the person's rows in it, parents before children, also tables without a row. Empty if the person is gone."""
    root = _Root.of(at, person)
    if root is None:
        return {}
    names = (person.table, *at.declared.below(person.table))
    return {name: [dict(row) for row in root.rows(at, at.declared.by_name[name])] for name in names}


def _hanging(at: Open, declared: TableDeclaration, above: Sequence[Any], names: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """The rows of a table that hang from these keys, ``names`` of their columns, a bounded number at a time."""
    table = at.tables[declared.name]
    query = select(*(table.c[name] for name in names)).order_by(table.c[declared.key]).execution_options(yield_per=BATCH)
    for start in range(0, len(above), _LOT):
        with at.connection.execute(query.where(table.c[declared.parent_key].in_(above[start : start + _LOT]))) as rows:
            yield from cast("Iterator[Mapping[str, Any]]", iter(rows.mappings()))


def slices(
    at: Open, journal: Journal | None, register: Declaration, persons: Sequence[PersonKey], language: Language
) -> Iterator[HeldTable]:
    """What one database holds about ``persons``, table by table, each row once, at most BATCH rows at a time."""
    roots = [root for person in persons if (root := _Root.of(at, person)) is not None]
    for declared in at.declared.tables:
        facts = tuple(_facts(c, register, language) for c in declared.columns)
        rows = _rows(at, journal, declared, roots)
        while found := tuple(islice(rows, BATCH)):
            yield HeldTable(at.declared.name, declared.name, declared.what, declared.title.of(language), facts, found)


def _rows(at: Open, journal: Journal | None, declared: TableDeclaration, roots: Sequence[_Root]) -> Iterator[Row]:
    return (_row(declared, journal, str(row[declared.key]), row) for root in roots for row in root.rows(at, declared))


def _facts(column: ColumnDeclaration, register: Declaration, language: Language) -> ColumnFacts:
    return ColumnFacts(
        name=column.name,
        title=column.title.of(language),
        category=column.category,
        purpose=column.purpose.of(language),
        ground=column.ground,
        recipients=tuple(register.recipients[r].name for r in column.recipients),
        retention=column.retention.text.of(language),
        origin=column.origin.of(language) if column.origin else "",
    )


def _row(declared: TableDeclaration, journal: Journal | None, key: str, row: Mapping[str, Any]) -> Row:
    recorded = row.get(declared.recorded_column)
    corrected = journal.corrections(declared.name, key) if journal and declared.correctable else {}
    return Row(
        key=key,
        values=tuple(plain(row[c.name]) for c in declared.columns),
        origin=shown(row.get(declared.origin_column)),
        recorded_at=_moment(recorded),
        corrected={name: at for name, value in corrected.items() if (at := _moment(value)) is not None},
    )


def _moment(value: object) -> datetime | None:
    """An aware moment: a database without time zones keeps UTC."""
    if isinstance(value, str) and value:
        value = datetime.fromisoformat(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def plain(value: object) -> Plain:
    """A database's value as JSON can hold it."""
    match value:
        case None | str() | int() | float():
            return value
        case datetime() | date():
            return value.isoformat()
        case Decimal():
            return str(value)
        case bytes() | memoryview():
            return base64.b64encode(value).decode()
        case _:
            return str(value)
