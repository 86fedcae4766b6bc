"""What the desk depends on goes down: it says which, loses nothing, and goes on by itself."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from tests.journeys import words
from tests.journeys.running import WITHIN, Ahead, Journey, a_journey, written
from tests.servers import process
from tests.servers.dovecot import Dovecot
from tests.servers.postgres import Postgres, run_postgres
from tests.servers.smtp import ScriptedSmtp, run_smtp
from worker.app import Role, running
from worker.casework import health, staff
from worker.operate.status import status
from worker.rules.model import Language
from worker.rules.model import Role as Rank
from worker.settings import Settings, load

ROOT = Path(__file__).parents[2]
PASSWORD = "four words of staff"


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody wants to wait for fifteen seconds."""
    monkeypatch.setattr("worker.watch._PAUSE", 0.5)
    monkeypatch.setattr("worker.watch._WAITS", (0.5,))
    monkeypatch.setattr("worker.watch._LOGIN_WAITS", (0.5,))


@dataclass
class Visitor:
    """Somebody who opens pages of a desk at ``url``."""

    client: httpx.AsyncClient
    url: str

    async def get(self, path: str) -> httpx.Response | None:
        """A page, or None if nobody listens."""
        try:
            return await self.client.get(self.url + path)
        except httpx.TransportError:
            return None

    async def until(self, path: str, wanted: int) -> httpx.Response:
        """Wait until a page answers so."""
        async with asyncio.timeout(WITHIN * 2):
            while (answer := await self.get(path)) is None or answer.status_code != wanted:
                await asyncio.sleep(0.05)
            return answer

    async def health(self) -> str:
        """What /desk/health shows to somebody who has signed in."""
        await self.client.post(f"{self.url}/desk/login", data={"login": "els", "password": PASSWORD})
        answer = await self.client.get(f"{self.url}/desk/health?lang=en")
        assert answer.status_code == 200
        return " ".join(re.sub("<[^>]+>", " ", answer.text).split())


@asynccontextmanager
async def a_visitor(url: str) -> AsyncIterator[Visitor]:
    async with httpx.AsyncClient(trust_env=False, timeout=15) as client:
        yield Visitor(client, url)


@pytest.fixture(scope="module")
def weak_postgres() -> Iterator[Postgres]:
    """A server that nobody else talks to: it may go down."""
    with run_postgres() as server:
        yield server


@asynccontextmanager
async def a_process(config: Path, *more: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """``privacy-desk run`` as an administrator starts it; its log is beside the settings."""
    with config.with_name("log").open("wb") as log:
        desk = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "worker", "run", "--config", str(config), *more, cwd=ROOT, stderr=log
        )
        try:
            yield desk
        finally:
            if desk.returncode is None:
                desk.send_signal(signal.SIGTERM)
                await asyncio.wait_for(desk.wait(), WITHIN)


def log_of(config: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in config.with_name("log").read_text().splitlines() if line.startswith("{")]


async def test_postgresql_that_is_down_at_the_start_is_waited_for_and_an_outage_later_ends_nothing(
    dovecot: Dovecot, mailbox_user: str, scripted_smtp: ScriptedSmtp, weak_postgres: Postgres, tmp_path: Path
) -> None:
    with weak_postgres.database() as url:
        config = written(tmp_path, dovecot=dovecot, user=mailbox_user, smtp_port=scripted_smtp.port, store_url=url)
        settings = load(config, {})
        weak_postgres.stop()
        async with a_process(config) as desk, a_visitor(settings.desk.base_url) as visitor:
            await visitor.until("/healthz", 200)
            assert (await visitor.until("/readyz", 503)).text == "not ready\n"
            assert "database does not answer" in (await visitor.until("/desk/health?lang=en", 503)).text
            weak_postgres.start()
            await visitor.until("/readyz", 200)
            dovecot.deliver(mailbox_user, _asks("before"))
            await scripted_smtp.arrived(1, recipient="before@example.com", within=WITHIN)

            weak_postgres.stop()
            await visitor.until("/readyz", 503)
            dovecot.deliver(mailbox_user, _asks("meanwhile"))
            await asyncio.sleep(2)
            weak_postgres.start()
            await visitor.until("/readyz", 200)
            await scripted_smtp.arrived(1, recipient="meanwhile@example.com", within=WITHIN * 2)
            assert desk.returncode is None
        assert desk.returncode == 0
        waits = [line for line in log_of(config) if "the store is not ready" in str(line["event"])]
        assert len(waits) >= 1
        assert "refused" in str(waits[0]["problem"])
        assert {"part": "store", "name": "desk"}.items() <= next(x for x in log_of(config) if "part of the desk" in str(x["event"])).items()
        assert "Traceback" not in config.with_name("log").read_text()


def _asks(who: str) -> bytes:
    text = words.ACCESS[Language.EN]
    return f"From: {who}@example.com\r\nSubject: {secrets.token_hex(4)}\r\nMessage-ID: <{who}@example.com>\r\n\r\n{text}\r\n".encode()


async def test_a_desk_that_waits_for_its_store_can_be_stopped(
    dovecot: Dovecot, mailbox_user: str, scripted_smtp: ScriptedSmtp, tmp_path: Path
) -> None:
    nobody = f"postgresql://desk@127.0.0.1:{process.free_port()}/desk"
    config = written(tmp_path, dovecot=dovecot, user=mailbox_user, smtp_port=scripted_smtp.port, store_url=nobody)
    async with a_process(config) as desk, a_visitor(load(config, {}).desk.base_url) as visitor:
        await visitor.until("/readyz", 503)
        desk.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(desk.wait(), WITHIN) == 0


async def test_a_relay_that_is_down_is_named_by_the_log_the_health_page_and_status(
    dovecot: Dovecot, mailbox_user: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    relay = ScriptedSmtp(port=process.free_port())
    config = written(tmp_path, dovecot=dovecot, user=mailbox_user, smtp_port=relay.port)
    settings = load(config, {})
    with capture_logs() as logs:
        async with running(settings, clock=Ahead()) as desk, a_visitor(settings.desk.base_url) as visitor:
            await staff.add(desk.desk, "els", Rank.HANDLER, PASSWORD)
            journey = Journey(desk, settings, dovecot, mailbox_user, relay, Ahead())
            await journey.until(lambda tx: "refused" in str(health.seen(tx)["relays"]))
            assert (await visitor.until("/readyz", 503)).text == "not ready\n"
            page = await visitor.health()
            assert f"Relays: smtp: state 127.0.0.1:{relay.port}: Connection refused" in page
            assert "Not answering 1" in page
            await status(desk.desk, as_json=False)
            assert re.search(rf"relays +smtp 127\.0\.0\.1:{relay.port}", capsys.readouterr().out)
            with run_smtp(relay):
                await visitor.until("/readyz", 200)
                assert "Relays: smtp: state answers" in await visitor.health()
    told = [(line["log_level"], line["part"], line["name"]) for line in logs if "part of the desk" in line["event"]]
    assert told == [("warning", "relay", "smtp"), ("info", "relay", "smtp")]


async def test_a_relay_that_goes_down_is_noticed_by_the_letter_that_cannot_leave(
    dovecot: Dovecot, mailbox_user: str, tmp_path: Path
) -> None:
    relay = ScriptedSmtp(port=process.free_port())
    config = written(tmp_path, dovecot=dovecot, user=mailbox_user, smtp_port=relay.port)
    async with AsyncExitStack() as stack:
        with run_smtp(relay):
            journey = await stack.enter_async_context(a_journey(config, dovecot, mailbox_user, relay))
            visitor = await stack.enter_async_context(a_visitor(journey.url))
            await visitor.until("/readyz", 200)
        journey.deliver(words.ACCESS[Language.EN])
        await visitor.until("/readyz", 503)
        with run_smtp(relay):
            await visitor.until("/readyz", 200)
            await journey.later(minutes=2)
            await journey.letter("ann@example.com")


async def test_a_register_that_is_down_is_named_and_found_again(
    dovecot: Dovecot, mailbox_user: str, scripted_smtp: ScriptedSmtp, weak_postgres: Postgres, tmp_path: Path
) -> None:
    with weak_postgres.database() as url:
        config = written(tmp_path, dovecot=dovecot, user=mailbox_user, smtp_port=scripted_smtp.port, more=f'[register]\nurl = "{url}"\n')
        async with a_journey(config, dovecot, mailbox_user, scripted_smtp) as journey, a_visitor(journey.url) as visitor:
            await visitor.until("/readyz", 200)
            weak_postgres.stop()
            await visitor.until("/readyz", 503)
            await journey.until(lambda tx: health.seen(tx)["registers"]["customers"]["state"] != "answers")
            weak_postgres.start()
            await visitor.until("/readyz", 200)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_pages_beside_the_desk_at_work_are_ready_when_their_databases_answer(
    dovecot: Dovecot, mailbox_user: str, scripted_smtp: ScriptedSmtp, weak_postgres: Postgres, tmp_path: Path, kind: str
) -> None:
    with weak_postgres.database() as url:
        store = url if kind == "postgresql" else ""
        config = written(tmp_path, dovecot=dovecot, user=mailbox_user, smtp_port=scripted_smtp.port, store_url=store)
        listen = f"127.0.0.1:{process.free_port()}"
        (config.with_name("password")).rename(tmp_path / "elsewhere")  # pages need no password of a mailbox
        pages = asyncio.create_task(_served(load(config, {"PRIVACY_DESK__WEB__LISTEN": listen})))
        async with a_visitor(f"http://{listen}") as visitor:
            await visitor.until("/readyz", 503)  # nobody has made the tables yet
            (tmp_path / "elsewhere").rename(config.with_name("password"))
            async with a_journey(config, dovecot, mailbox_user, scripted_smtp) as journey:
                await visitor.until("/readyz", 200)
                journey.deliver(words.ACCESS[Language.EN])
                letter = await journey.letter("ann@example.com")
                answer = await visitor.client.get(visitor.url + letter.path("c"))
                assert answer.status_code == 200
                if kind == "postgresql":
                    weak_postgres.stop()
                    await visitor.until("/readyz", 503)
                    weak_postgres.start()
                    await visitor.until("/readyz", 200)
        pages.cancel()
        await asyncio.gather(pages, return_exceptions=True)


async def _served(settings: Settings) -> None:
    async with running(settings, roles={Role.WEB}):
        await asyncio.Event().wait()
