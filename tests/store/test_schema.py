"""The tables are those that the migrations make, on both databases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Column, Index, MetaData, String

from tests.desks import Hand
from worker.store import Ledger, Schema, Store, Vault
from worker.store.tables import metadata


@pytest.fixture
def store(database_url: str, tmp_path: Path) -> Any:
    made = Store(database_url, Vault(b"m" * 32, b"i" * 32), Ledger(tmp_path / "ledger.jsonl"), Hand())
    yield made
    made.close()


def differences(store: Store, wanted: MetaData = metadata) -> list[Any]:
    """What Alembic would still have to change."""
    options = {"compare_type": True, "compare_server_default": True}
    with store._engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), wanted))


def test_the_migrations_make_exactly_the_tables_of_the_code(store: Store) -> None:
    assert store.schema() is Schema.MISSING
    store.migrate()
    assert store.schema() is Schema.CURRENT
    assert differences(store) == []


@pytest.mark.parametrize("what", ["column", "index", "type", "nullable"])
def test_what_no_migration_makes_is_found(store: Store, what: str) -> None:
    store.migrate()
    other = MetaData(naming_convention=metadata.naming_convention)
    for table in metadata.tables.values():
        table.to_metadata(other)
    staff = other.tables["staff"]
    match what:
        case "column":
            staff.append_column(Column("more", String(3)))
        case "index":
            Index("ix_staff_role", staff.c.role)
        case "type":
            staff.c.role.type = String(99)
        case _:
            staff.c.role.nullable = True
    assert differences(store, other)


def test_migrating_again_changes_nothing(store: Store) -> None:
    store.migrate()
    store.migrate()
    assert differences(store) == []
