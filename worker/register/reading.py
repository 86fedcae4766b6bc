"""Finding persons by their address, and gathering everything held about them (GDPR 15)."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final, cast

from sqlalchemy import Table, func, or_, select

from worker.register.database import Open
from worker.register.declaration import ColumnDeclaration, Declaration, TableDeclaration
from worker.register.journal import Journal
from worker.register.model import ColumnFacts, HeldTable, Match, PersonKey, Plain, Row
from worker.register.rectification import shown
from worker.rules.model import Language

_NEVER: Final[Mapping[str, datetime]] = {}  # one for all rows: a package may have 100,000
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


def walk(at: Open, person: PersonKey) -> Iterator[tuple[TableDeclaration, Mapping[str, Any]]]:
    """The person's own row and everything that hangs from it, parents before children, one row at a time. Nothing if it is gone."""
    row = at.row(person)
    if row is None:
        return
    own = at.declared.by_name[person.table]
    yield own, row
    keys: dict[str, list[Any]] = {person.table: [row[own.key]]}
    for name in at.declared.below(person.table):
        declared, table = at.table(name)
        mine = keys[name] = []
        has_children = bool(at.declared.children(name))
        above = keys[declared.parent]
        for start in range(0, len(above), _LOT):
            for found in _hanging(at, declared, table, above[start : start + _LOT]):
                if has_children:
                    mine.append(found[declared.key])
                yield declared, found


def tree(at: Open, person: PersonKey) -> dict[str, list[dict[str, Any]]]:
    """Table to rows of :func:`walk`, parents before children, also tables without a row. Empty if the person is gone."""
    found: dict[str, list[dict[str, Any]]] = {}
    for declared, row in walk(at, person):
        if not found:
            found = {name: [] for name in (declared.name, *at.declared.below(declared.name))}
        found[declared.name].append(dict(row))
    return found


def _hanging(at: Open, declared: TableDeclaration, table: Table, keys: Sequence[Any]) -> Iterator[Mapping[str, Any]]:
    query = select(table).where(table.c[declared.parent_key].in_(keys)).order_by(table.c[declared.key])
    rows = at.connection.execute(query.execution_options(yield_per=_LOT)).mappings()
    return cast("Iterator[Mapping[str, Any]]", iter(rows))


def holdings(
    at: Open, journal: Journal | None, register: Declaration, persons: Sequence[PersonKey], language: Language
) -> Iterator[HeldTable]:
    """What one database holds about ``persons``, table by table, each row once."""
    rows: dict[str, dict[str, Row]] = {}
    for person in persons:
        for declared, found in walk(at, person):
            key = str(found[declared.key])
            rows.setdefault(declared.name, {}).setdefault(key, _row(declared, journal, key, found))
    for declared in at.declared.tables:
        if mine := rows.pop(declared.name, None):
            facts = tuple(_facts(c, register, language) for c in declared.columns)
            yield HeldTable(at.declared.name, declared.name, declared.what, declared.title.of(language), facts, tuple(mine.values()))


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
        origin=sys.intern(shown(row.get(declared.origin_column))),
        recorded_at=_moment(recorded),
        corrected={name: at for name, value in corrected.items() if (at := _moment(value)) is not None} or _NEVER,
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
