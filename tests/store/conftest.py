"""A store that tests about the store itself share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.desks import Hand
from worker.store import Ledger, Store, Vault


@pytest.fixture
def store(database_url: str, tmp_path: Path) -> Iterator[Store]:
    """A store without tables on each kind of database; its clock stands at ``tests.desks.START``."""
    made = Store(database_url, Vault(b"m" * 32, b"i" * 32), Ledger(tmp_path / "ledger.jsonl"), Hand())
    yield made
    made.close()
