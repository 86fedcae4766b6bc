"""Putting the desk together, and who may be the one at work."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.journeys.running import written
from tests.servers.dovecot import Dovecot
from tests.servers.smtp import ScriptedSmtp
from worker.app import Role, running
from worker.errors import LockHeld
from worker.settings import Settings, load

ANY_PORT = {"PRIVACY_DESK__WEB__LISTEN": "127.0.0.1:0"}


@pytest.fixture
def config(dovecot: Dovecot, mailbox_user: str, scripted_smtp: ScriptedSmtp, tmp_path: Path) -> Path:
    """A company's settings on SQLite."""
    return written(tmp_path, dovecot=dovecot, user=mailbox_user, smtp_port=scripted_smtp.port)


async def test_a_second_process_on_one_sqlite_store_is_refused_and_told_who_holds_it(config: Path) -> None:
    settings = load(config, ANY_PORT)
    async with running(settings):
        with pytest.raises(LockHeld, match="process"):
            async with running(settings):
                pass


async def test_pages_alone_may_be_served_beside_the_engine(config: Path) -> None:
    settings = load(config, ANY_PORT)
    async with running(settings), running(settings, roles={Role.WEB}) as second:
        assert second.listening["public"][1] > 0


async def test_a_second_process_on_postgresql_waits_until_the_first_one_ends(config: Path, postgres_database: str) -> None:
    settings: Settings = load(config, ANY_PORT | {"PRIVACY_DESK__STORE__URL": postgres_database})
    began = asyncio.Event()

    async def second() -> None:
        async with running(settings):
            began.set()

    with capture_logs() as logs:
        async with running(settings):
            waiting = asyncio.create_task(second())
            await asyncio.sleep(1.5)
            assert not began.is_set()
        await asyncio.wait_for(waiting, 20)
    assert any("another process holds the engine" in line["event"] for line in logs)


async def test_an_error_in_the_block_is_raised_as_it_is(config: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        async with running(load(config, ANY_PORT)):
            raise ZeroDivisionError
