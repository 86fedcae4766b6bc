"""What the register takes and gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from worker.register.declaration import Recipient
from worker.rules.letters import Item, Reason
from worker.rules.model import Column, Language

#: A value as it stands in a package: dates as ISO text, amounts with decimals as text, bytes as base64.
Plain = str | int | float | bool | None


@dataclass(frozen=True, slots=True, order=True)
class PersonKey:
    """One person's row: a declared database, its table of persons, and the row's key as text."""

    database: str
    table: str
    key: str


@dataclass(frozen=True, slots=True)
class Match:
    """A person on record under an address. ``email`` is the address as it stands on record."""

    person: PersonKey
    name: str = field(repr=False)
    email: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """What the law wants told about a column (GDPR 15(1)), in the language of the answer. ``recipients`` are names."""

    name: str
    title: str
    category: str
    purpose: str
    ground: str
    recipients: tuple[str, ...]
    retention: str
    origin: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row: values beside the columns of its table; ``corrected`` tells when the person corrected a column."""

    key: str
    values: tuple[Plain, ...] = field(repr=False)
    origin: str = ""
    recorded_at: datetime | None = None
    corrected: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HeldTable:
    """Rows of one table that belong to the persons asked for; never empty. One slice of a long table may be one too."""

    database: str
    table: str
    what: str
    title: str
    columns: tuple[ColumnFacts, ...]
    rows: tuple[Row, ...] = field(repr=False)

    def rows_to_json(self) -> list[dict[str, Any]]:
        """The rows as plain data, as they stand in a package."""
        return [_row(self.columns, row) for row in self.rows]


@dataclass(frozen=True, slots=True)
class Holdings:
    """Everything the register holds about some persons at ``as_of``."""

    as_of: datetime
    language: Language
    tables: tuple[HeldTable, ...]
    recipients: tuple[Recipient, ...]

    def to_json(self) -> dict[str, Any]:
        """The same as plain data for a JSON file: every value with its facts."""
        return {
            "as_of": self.as_of.isoformat(),
            "language": self.language,
            "recipients": [_recipient(r, self.language) for r in self.recipients],
            "tables": [_table(t) for t in self.tables],
        }


def _recipient(recipient: Recipient, language: Language) -> dict[str, str]:
    return {"name": recipient.name, "purpose": recipient.purpose.of(language), "email": recipient.email}


def _table(table: HeldTable) -> dict[str, Any]:
    columns = {
        c.name: {
            "title": c.title,
            "category": c.category,
            "purpose": c.purpose,
            "legal_ground": c.ground,
            "recipients": list(c.recipients),
            "retention": c.retention,
        }
        for c in table.columns
    }
    return {"database": table.database, "table": table.table, "title": table.title, "columns": columns, "rows": table.rows_to_json()}


def _row(columns: tuple[ColumnFacts, ...], row: Row) -> dict[str, Any]:
    return {
        "values": {c.name: v for c, v in zip(columns, row.values, strict=True)},
        "origin": row.origin,
        "recorded_at": row.recorded_at.isoformat() if row.recorded_at else None,
        "origin_of_columns": {c.name: c.origin for c in columns if c.origin},
        "corrected_by_you_at": {name: at.isoformat() for name, at in row.corrected.items()},
    }


@dataclass(frozen=True, slots=True)
class Rectified:
    """What a correction did. ``outdated``: the record was no longer what the person was shown, nothing was applied.

    ``current`` are the values after it; ``recipients`` the names of those who must be told (GDPR 19).
    """

    changed: tuple[Column, ...] = ()
    refused: tuple[tuple[Column, Reason], ...] = ()
    outdated: bool = False
    current: Mapping[Column, str] = field(default_factory=dict, repr=False)
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TablePlan:
    """What erasure would do in one table, in rows: ``deleted``, ``emptied`` in part or whole, ``kept`` in part or whole."""

    database: str
    table: str
    deleted: int
    emptied: int
    kept: int


@dataclass(frozen=True, slots=True)
class ErasurePlan:
    """What erasure would do today, item by item."""

    tables: tuple[TablePlan, ...] = ()
    erased: tuple[Item, ...] = ()
    kept: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did. ``due`` are the days after which :meth:`Register.sweep` has more to erase."""

    erased: tuple[Item, ...] = ()
    kept: tuple[Item, ...] = ()
    recipients: tuple[str, ...] = ()
    due: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did or, in a dry run, would do: rows added, already known, skipped because the person was erased.

    ``refused`` are (number of the row from 1, column, problem).
    """

    added: int
    known: int
    erased: int
    refused: tuple[tuple[int, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that ``check`` found wrong: the setting, the problem and the mend."""

    setting: str
    problem: str
    mend: str
