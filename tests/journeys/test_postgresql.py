"""The same desk with its memory on PostgreSQL: each of the four requests to its end."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page

from tests.journeys import walks
from tests.journeys.running import Journey, a_journey, written
from tests.servers.dovecot import Dovecot
from tests.servers.postgres import Postgres
from tests.servers.smtp import ScriptedSmtp
from worker.rules.model import Language

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
