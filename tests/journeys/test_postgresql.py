"""The same desk with its memory on PostgreSQL: each of the four requests to its end."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Page

from tests.journeys import walks
from tests.journeys.running import WITHIN, Journey, a_journey, written
from tests.servers import process
from tests.servers.dovecot import Dovecot
from tests.servers.postgres import Postgres
from tests.servers.smtp import ScriptedSmtp
from worker.app import running
from worker.rules.model import Language
from worker.settings import load

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(
    dovecot: Dovecot, post: ScriptedSmtp, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Journey]:
    user = f"box{secrets.token_hex(6)}"
    with postgres.database() as url:
        config = written(tmp_path_factory.mktemp("desk"), dovecot=dovecot, user=user, smtp_port=post.port, store_url=url)
        async with a_journey(config, dovecot, user, post) as journey:
            yield journey
    dovecot.forget(user)


async def test_a_copy_is_read_on_postgresql(desk: Journey, page: Page) -> None:
    await walks.access(desk, page, Language.NL)


async def test_a_correction_is_made_on_postgresql(desk: Journey, page: Page) -> None:
    await walks.correction(desk, page, Language.NL)


async def test_somebody_is_forgotten_on_postgresql(desk: Journey, page: Page) -> None:
    await walks.deletion(desk, page, Language.NL)


async def test_a_newsletter_stops_on_postgresql(desk: Journey, page: Page) -> None:
    await walks.unsubscription(desk, page, Language.NL)
    assert await desk.verified() > 0


async def test_a_second_desk_on_the_same_database_serves_pages_and_is_not_ready_before_the_first_one_ends(
    dovecot: Dovecot, mailbox_user: str, scripted_smtp: ScriptedSmtp, postgres_database: str, tmp_path: Path
) -> None:
    config = written(tmp_path, dovecot=dovecot, user=mailbox_user, smtp_port=scripted_smtp.port, store_url=postgres_database)
    listen = f"127.0.0.1:{process.free_port()}"
    ended = asyncio.Event()

    async def second() -> None:
        async with running(load(config, {"PRIVACY_DESK__WEB__LISTEN": listen})):
            await ended.wait()

    async with httpx.AsyncClient(trust_env=False) as client:

        async def answers() -> int:
            try:
                return (await client.get(f"http://{listen}/readyz")).status_code
            except httpx.TransportError:
                return 0

        async with asyncio.TaskGroup() as group:
            async with a_journey(config, dovecot, mailbox_user, scripted_smtp):
                group.create_task(second())
                seen = {await answers()}
                async with asyncio.timeout(WITHIN):
                    while 503 not in seen:
                        seen.add(await answers())
                await asyncio.sleep(1)
                assert await answers() == 503
                assert 200 not in seen
            async with asyncio.timeout(WITHIN):
                while await answers() != 200:
                    await asyncio.sleep(0.05)
            ended.set()
