"""What forgers, scanners and robots get: nothing."""

from __future__ import annotations

import asyncio
import re

import httpx
import pytest
from playwright.async_api import Page

from tests.journeys import words
from tests.journeys.running import Journey, Letter
from tests.journeys.walks import BUTTON, confirmed, pressed
from worker.operate import newsletter
from worker.rules.model import Language

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def asked_to_delete(desk: Journey, number: int, address: str) -> Letter:
    """A customer asks to be forgotten; the confirmation letter."""
    await desk.customer(number, address)
    desk.deliver(words.DELETION[Language.EN], sender=address)
    return await desk.letter(address)


async def test_two_hundred_gets_and_as_many_heads_of_a_link_confirm_nothing(desk: Journey) -> None:
    letter = await asked_to_delete(desk, 20, "scanned@example.com")
    for kind in "cr":
        await _opened_by_a_scanner(letter.link(kind))
    assert await desk.requests("scanned@example.com") == {"deletion": "awaiting_confirmation"}


async def test_two_hundred_gets_and_as_many_heads_fetch_no_package_and_sign_nobody_up(desk: Journey, page: Page) -> None:
    address = "copied@example.com"
    await desk.customer(27, address)
    desk.deliver(words.ACCESS[Language.EN], sender=address)
    await confirmed(page, await desk.letter(address), Language.EN)
    ready = await desk.letter(address, 2)
    await _opened_by_a_scanner(ready.link("d"))
    await page.goto(ready.link("d"))
    await page.fill("#code", ready.code)
    await pressed(page)
    assert "Kerkstraat" in await page.content(), "the link still opens for who knows the code"
    newsletter.topic_add(desk.running.desk, "offers", dict.fromkeys(Language, "Offers"))
    token = await desk.reader("reads@example.com", Language.EN, "offers")
    for kind in "up":
        await _opened_by_a_scanner(f"{desk.url}/{kind}/{token}")
    assert not await desk.suppressed("reads@example.com")


async def _opened_by_a_scanner(link: str) -> None:
    """200 GETs and as many HEADs, with answers that set no cookie."""
    async with httpx.AsyncClient(trust_env=False) as client:
        answers = [
            each
            for _ in range(4)
            for each in await asyncio.gather(*(client.request(verb, link) for verb in ("GET", "HEAD") for _ in range(50)))
        ]
    assert len(answers) == 400
    assert {answer.status_code for answer in answers} == {200}
    assert all("set-cookie" not in answer.headers for answer in answers)


async def test_a_browser_that_runs_scripts_and_follows_every_link_confirms_nothing(desk: Journey, page: Page) -> None:
    letter = await asked_to_delete(desk, 21, "crawled@example.com")
    to_see, seen = {letter.link("c"), letter.link("r")}, set[str]()
    while to_see - seen:
        link = (to_see - seen).pop()
        seen.add(link)
        await page.goto(link, wait_until="networkidle")
        await page.evaluate(
            "() => { for (const l of document.links) { const p = document.createElement('link'); p.rel = 'prefetch'; p.href = l.href; document.head.append(p) } }"
        )
        found = await page.eval_on_selector_all("a[href]", "all => all.map(each => each.href)")
        to_see |= {each for each in found if each.startswith(desk.url) and "?lang=" not in each}
    assert await page.evaluate("() => document.scripts.length") == 0
    assert await desk.requests("crawled@example.com") == {"deletion": "awaiting_confirmation"}
    assert await desk.names("crawled@example.com") == ["confirm"]


async def test_a_link_used_twice_shows_where_the_request_is(desk: Journey, page: Page) -> None:
    address = "twice@example.com"
    await desk.customer(22, address)
    desk.deliver(words.ACCESS[Language.EN], sender=address)
    letter = await desk.letter(address)
    await confirmed(page, letter, Language.EN)
    await desk.letter(address, 2)
    for _ in range(2):
        answer = await page.goto(letter.link("c"))
        assert answer is not None
        assert answer.status == 200
        assert await page.locator(BUTTON).count() == 0, "there is nothing to press any more"
        assert await page.locator(".badge.good").count() == 1, "the request is shown as fulfilled"
    async with httpx.AsyncClient(trust_env=False) as client:
        again = await client.post(letter.link("c"), data={"right": "access"})
    assert again.status_code == 200
    assert await desk.names(address) == ["confirm", "package_ready"]


def _same_for_all(letter: Letter) -> str:
    """A letter without its link, code and reference."""
    text = re.sub(r"[\w-]{43}", "TOKEN", f"{letter.message['Subject']}\n{letter.text}")
    return re.sub(r"PD-\d+-\d+", "REFERENCE", text).replace(letter.code, "CODE")


async def test_a_forged_sender_changes_nothing_and_learns_nothing(desk: Journey) -> None:
    known, unknown = "known@example.com", "unknown@example.com"
    await desk.customer(23, known)
    before = await desk.record(known)
    for address in (known, unknown):
        desk.deliver(words.DELETION[Language.EN], sender=f"Mallory <{address}>", Reply_To="mallory@evil.test")
    first, second = await desk.letter(known), await desk.letter(unknown)
    assert _same_for_all(first) == _same_for_all(second)
    assert "Peeters" not in str(first.message)
    assert desk.smtp.to("mallory@evil.test") == []
    await desk.later(hours=80)
    await desk.settled()
    assert await desk.record(known) == before


async def test_an_out_of_office_robot_confirms_nothing_and_is_not_answered(desk: Journey) -> None:
    address = "away@example.com"
    letter = await asked_to_delete(desk, 24, address)
    before = len(await desk.mail_states())
    ours = str(letter.message["Message-ID"])
    body = f"I am out of the office until Monday.\n\n> {letter.link('c')}\n> {letter.code}\n"
    desk.deliver(
        body, sender=address, subject=f"Automatic reply: {letter.message['Subject']}", In_Reply_To=ours, Auto_Submitted="auto-replied"
    )
    await desk.settled(before + 1)
    assert (await desk.mail_states())[-1] == "machine"
    assert await desk.requests(address) == {"deletion": "awaiting_confirmation"}
    assert await desk.names(address) == ["confirm"]


async def test_ann_never_touches_joann(desk: Journey, page: Page) -> None:
    await desk.customer(25, "joann@example.com", name="Jo Ann")
    desk.deliver(words.DELETION[Language.EN], sender="ann@example.com")
    await confirmed(page, await desk.letter("ann@example.com"), Language.EN)
    await desk.letter("ann@example.com", 2)
    await desk.later(hours=73)
    await desk.letter("ann@example.com", 3)
    assert await desk.record("ann@example.com") is None
    assert await desk.record("joann@example.com") is not None
    assert desk.smtp.to("joann@example.com") == []


async def test_who_asks_for_a_copy_and_to_be_forgotten_gets_the_copy_first(desk: Journey, page: Page) -> None:
    address = "both@example.com"
    await desk.customer(26, address)
    desk.deliver(words.FIRST_A_COPY_THEN_ERASE, sender=address)
    await confirmed(page, await desk.letter(address), Language.EN)
    await desk.later(hours=73)
    await desk.letter(address, 4)
    assert await desk.names(address) == ["confirm", "erasure_planned", "package_ready", "erased"]
    letters = [await desk.letter(address, number) for number in (2, 3, 4)]
    ready = next(letter for letter in letters if "/d/" in letter.text)
    await page.goto(ready.link("d"))
    await page.fill("#code", ready.code)
    await pressed(page)
    assert "Kerkstraat" in await page.content(), "the copy holds what was erased"
    assert await desk.record(address) is None
