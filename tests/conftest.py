"""The real servers that tests talk to, each started once and on first use, on free loopback ports."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from tests.servers.browser import run_browser
from tests.servers.dovecot import Dovecot, run_dovecot
from tests.servers.postfix import Postfix, SmtpSink, run_postfix, run_smtp_sink
from tests.servers.postgres import Postgres, run_postgres
from tests.servers.smtp import ScriptedSmtp, run_smtp
from worker.logs import configure

REAL_SERVERS = {"browser", "dovecot", "postfix", "postgres", "smtp_sink"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs an installed server, so that ``-m "not server"`` runs on a bare Python."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        wants_postgres = "postgresql" in getattr(getattr(item, "callspec", None), "params", {}).values()
        if fixtures & REAL_SERVERS or wants_postgres or item.get_closest_marker("image"):
            item.add_marker(pytest.mark.server)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server for the whole run."""
    with run_postgres() as server:
        yield server


@pytest.fixture
def postgres_database(postgres: Postgres) -> Iterator[str]:
    """The URL of an empty database of this test alone: ``postgresql://...``."""
    with postgres.database() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/desk.sqlite3"
    url: str = request.getfixturevalue("postgres_database")
    return url


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """An IMAP server for the whole run; each test takes a mailbox of its own (`mailbox_user`)."""
    with run_dovecot() as server:
        yield server


@pytest.fixture
def mailbox_user(dovecot: Dovecot) -> Iterator[str]:
    """A fresh user of `dovecot`; the password is ``dovecot.password``."""
    user = f"box{secrets.token_hex(6)}"
    yield user
    dovecot.forget(user)


@pytest.fixture(scope="session")
def postfix() -> Iterator[Postfix]:
    """A Postfix for the whole run; tests tell their messages apart by recipient."""
    with run_postfix() as server:
        yield server


@pytest.fixture
def smtp_sink() -> Iterator[SmtpSink]:
    """Postfix's smtp-sink, for one test."""
    with run_smtp_sink() as server:
        yield server


@pytest.fixture
def scripted_smtp() -> Iterator[ScriptedSmtp]:
    """An SMTP server that does as the test says and keeps what it accepted."""
    with run_smtp() as server:
        yield server


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A Chromium for one test."""
    async with run_browser() as started:
        yield started


@pytest.fixture
async def page(browser: Browser) -> Page:
    """A page in a profile without memory."""
    context = await browser.new_context(locale="en-GB", timezone_id="Europe/Brussels")
    return await context.new_page()


@pytest.fixture(autouse=True)
def quiet_logs() -> None:
    """Log as the desk does: without content, so that a failing test is quick to read as well."""
    configure()
