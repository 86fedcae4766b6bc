"""The demo page: a mail sent there goes through the real servers, and what the desk does shows up beside it."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from worker.demo.show import Show, served
from worker.demo.stage import FORGER, Stage
from worker.demo.told import words
from worker.demo.world import LOGINS, PASSWORD, Ports, a_world, free_port
from worker.rules.audit import Event
from worker.rules.letters import LETTERS
from worker.rules.model import LinkKind, MailState

WITHIN = 20.0  # seconds that anything may take on a busy machine


@dataclass
class Shown:
    """A demo page and what stands behind it."""

    stage: Stage
    url: str
    client: httpx.AsyncClient

    async def send(self, who: str, subject: str, text: str, kind: str = "") -> None:
        """What the button does."""
        answer = await self.client.post("/send", json={"who": who, "subject": subject, "text": text, "kind": kind})
        assert answer.status_code == 200

    async def until(self, who: str, piece: str, words_: str) -> dict[str, Any]:
        """Look until a piece of the page says this."""
        async with asyncio.timeout(WITHIN):
            while True:
                state: dict[str, Any] = (await self.client.get("/state", params={"who": who})).json()
                if words_ in "".join(each["html"] for each in state["pieces"][piece]):
                    return state
                await asyncio.sleep(0.1)


@asynccontextmanager
async def a_shown_demo() -> AsyncIterator[Shown]:
    """A world of its own, and its page."""
    async with a_world(7, Ports(), datetime.now(UTC).date()) as world:
        show, port = Show(Stage(world, datetime.now(UTC).replace(microsecond=0))), free_port()
        assert show.stage is not None
        async with served(show, port), httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=WITHIN) as client:
            yield Shown(show.stage, str(client.base_url), client)


@pytest.fixture
async def demo() -> AsyncIterator[Shown]:
    async with a_shown_demo() as shown:
        yield shown


async def test_a_mail_written_on_the_page_is_understood_and_answered(demo: Shown) -> None:
    who = demo.stage.world.people[0]
    await demo.send(who.customer_number, "My data", "Hello,\n\nplease send me a copy of my <b>personal</b> data.\n\n" + who.name)

    state = await demo.until(who.customer_number, "mailbox", "Confirm")
    card = (await demo.until(who.customer_number, "stream", "Waits for the customer"))["pieces"]["stream"][0]["html"]
    assert "<mark>" in card
    assert "See data" in card
    assert "&lt;b&gt;personal" in card

    letter = await demo.client.get("/letter/" + state["pieces"]["mailbox"][0]["key"][1:])
    assert '<base target="_blank">' in letter.text
    assert "script" not in letter.headers["content-security-policy"]


async def test_the_forger_sees_no_letter_and_the_owner_does(demo: Shown) -> None:
    owner = demo.stage.who(FORGER).customer
    await demo.send(FORGER, "Delete my data", "Please delete all my data.\n\n" + owner.name)
    await demo.until(owner.customer_number, "mailbox", "Confirm")
    forger = (await demo.client.get("/state", params={"who": FORGER})).json()
    assert forger["pieces"]["mailbox"] == []
    assert forger["reads"] is False


async def test_a_day_later_the_newsletter_has_gone_out(demo: Shown) -> None:
    told = (await demo.client.post("/later", json={})).json()["told"]
    assert "newsletter went out to 39 readers" in told
    who = demo.stage.world.people[0].customer_number
    state = await demo.until(who, "days", "A day passed")
    assert "newsletter" in state["pieces"]["mailbox"][0]["html"]


async def test_what_the_page_reads_of_a_mail_is_on_record_once(demo: Shown) -> None:
    who = demo.stage.world.people[0].customer_number
    await demo.send(who, "stop", "Please stop your newsletter.")
    await demo.until(who, "stream", "Newsletters stopped")
    seen = await demo.stage.world.look()
    entries = seen.entries
    await demo.until(who, "stream", "Newsletters stopped")
    assert (await demo.stage.world.look()).entries == entries


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": "application/json", "sec-fetch-site": "cross-site"},
        {"content-type": "application/json", "host": "desk.example:80"},
    ],
)
async def test_another_website_cannot_use_the_page(headers: dict[str, str]) -> None:
    show, port = Show(), free_port()
    async with served(show, port), httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        answer = await client.post("/reset", content=b"{}", headers=headers)
        assert answer.status_code == 403
        assert not show.again.is_set()


async def test_a_ready_mail_of_every_kind_speaks_the_chosen_language(demo: Shown) -> None:
    who = demo.stage.world.people[0]
    for kind in words("ready"):
        asked = {"who": who.customer_number, "kind": kind, "language": "nl", "number": "1"}
        mail = (await demo.client.get("/ready", params=asked)).json()
        assert mail["subject"]
        assert "{" not in mail["text"]


def test_the_page_has_words_for_every_letter_and_for_real_events_only() -> None:
    known = words("event")
    assert {key.partition("/")[0] for key in known} <= set(Event)
    assert {f"letter.sent/{each.name}" for each in LETTERS if each.name != "opt_in"} <= set(known)
    assert {state.value for state in MailState} - {MailState.CASE, MailState.HELD} <= set(words("standing"))


@pytest.mark.parametrize("width", [375, 1280])
async def test_in_a_browser_the_letter_opens_by_itself_and_nothing_is_wider_than_the_screen(page: Page, width: int) -> None:
    async with a_shown_demo() as demo:
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        await page.set_viewport_size({"width": width, "height": 900})
        await page.goto(demo.url)
        await page.click("[data-kind=deletion]")
        await expect(page.locator("#text")).not_to_have_value("")
        await page.click("#write .send button")
        await expect(page.locator("details.letter[open] iframe")).to_be_visible(timeout=WITHIN * 1000)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        letter = demo.stage.world.post.letters[-1]
        link = page.frame_locator("details.letter[open] iframe").locator(f"a[href='{letter.link(LinkKind.CONFIRM)}']").first
        await expect(link).to_be_visible()
        assert errors == []


def test_told_to_stop_it_leaves_nothing_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "worker.demo", "--port", str(free_port())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"TMPDIR": str(tmp_path), "PATH": ""}) as running:
        assert running.stdout is not None
        said = ""
        for line in running.stdout:
            said += line
            if "Ctrl-C" in line:
                break
        assert any(tmp_path.iterdir())
        running.send_signal(signal.SIGTERM)
        assert running.wait(WITHIN) == 0
    assert "ten mails wait" in said
    assert list(tmp_path.iterdir()) == []


def test_a_taken_port_is_replaced_ten_mails_wait_and_reset_begins_anew(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "worker.demo", "--port", str(port)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"TMPDIR": str(tmp_path), "PATH": ""}) as running:
            try:
                said = _said_until(running, "Ctrl-C ends")
                assert f"Port {port} is taken: the demo page gets" in said
                urls = re.findall(r"http://127\.0\.0\.1:\d+", said)
                assert urls[0] != f"http://127.0.0.1:{port}"
                assert _held(urls[2]) == 10
                assert httpx.post(f"{urls[0]}/reset", json={}, trust_env=False).is_success
                assert "with seed" in _said_until(running, "Begun anew")
                assert _held(urls[2]) == 10
            finally:
                running.send_signal(signal.SIGINT)
                assert running.wait(WITHIN) == 0
    assert list(tmp_path.iterdir()) == []


def _said_until(running: subprocess.Popen[str], words_: str) -> str:
    assert running.stdout is not None
    said = ""
    for line in running.stdout:
        said += line
        if words_ in line:
            return said
    pytest.fail(f"it ended without saying {words_!r}: {said}")


def _held(pages: str) -> int:
    """How many mails the queue shows to a member of staff who signs in."""
    with httpx.Client(base_url=pages, trust_env=False, follow_redirects=True, headers={"Origin": pages}, timeout=WITHIN) as client:
        login, _ = next(iter(LOGINS.items()))
        found = re.search(r'name="form_token" value="([^"]+)"', client.get("/desk/").text)
        fields = {"login": login, "password": PASSWORD} | ({"form_token": found[1]} if found else {})
        client.post("/desk/login", data=fields)
        return len(set(re.findall(r'href="/desk/mail/([^"]+)"', client.get("/desk/").text)))
