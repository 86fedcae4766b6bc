"""The schema is what its migrations make of it, and what was kept before one is there after it."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, Index, MetaData, String, insert

from tests.desks import START
from worker.casework.package_file import pieces
from worker.rules.mail import Address
from worker.rules.model import Language, Origin
from worker.store import Schema, Store, Tx, cases, new_id, packages
from worker.store.store import _alembic
from worker.store.tables import metadata, package


def migrate(store: Store, to: str, *, down: bool = False) -> None:
    with store._engine.begin() as connection:
        config = _alembic()
        config.attributes["connection"] = connection
        (command.downgrade if down else command.upgrade)(config, to)


def differences(store: Store, wanted: MetaData = metadata) -> list[Any]:
    """What Alembic would still have to change."""
    options = {"compare_type": True, "compare_server_default": True}
    with store._engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), wanted))


def test_the_migrations_make_exactly_the_tables_of_the_code_up_and_down_and_up_again(store: Store) -> None:
    assert store.schema() is Schema.MISSING
    store.migrate()
    assert store.schema() is Schema.CURRENT
    assert differences(store) == []
    migrate(store, "base", down=True)
    for _ in range(2):  # once more changes nothing
        store.migrate()
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


def a_package_in_one_piece(tx: Tx) -> tuple[str, dict[str, object]]:
    """As it was kept before there were parts."""
    person = tx.vault.person("ann@example.com")
    case = cases.open_case(
        tx, cases.NewCase(Address("ann@example.com"), person, Language.EN, Origin.MAIL, START, date(2026, 4, 5), date(2026, 4, 7))
    )
    document: dict[str, object] = {
        "as_of": START.isoformat(),
        "tables": [{"title": "Invoice", "rows": [{"values": {"n": n}} for n in range(500)]}],
    }
    package_id, key_id = new_id(), tx.new_key(cases.key_of(tx, case.id))
    sealed = tx.seal(key_id, package_id, json.dumps(document).encode())
    row = {
        "id": package_id,
        "case_id": case.id,
        "made_at": START,
        "expires_at": START + timedelta(days=14),
        "key_id": key_id,
        "sealed": sealed,
    }
    tx.connection.execute(insert(package).values(row))
    return package_id, document


def test_a_package_that_was_kept_in_one_piece_still_opens(store: Store) -> None:
    migrate(store, "0001")
    with store.transaction() as tx:
        package_id, document = a_package_in_one_piece(tx)
    store.migrate()
    with store.transaction() as tx:
        found = packages.fetch(tx, package_id)
    assert found is not None
    assert "".join(str(piece) for piece in pieces(found)) == json.dumps(document, indent=2)
