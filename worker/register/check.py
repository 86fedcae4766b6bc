"""Whether the declaration and the databases fit together, each misfit with its mend."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Table

from worker.errors import RegisterRefused, RegisterUnavailable
from worker.register.database import Database, Seen, is_text
from worker.register.declaration import DatabaseDeclaration, Erasure, TableDeclaration
from worker.register.model import Finding


def findings(database: Database) -> list[Finding]:
    """Everything that is wrong in one database; a database that does not answer is one finding."""
    setting = f"databases.{database.name}"
    try:
        if database.declared.builtin:
            database.create()
        return [f for table in database.declared.tables for f in _table(database, table, f"{setting}.tables.{table.name}")]
    except RegisterUnavailable as error:
        return [Finding(setting, f"does not answer ({error})", "Start it, or mend its URL")]
    except RegisterRefused as error:
        return [Finding(setting, f"refuses ({error})", "Give the desk's user the right to read and change the declared tables")]


def _table(database: Database, declared: TableDeclaration, setting: str) -> Iterator[Finding]:
    seen = database.look(declared.name)
    if seen is None:
        yield Finding(setting, "the database has no such table", "Mend the name, or remove the table from the register")
        return
    names = seen.columns.c.keys()
    missing = [name for name in declared.names if name not in names]
    yield from (
        Finding(f"{setting}.columns.{name}", "the table has no such column", "Mend the name, or remove the column") for name in missing
    )
    for name in sorted(set(names) - set(declared.names)):
        yield Finding(f"{setting}.columns.{name}", "is not declared", "Declare it, or name it in technical if it holds no personal data")
    if not missing:
        yield from _columns(database.declared, declared, seen.columns, setting)
        yield from _keys(database.declared, declared, seen, setting)


def _columns(database: DatabaseDeclaration, declared: TableDeclaration, table: Table, setting: str) -> Iterator[Finding]:
    below = [c for name in database.below(declared.name) for c in database.by_name[name].columns]
    stays_for_ever = any(c.erasure in {Erasure.NULL, Erasure.REPLACE} for c in (*declared.columns, *below))
    stays = stays_for_ever or any(c.erasure is Erasure.KEEP for c in (*declared.columns, *below))
    for column in declared.columns:
        real, here = table.c[column.name], f"{setting}.columns.{column.name}"
        is_emptied = stays_for_ever if column.erasure is Erasure.KEEP else stays
        if is_emptied and not (real.nullable or is_text(real) or column.replacement is not None):
            yield Finding(here, "may not be empty, so it cannot be emptied where its row must stay", "Give it a replacement")
        if column.corrects and not is_text(real):
            yield Finding(f"{here}.corrects", "is not a column of text", "Remove it: a person corrects text only")


def _keys(database: DatabaseDeclaration, declared: TableDeclaration, seen: Seen, setting: str) -> Iterator[Finding]:
    if seen.primary and seen.primary != (declared.key,):
        yield Finding(f"{setting}.key", "is not the primary key of the table", f"The table's is {', '.join(seen.primary)}")
    others = {name for name in seen.refers if name in database.by_name} - {declared.name, declared.parent}
    for other in sorted(others):
        yield Finding(f"{setting}.parent", f"the table also refers to {other}", f"The database may refuse to erase a row of {other}")
