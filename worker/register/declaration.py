"""The declared map of the customers' data: which databases, tables and columns, whose they are, and what becomes of them.

It is read from TOML (``config/register.example.toml`` explains every setting) and never changes while the desk runs.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from importlib.resources import files
from typing import Any, Final

from worker.errors import ConfigurationError
from worker.register.retention import Retention, RuleKind, Text
from worker.register.section import Section
from worker.rules.letters import Reason
from worker.rules.model import Column


class Ground(StrEnum):
    """The lawfulness of processing, GDPR 6(1)."""

    CONSENT = "consent"  # (a)
    CONTRACT = "contract"  # (b)
    LEGAL_OBLIGATION = "legal-obligation"  # (c)
    VITAL_INTERESTS = "vital-interests"  # (d)
    PUBLIC_TASK = "public-task"  # (e)
    LEGITIMATE_INTERESTS = "legitimate-interests"  # (f)


class Erasure(StrEnum):
    """What erasure does to a column."""

    DELETE = "delete"  # the row goes; where the row must stay, the column is emptied
    NULL = "null"  # the row stays, the column is emptied
    REPLACE = "replace"  # the row stays, the column gets its replacement
    KEEP = "keep"  # kept until its retention rule ends, then as delete


@dataclass(frozen=True, slots=True)
class Recipient:
    """To whom data is passed on: named in the access answer (CJEU C-154/21) and told of changes (GDPR 19)."""

    key: str
    name: str
    purpose: Text
    email: str = ""


@dataclass(frozen=True, slots=True)
class ColumnDeclaration:
    """One column with personal data. ``rule`` is set where ``erasure`` is ``keep``.

    ``kept_with`` names tables below this one: as long as a row of them is kept, so is this column.
    ``replacement`` may hold ``{key}``, the row's key, for columns that must be unique.
    """

    name: str
    title: Text
    category: str
    purpose: Text
    ground: Ground
    retention: Retention
    recipients: tuple[str, ...]
    origin: Text | None
    corrects: Column | None
    erasure: Erasure
    rule: Retention | None
    kept_with: tuple[str, ...]
    replacement: str | None


@dataclass(frozen=True)
class TableDeclaration:
    """One table. Either ``address`` names the columns that hold a person's address, or ``parent`` the table it hangs from.

    ``parent_key`` is the column that holds the parent's key; ``what`` the key of its wording in letters;
    ``technical`` are columns without personal data.
    """

    name: str
    what: str
    title: Text
    key: str
    address: tuple[str, ...]
    person_name: str
    parent: str
    parent_key: str
    origin_column: str
    recorded_column: str
    technical: tuple[str, ...]
    columns: tuple[ColumnDeclaration, ...]

    @cached_property
    def by_name(self) -> Mapping[str, ColumnDeclaration]:
        """The declared columns by their name."""
        return {c.name: c for c in self.columns}

    @cached_property
    def correctable(self) -> Mapping[Column, ColumnDeclaration]:
        """The columns that a person may correct."""
        return {c.corrects: c for c in self.columns if c.corrects is not None}

    @property
    def names(self) -> tuple[str, ...]:
        """Every column that the register speaks of, declared or only used, each once."""
        used = (self.key, *self.address, self.person_name, self.parent_key, self.origin_column, self.recorded_column)
        rules = (r.column for c in self.columns for r in (c.rule, c.retention) if r is not None)
        return tuple(dict.fromkeys(n for n in (*used, *rules, *self.by_name, *self.technical) if n))


@dataclass(frozen=True)
class DatabaseDeclaration:
    """One database. ``builtin`` ones are made by the register itself, at the URL of the desk's settings.

    ``own_tables`` says whether the desk may keep its three small tables in it.
    """

    name: str
    url: str = field(repr=False)
    url_file: str
    builtin: bool
    own_tables: bool
    tables: tuple[TableDeclaration, ...]

    @cached_property
    def by_name(self) -> Mapping[str, TableDeclaration]:
        """The declared tables by their name."""
        return {t.name: t for t in self.tables}

    @property
    def persons(self) -> tuple[TableDeclaration, ...]:
        """The tables whose rows are persons."""
        return tuple(t for t in self.tables if t.address)

    def children(self, table: str) -> tuple[TableDeclaration, ...]:
        """The tables that hang from ``table``."""
        return tuple(t for t in self.tables if t.parent == table)

    def below(self, table: str) -> tuple[str, ...]:
        """The names of all tables that hang from ``table``, directly or not."""
        return tuple(name for child in self.children(table) for name in (child.name, *self.below(child.name)))


@dataclass(frozen=True)
class Declaration:
    """The whole register."""

    databases: tuple[DatabaseDeclaration, ...]
    recipients: Mapping[str, Recipient]

    @classmethod
    def builtin(cls) -> Declaration:
        """The register of a company that declares nothing: the database ``customers``."""
        return cls.from_data({"databases": {"customers": {"builtin": True}}})

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Declaration:
        """The declaration in ``data``; ConfigurationError names the setting that is wrong and the mend."""
        return _Parser(data).declaration()


#: The database that the register makes itself, as its own TOML.
def customers_data() -> dict[str, Any]:
    """The declaration of the built-in database ``customers``, as data."""
    return tomllib.loads(files(__package__).joinpath("customers.toml").read_text("utf-8"))


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with what ``over`` says otherwise, table by table."""
    both = {k: _merged(base[k], v) if isinstance(v, Mapping) and isinstance(base.get(k), Mapping) else v for k, v in over.items()}
    return {**base, **both}


_INHERITED: Final = ("category", "purpose", "ground", "retention", "recipients", "origin", "erasure", "kept_with")


class _Parser:
    """Reads sections in the order in which they refer to each other."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        if any(isinstance(d, Mapping) and d.get("builtin") for d in _mapping(data.get("databases")).values()):
            base = customers_data()
            data = {**data, "retention": _merged(base["retention"], _mapping(data.get("retention")))}
            self.tables = _mapping(base["tables"])
        self.root = Section(data, "")

    def declaration(self) -> Declaration:
        self.recipients = {key: self._recipient(key, s) for key, s in self.root.sections("recipients")}
        self.rules = {name: self._rule(name, s) for name, s in self.root.sections("retention")}
        databases = tuple(self._database(name, s) for name, s in self.root.sections("databases"))
        self.root.end()
        if not databases:
            raise ConfigurationError("databases", "no database is declared", "Write [databases.customers] with builtin = true")
        if sum(d.builtin for d in databases) > 1:
            raise ConfigurationError("databases", "more than one is builtin", "Keep builtin = true on one of them")
        return Declaration(databases, self.recipients)

    def _recipient(self, key: str, s: Section) -> Recipient:
        return s.ended(Recipient(key, s.text("name"), s.words("purpose"), s.text("email", "")))

    def _rule(self, name: str, s: Section) -> Retention:
        rule, reason = s.text("rule"), s.maybe("reason", Reason)
        found = s.ended(Retention.parse(name, rule, reason, s.words("text")))
        if found is None:
            raise s.wrong("rule", "is none of the known rules", f"Write one of: {'; '.join(RuleKind)}")
        if found.kind is not RuleKind.ASKED and reason is None:
            raise s.wrong("reason", "is missing", f"Name why it must be kept, one of: {', '.join(Reason)}")
        return found

    def _database(self, name: str, s: Section) -> DatabaseDeclaration:
        builtin = s.flag("builtin", default=False)
        if builtin:
            s = Section(_merged({"tables": self.tables}, s.data), s.path)
            s.flag("builtin", default=False)
        url, url_file, own = s.text("url", ""), s.text("url_file", ""), s.flag("own_tables", default=True)
        if not builtin and bool(url) == bool(url_file):
            raise s.wrong(
                "url", "exactly one of url and url_file is needed", 'Write url = "postgresql://host/database", or the file that holds it'
            )
        if builtin and (url or url_file or not own):
            raise s.wrong(
                "builtin", "this database is made at the URL of the desk's settings", "Remove url, url_file and own_tables beside it"
            )
        tables = tuple(self._table(table, t) for table, t in s.sections("tables"))
        s.end()
        declared = DatabaseDeclaration(name, url, url_file, builtin, own, tables)
        _Consistency(declared, s.path).check()
        return declared

    def _table(self, name: str, s: Section) -> TableDeclaration:
        defaults = {key: s.raw(key) for key in _INHERITED if key in s.data}
        columns = tuple(self._column(c, Section({**defaults, **sub.data}, sub.path)) for c, sub in s.sections("columns"))
        table = TableDeclaration(
            name=name,
            what=s.text("what", name),
            title=s.words("title", name),
            key=s.text("key"),
            address=s.texts("address"),
            person_name=s.text("person_name", ""),
            parent=s.text("parent", ""),
            parent_key=s.text("parent_key", ""),
            origin_column=s.text("origin_column", ""),
            recorded_column=s.text("recorded_column", ""),
            technical=s.texts("technical"),
            columns=columns,
        )
        if bool(table.address) == bool(table.parent and table.parent_key):
            mend = 'Write address = ["column"] for a table of persons, or parent = "table" and parent_key = "column" for one that hangs from it'
            raise s.wrong("address", "it must be clear whose a row is", mend)
        return s.ended(table)

    def _column(self, name: str, s: Section) -> ColumnDeclaration:
        erasure, rule = self._erasure(s)
        column = ColumnDeclaration(
            name=name,
            title=s.words("title", name),
            category=s.text("category"),
            purpose=s.words("purpose"),
            ground=s.choice("ground", Ground),
            retention=s.one_of("retention", self.rules),
            recipients=tuple(self.recipients[r].key for r in s.known("recipients", self.recipients)),
            origin=s.words("origin") if "origin" in s.data else None,
            corrects=s.maybe("corrects", Column),
            erasure=erasure,
            rule=rule,
            kept_with=s.texts("kept_with"),
            replacement=s.text("replacement", "") if "replacement" in s.data else None,
        )
        if erasure is Erasure.REPLACE and column.replacement is None:
            raise s.wrong("replacement", "is missing", "Write the text that takes the value's place")
        return s.ended(column)

    def _erasure(self, s: Section) -> tuple[Erasure, Retention | None]:
        value = s.text("erasure")
        if not value.startswith("keep until "):
            if value not in {Erasure.DELETE, Erasure.NULL, Erasure.REPLACE}:
                raise s.wrong("erasure", "is unknown", 'Write "delete", "null", "replace" or "keep until RULE"')
            return Erasure(value), None
        rule = self.rules.get(value.removeprefix("keep until "))
        if rule is None or rule.kind is RuleKind.ASKED:
            raise s.wrong("erasure", "names no rule that keeps", f"Declared rules: {', '.join(self.rules)}")
        return Erasure.KEEP, rule


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


@dataclass(frozen=True, slots=True)
class _Consistency:
    """What only the tables of one database together can show."""

    database: DatabaseDeclaration
    path: str

    def check(self) -> None:
        if not self.database.tables:
            raise ConfigurationError(f"{self.path}.tables", "no table is declared", "Declare at least the table whose rows are persons")
        for table in self.database.tables:
            self._hangs(table)
        for table in self.database.tables:
            for column in table.columns:
                self._column(table, column)

    def _hangs(self, table: TableDeclaration) -> None:
        seen, at = {table.name}, table
        while at.parent:
            if at.parent not in self.database.by_name or at.parent in seen:
                known = ", ".join(t.name for t in self.database.persons)
                raise ConfigurationError(
                    f"{self.path}.tables.{at.name}.parent", "leads to no table of persons", f"Tables of persons: {known}"
                )
            seen.add(at.parent)
            at = self.database.by_name[at.parent]

    def _column(self, table: TableDeclaration, column: ColumnDeclaration) -> None:
        setting = f"{self.path}.tables.{table.name}.columns.{column.name}"
        for below in column.kept_with:
            if below not in self.database.below(table.name):
                raise ConfigurationError(f"{setting}.kept_with", "names a table that does not hang from this one", "Name a table below it")
        if column.corrects and not table.address:
            raise ConfigurationError(f"{setting}.corrects", "only a table of persons can be corrected", "Remove it")
