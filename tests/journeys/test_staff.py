"""Staff at work in a browser: sign in, the list, one mail, and each of the four decisions."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from playwright.async_api import Page

from tests.journeys import words
from tests.journeys.running import Journey
from tests.journeys.walks import confirmed, pressed
from worker.casework import staff
from worker.errors import ConfigurationError
from worker.rules.model import Language, Role

pytestmark = pytest.mark.asyncio(loop_scope="module")
PASSWORD = "four words of staff"
QUESTION = "Good morning, my father passed away last month. Please delete his data, he was a customer of yours for years."


async def signed_in(desk: Journey, page: Page) -> None:
    """Somebody of staff in front of the list."""
    with suppress(ConfigurationError):  # another journey of this module was first
        await staff.add(desk.running.desk, "els", Role.HANDLER, PASSWORD)
    await page.goto(f"{desk.url}/desk/")
    assert page.url.endswith("/desk/login")
    await page.fill("#login", "els")
    await page.fill("#password", PASSWORD)
    await pressed(page)
    assert page.url.endswith("/desk/")


async def held(desk: Journey, page: Page, address: str, text: str) -> None:
    """A mail that no machine answers, opened by staff."""
    before = len(await desk.mail_states())
    desk.deliver(text, sender=address)
    await desk.settled(before + 1)
    assert (await desk.mail_states())[-1] == "held"
    assert await desk.names(address) == ["held_note"]
    await signed_in(desk, page)
    reference = (await desk.letter(address)).text
    found = re.search(r"PD-M-[0-9A-F]{6}", reference)
    assert found, reference
    async with page.expect_navigation():
        await page.get_by_role("link", name=found[0]).click()
    assert text[:40] in await page.inner_text(".mail")


async def decided(page: Page, act: str) -> None:
    """Fill the form of a decision and see first what will happen."""
    form = page.locator("form", has=page.locator(f"input[name=act][value={act}]")).last
    async with page.expect_navigation():
        await form.locator("button").click()
    async with page.expect_navigation():
        await page.locator("main form button").first.click()
    assert f"done={act}" in page.url


async def unfolded(page: Page, act: str) -> None:
    """Open the part of the page with this decision."""
    part = page.locator("details", has=page.locator(f"input[name=act][value={act}]")).last
    if await part.get_attribute("open") is None:
        await part.locator("summary").first.click()


async def test_staff_answer_a_question_in_their_own_words(desk: Journey, page: Page) -> None:
    await held(desk, page, "asks@example.com", QUESTION)
    await unfolded(page, "answer")
    await page.fill("#words", "The yearly fee was on it. Kind regards, Els")
    await decided(page, "answer")
    letter = await desk.letter("asks@example.com", 2)
    assert "The yearly fee was on it." in letter.text


async def test_staff_choose_a_request_and_the_person_confirms_it(desk: Journey, page: Page) -> None:
    address = "chosen@example.com"
    await desk.customer(41, address)
    await held(desk, page, address, QUESTION.replace("morning", "afternoon"))
    await unfolded(page, "approve")
    form = page.locator("form", has=page.locator("input[name=act][value=approve]")).last
    for chosen in await form.locator("input[name=right]:checked").all():
        await chosen.uncheck()
    await form.locator("input[name=right][value=access]").check()
    await decided(page, "approve")
    await confirmed(page, await desk.letter(address, 2), Language.EN)
    await desk.letter(address, 3)
    assert await desk.names(address) == ["held_note", "confirm", "package_ready"]


async def test_staff_refuse_and_the_letter_says_where_to_complain(desk: Journey, page: Page) -> None:
    await held(desk, page, "refused@example.com", QUESTION.replace("morning", "evening"))
    await unfolded(page, "refuse")
    form = page.locator("form", has=page.locator("input[name=act][value=refuse]")).last
    await form.locator("input[name=right][value=access]").check()
    await form.locator("select").select_option("unfounded")
    await decided(page, "refuse")
    letter = await desk.letter("refused@example.com", 2)
    assert "complain" in letter.text
    assert "court" in letter.text


async def test_staff_close_a_mail_and_nobody_is_written_to(desk: Journey, page: Page) -> None:
    await held(desk, page, "closed@example.com", QUESTION.replace("morning", "day"))
    await unfolded(page, "close")
    await decided(page, "close")
    await desk.settled()
    assert await desk.names("closed@example.com") == ["held_note"]


async def test_the_web_form_ends_in_the_same_letter_and_the_page_is_the_same_for_everybody(desk: Journey, page: Page) -> None:
    seen = set()
    await desk.customer(42, "form.known@example.com")
    for address in ("form.known@example.com", "form.unknown@example.com"):
        await page.goto(f"{desk.url}/?lang=nl")
        await page.check("input[name=right][value=access]")
        await page.fill("#address", address)
        await pressed(page)
        seen.add((await page.inner_text("main")).replace(address, "ADDRESS"))
        letter = await desk.letter(address)
        assert letter.language == "nl"
        assert await desk.names(address) == ["confirm"]
    assert len(seen) == 1
    await confirmed(page, await desk.letter("form.known@example.com"), Language.NL)
    await desk.letter("form.known@example.com", 2)
    assert await desk.requests("form.known@example.com") == {"access": "fulfilled"}


async def test_words_alone_in_the_web_form_are_read_like_a_mail(desk: Journey, page: Page) -> None:
    address = "form.words@example.com"
    await page.goto(f"{desk.url}/?lang=fr")
    await page.fill("#words", words.DELETION[Language.FR])
    await page.fill("#address", address)
    await pressed(page)
    letter = await desk.letter(address)
    assert letter.language == "fr"
    assert await desk.requests(address) == {"deletion": "awaiting_confirmation"}
