"""The schema is what its migrations make of it, and what was kept before one is there after it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import insert

from worker.casework.package_file import pieces
from worker.rules.mail import Address
from worker.rules.model import Language, Origin
from worker.store import Ledger, Store, Tx, Vault, cases, new_id, packages
from worker.store.store import _alembic
from worker.store.tables import metadata, package

NOW = datetime(2026, 3, 5, 9, 0, tzinfo=UTC)


class Noon:
    """A clock that stands still."""

    def now(self) -> datetime:
        return NOW


@pytest.fixture
def store(database_url: str, tmp_path: Path) -> Iterator[Store]:
    """A store without tables on each kind of database."""
    found = Store(database_url, Vault(b"m" * 32, b"i" * 32), Ledger(tmp_path / "ledger.jsonl"), Noon())
    yield found
    found.close()


def migrate(store: Store, to: str, *, down: bool = False) -> None:
    with store._engine.begin() as connection:
        config = _alembic()
        config.attributes["connection"] = connection
        (command.downgrade if down else command.upgrade)(config, to)


def difference(store: Store) -> list[object]:
    with store._engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))


def test_the_migrations_make_the_schema_up_and_down_and_up_again(store: Store) -> None:
    store.migrate()
    assert difference(store) == []
    migrate(store, "base", down=True)
    store.migrate()
    assert difference(store) == []


def a_package_in_one_piece(tx: Tx) -> tuple[str, dict[str, object]]:
    """As it was kept before there were parts."""
    person = tx.vault.person("ann@example.com")
    case = cases.open_case(
        tx, cases.NewCase(Address("ann@example.com"), person, Language.EN, Origin.MAIL, NOW, date(2026, 4, 5), date(2026, 4, 7))
    )
    document: dict[str, object] = {
        "as_of": NOW.isoformat(),
        "tables": [{"title": "Invoice", "rows": [{"values": {"n": n}} for n in range(500)]}],
    }
    package_id, key_id = new_id(), tx.new_key(cases.key_of(tx, case.id))
    sealed = tx.seal(key_id, package_id, json.dumps(document).encode())
    row = {"id": package_id, "case_id": case.id, "made_at": NOW, "expires_at": NOW + timedelta(days=14), "key_id": key_id, "sealed": sealed}
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
