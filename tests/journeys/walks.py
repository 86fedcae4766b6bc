"""The ways a request goes, in a browser, from a mail in the mailbox to its end."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path

from playwright.async_api import Page

from tests.journeys import words
from tests.journeys.running import Journey, Letter
from worker.rules.model import Language
from worker.store import newsletters

_numbers = count(100)
BUTTON = "main form button"


async def a_customer(desk: Journey, what: str, language: Language) -> str:
    """Somebody of this journey alone."""
    address = f"{what}.{language}@example.com"
    await desk.customer(next(_numbers), address)
    return address


async def opened(page: Page, link: str, language: Language) -> None:
    """Follow a link of a letter; the page speaks the letter's language."""
    answer = await page.goto(link)
    assert answer is not None
    assert answer.ok
    assert await page.locator("html").get_attribute("lang") == language


async def pressed(page: Page, selector: str = BUTTON) -> None:
    """Press the first such button, and see the next page."""
    async with page.expect_navigation() as answer:
        await page.locator(selector).first.click()
    assert (await answer.value).ok


async def confirmed(page: Page, letter: Letter, language: Language) -> None:
    """Open the letter's link, type the code if one is asked for, and press the button."""
    await opened(page, letter.link("c"), language)
    if await page.locator("#code").count():
        await page.fill("#code", letter.code)
    await pressed(page)


async def access(desk: Journey, page: Page, language: Language) -> None:
    """Mail, link, button; letter, link, code; page and JSON file."""
    address = await a_customer(desk, "copy", language)
    desk.deliver(words.ACCESS[language], sender=address)
    letter = await desk.letter(address)
    assert letter.language == language
    await confirmed(page, letter, language)

    ready = await desk.letter(address, 2)
    await opened(page, ready.link("d"), language)
    assert "Kerkstraat" not in await page.content()
    await page.fill("#code", ready.code)
    await pressed(page)
    assert "Kerkstraat" in await page.content()

    async with page.expect_download() as download:
        await page.locator(BUTTON).first.click()
    package = json.loads(Path(await (await download.value).path()).read_text("utf-8"))
    values = [row["values"] for table in package["tables"] for row in table["rows"]]
    assert address in json.dumps(values)
    assert await desk.names(address) == ["confirm", "package_ready"]
    assert await desk.requests(address) == {"access": "fulfilled"}


async def correction(desk: Journey, page: Page, language: Language) -> None:
    """Mail, link, code, button; old and new, button; the record changes and a letter says so."""
    address = await a_customer(desk, "moved", language)
    before = await desk.record(address)
    assert before is not None
    wanted = words.CORRECTION[language]
    desk.deliver(wanted.text, sender=address)
    letter = await desk.letter(address)
    await confirmed(page, letter, language)
    cells = await page.locator("td").all_inner_texts()
    assert before[wanted.column] in cells
    assert wanted.new in cells
    assert await desk.record(address) == before
    await pressed(page)

    closing = await desk.letter(address, 2)
    assert closing.language == language
    after = await desk.record(address)
    assert after is not None
    assert after[wanted.column] == wanted.recorded
    assert await desk.names(address) == ["confirm", "corrected"]
    assert await desk.requests(address) == {"correction": "fulfilled"}


async def deletion(desk: Journey, page: Page, language: Language) -> None:
    """Mail, link, code, button; letter with a way back; the grace; erased, and a letter that says so."""
    address = await a_customer(desk, "gone", language)
    desk.deliver(words.DELETION[language], sender=address)
    await confirmed(page, await desk.letter(address), language)
    planned = await desk.letter(address, 2)
    assert planned.language == language
    await opened(page, planned.link("r"), language)
    assert await page.locator("button.danger").count() == 1, "the erasure can be called off"
    assert await desk.record(address) is not None

    await desk.later(hours=73)
    erased = await desk.letter(address, 3)
    assert erased.language == language
    assert await desk.record(address) is None
    assert await desk.names(address) == ["confirm", "erasure_planned", "erased"]
    assert await desk.requests(address) == {"deletion": "fulfilled"}


async def unsubscription(desk: Journey, page: Page, language: Language) -> None:
    """Mail; stopped, and a letter that says so, with a way to be erased too, and a way back."""
    address = await a_customer(desk, "stop", language)
    await desk.running.desk.store.run(lambda tx: newsletters.add_topic(tx, "offers", {language: "Offers"}))
    await desk.reader(address, language, "offers")
    desk.deliver(words.UNSUBSCRIBE[language], sender=address)
    letter = await desk.letter(address)
    assert letter.language == language
    assert await desk.suppressed(address)
    assert await desk.names(address) == ["unsubscribed"]

    await opened(page, letter.link("p"), language)
    assert await desk.suppressed(address), "opening the page brings nothing back"
    await pressed(page, "form[action*='/erase'] button")
    asked = await desk.letter(address, 2)
    assert asked.language == language
    assert await desk.names(address) == ["unsubscribed", "confirm"]
    assert (await desk.requests(address))["deletion"] == "awaiting_confirmation"
    await confirmed(page, asked, language)
    assert (await desk.requests(address))["deletion"] == "waiting_grace"

    await opened(page, letter.link("p"), language)
    await pressed(page, "form[action*='/undo'] button")
    assert not await desk.suppressed(address)
