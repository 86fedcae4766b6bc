from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.newsletter.world import Senders, World, a_world
from tests.servers.smtp import ScriptedSmtp


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    with a_world(database_url, tmp_path) as made:
        made.topic()
        yield made


@pytest.fixture
def small_world(tmp_path: Path) -> Iterator[World]:
    """On SQLite only: where the database is not the point."""
    with a_world(f"sqlite:///{tmp_path}/desk.sqlite3", tmp_path) as made:
        made.topic()
        yield made


@pytest.fixture
async def a_sender(scripted_smtp: ScriptedSmtp) -> AsyncIterator[Senders]:
    """``a_sender(world, lot=3)``: a sender to ``scripted_smtp``."""
    senders = Senders(scripted_smtp.port)
    yield senders
    await senders.close()
