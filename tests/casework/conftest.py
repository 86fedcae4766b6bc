"""A desk on each kind of database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.desks import House, a_house


@pytest.fixture
async def house(database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    """A desk with one customer, Ann."""
    async with a_house(database_url, tmp_path) as found:
        await found.customer()
        yield found
