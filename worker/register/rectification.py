"""Correcting a person's row, bound to the values that the person was shown (GDPR 16)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, func, select, update

from worker.errors import RegisterRefused
from worker.register.database import Open, is_text
from worker.register.declaration import ColumnDeclaration
from worker.register.model import PersonKey, Rectified
from worker.register.values import normalise
from worker.rules.letters import Reason
from worker.rules.model import Change, Column


@dataclass(frozen=True, slots=True)
class Outcome:
    """A correction and the columns of the database that it wrote."""

    rectified: Rectified
    written: tuple[str, ...] = ()


def shown(value: object) -> str:
    """A value as persons are shown it, and as it is compared: empty for nothing."""
    return "" if value is None else str(value).strip()


def current(at: Open, person: PersonKey, columns: Sequence[Column]) -> dict[Column, str]:
    """The present values of those ``columns`` that the person may correct; nothing for a person no longer on record."""
    row = at.row(person)
    known = at.table(person.table)[0].correctable
    return {c: shown(row[known[c].name]) for c in columns if c in known} if row else {}


def rectify(at: Open, person: PersonKey, changes: Sequence[Change]) -> Outcome:
    """Apply ``changes`` if the record still is what the person was shown; nothing of it otherwise."""
    declared, table = at.table(person.table)
    row = at.row(person, lock=True)
    if row is None:
        return Outcome(Rectified(outdated=True))
    values, refused = _values(at, person, changes, row)
    columns = tuple(declared.correctable[c] for c in values)
    if any(not _is_as_shown(row, declared.correctable, change, values) for change in changes):
        return Outcome(Rectified(outdated=True, current=current(at, person, [c.column for c in changes])))
    _write(at, person, table, {declared.correctable[c].name: v or None for c, v in values.items()})
    now = current(at, person, [c.column for c in changes])
    if any(now.get(c) != v for c, v in values.items()):
        raise RegisterRefused(f"databases.{person.database}.tables.{person.table}: a corrected value was not kept as it was written")
    recipients = tuple(dict.fromkeys(r for c in columns for r in c.recipients))
    return Outcome(Rectified(tuple(values), tuple(refused.items()), current=now, recipients=recipients), tuple(c.name for c in columns))


def _is_as_shown(row: Mapping[str, Any], known: Mapping[Column, ColumnDeclaration], change: Change, values: Mapping[Column, str]) -> bool:
    """Nobody changed the value meanwhile; a value that already is the new one is as good."""
    if change.old is None:
        raise RegisterRefused("a correction does not say which value the person was shown")
    if change.column not in known:
        return True
    now = shown(row[known[change.column].name])
    return now == change.old.strip() or now == values.get(change.column)


def _values(
    at: Open, person: PersonKey, changes: Sequence[Change], row: Mapping[str, Any]
) -> tuple[dict[Column, str], dict[Column, Reason]]:
    """The values to write, and the columns refused with their reason."""
    declared, table = at.table(person.table)
    country = _country(changes, row, declared.correctable)
    values: dict[Column, str] = {}
    refused: dict[Column, Reason] = {}
    for change in changes:
        known = declared.correctable.get(change.column)
        value = normalise(change.column, change.new, country) if known else None
        if known is None or value is None or not _fits(table, known.name, value):
            refused[change.column] = Reason.VALUE_REFUSED
        elif change.column is Column.EMAIL and _is_taken(at, person, known.name, value):
            refused[change.column] = Reason.ADDRESS_TAKEN
        else:
            values[change.column] = value
    return values, refused


def _country(changes: Sequence[Change], row: Mapping[str, Any], known: Mapping[Column, ColumnDeclaration]) -> str:
    """Where the person lives once the changes are made."""
    new = next((c.new for c in changes if c.column is Column.COUNTRY), None)
    if new is not None or Column.COUNTRY not in known:
        return new or ""
    return shown(row[known[Column.COUNTRY].name])


def _fits(table: Table, name: str, value: str) -> bool:
    """Text of at most the column's length; nothing only where the column may be empty."""
    longest = getattr(table.c[name].type, "length", None)
    return is_text(table.c[name]) and (longest is None or len(value) <= longest) and (bool(value) or bool(table.c[name].nullable))


def _is_taken(at: Open, person: PersonKey, name: str, value: str) -> bool:
    declared, table = at.table(person.table)
    others = select(table.c[declared.key]).where(func.lower(table.c[name]) == value.lower())
    return any(str(key) != person.key for key in at.connection.execute(others).scalars())


def _write(at: Open, person: PersonKey, table: Table, values: Mapping[str, str | None]) -> None:
    if not values:
        return
    key = at.table(person.table)[0].key
    row = at.row(person)
    if row is not None:
        at.connection.execute(update(table).where(table.c[key] == row[key]).values(**values))
