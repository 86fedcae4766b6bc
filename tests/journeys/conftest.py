"""A desk and a browser that the journeys of one module share: each journey has a customer of its own."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.journeys.running import Journey, a_journey, written
from tests.servers.browser import run_browser
from tests.servers.dovecot import Dovecot
from tests.servers.smtp import ScriptedSmtp, run_smtp


@pytest.fixture(scope="module")
def post() -> Iterator[ScriptedSmtp]:
    """What takes the letters of this module's desk."""
    with run_smtp() as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(dovecot: Dovecot, post: ScriptedSmtp, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Journey]:
    """A desk at work for the whole module."""
    user = f"box{secrets.token_hex(6)}"
    config = written(tmp_path_factory.mktemp("desk"), dovecot=dovecot, user=user, smtp_port=post.port)
    async with a_journey(config, dovecot, user, post) as journey:
        yield journey
    dovecot.forget(user)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """A Chromium for the whole module."""
    async with run_browser() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page in a profile without memory."""
    context = await browser.new_context(locale="en-GB", timezone_id="Europe/Brussels")
    yield await context.new_page()
    await context.close()
