"""The pages of a whole desk, served by uvicorn on a free loopback port, and somebody who opens them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from tests.desks import House, a_house
from worker.casework import staff
from worker.rules.mail import Address
from worker.rules.model import Language, Role
from worker.store import newsletters
from worker.web import server
from worker.web.app import combined_app
from worker.web.settings import WebSettings

PASSWORD = "a good long password"


@dataclass
class Site:
    """A desk, its pages, and a visitor without a memory for cookies."""

    house: House
    web: httpx.AsyncClient
    ready: list[bool] = field(default_factory=lambda: [True])

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """Open a page."""
        return await self.web.get(path, headers=_names(headers))

    async def post(self, path: str, data: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
        """Send a form."""
        return await self.web.post(path, data=data, headers=_names(headers))

    async def reader(self, mailbox: str = "rita@example.com", topics: tuple[str, ...] = ("products", "security")) -> str:
        """Somebody who reads newsletters; returns the token of the links in them."""
        desk = self.house.desk
        for name in ("products", "security"):
            titles = {Language.EN: f"News about {name}", Language.NL: f"Nieuws over {name}"}
            await desk.store.run(newsletters.add_topic, name, titles)
        person = await desk.store.run(newsletters.add_reader, Address(mailbox), Language.EN)
        for name in topics:
            await desk.store.run(newsletters.subscribe, person, name, "contract")
        return await desk.store.run(newsletters.reader_token, person)

    async def running(self, mailbox: str = "rita@example.com") -> set[str]:
        """The topics that this reader gets now."""
        store = self.house.desk.store
        person = store.vault.person(mailbox)
        off = await store.run(newsletters.suppressed_at, person) is not None
        return set() if off else {s.topic for s in await store.run(newsletters.subscriptions, person) if s.ended_at is None}


def _names(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@dataclass
class Clerk:
    """A signed-in member of staff."""

    site: Site
    cookie: str
    form_token: str

    async def get(self, path: str) -> httpx.Response:
        """Open a staff page."""
        return await self.site.get(path, cookie=self.cookie, accept_language="en")

    async def post(self, path: str, data: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
        """Send a staff form with the session's own token."""
        return await self.site.post(
            path, {"form_token": self.form_token, **(data or {})}, cookie=self.cookie, accept_language="en", **headers
        )


@asynccontextmanager
async def served(app: Starlette, trusted_proxies: tuple[str, ...] = ()) -> AsyncIterator[httpx.AsyncClient]:
    """``app`` behind a real server."""
    bound = server.listening("127.0.0.1", 0)
    host, port = bound.getsockname()[:2]
    running = asyncio.ensure_future(server.serve(app, bound, trusted_proxies))
    try:
        async with httpx.AsyncClient(base_url=f"http://{host}:{port}", follow_redirects=False) as client:
            yield client
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


Clerks = Callable[..., Any]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A desk with one customer, Ann."""
    async with a_house(f"sqlite:///{tmp_path}/desk.sqlite3", tmp_path) as found:
        await found.customer()
        yield found


@pytest.fixture
async def site(house: House) -> AsyncIterator[Site]:
    """All pages on one listener."""
    ready = [True]
    policies = {
        Language.EN: "# How we treat your data\n\nOnly our staff. <b>No raw HTML</b>.",
        Language.NL: "# Hoe we omgaan met uw gegevens",
    }
    app = combined_app(house.desk, WebSettings(form_per_network_hour=5, logins_per_network=8), lambda: ready[0], policies)
    async with served(app) as web:
        yield Site(house, web, ready)


@pytest.fixture
def signed_in(site: Site) -> Clerks:
    """Makes an account and signs it in, through the pages."""

    async def sign_in(role: Role = Role.HANDLER, name: str = "lea") -> Clerk:
        await staff.add(site.house.desk, name, role, PASSWORD)
        answer = await site.post("/desk/login", {"login": name, "password": PASSWORD})
        assert answer.status_code == 303
        cookie = answer.headers["set-cookie"].partition(";")[0]
        session = await staff.session(site.house.desk, cookie.partition("=")[2])
        assert session is not None
        return Clerk(site, cookie, session.form_token)

    return sign_in
