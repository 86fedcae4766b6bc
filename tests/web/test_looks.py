"""The pages in a real browser: small and large, with keyboard and finger, and without scripts to help."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser

from tests.desks import House
from tests.web.conftest import served
from worker.rules.model import Language
from worker.web.app import combined_app
from worker.web.settings import WebSettings


@pytest.fixture
async def address(house: House, tmp_path: Path) -> AsyncIterator[str]:
    """Where the pages are; reached by plain http, so that the browser keeps staff's cookie."""
    desk = replace(house.desk, card=replace(house.desk.card, base_url="http://127.0.0.1"))
    async with served(combined_app(desk, WebSettings(), lambda: True, {Language.EN: "# Policy"})) as web:
        yield str(web.base_url).rstrip("/")


SMALL_TARGETS = """() => [...document.querySelectorAll('button, a.button, input:not([type=hidden]):not([type=checkbox]), textarea, select, .tongues a, .foot li a, summary, label.wish')]
    .filter(e => e.getClientRects().length && e.getBoundingClientRect().height < 43.5).map(e => e.outerHTML.slice(0, 80))"""
SIDEWAYS = "() => document.documentElement.scrollWidth - window.innerWidth"
UNNAMED = """() => [...document.querySelectorAll('input:not([type=hidden]), textarea, select')].filter(e => !e.labels.length).map(e => e.outerHTML)"""


async def test_pages_fit_a_telephone_and_a_desktop_and_can_be_hit_with_a_finger(browser: Browser, address: str, house: House) -> None:
    await house.write("Hello, my new telephone number is +32 9 234 56 78. Could you change it? Ann Peeters")
    token = (await house.last("confirm")).link("c")
    for width in (375, 1280):
        context = await browser.new_context(viewport={"width": width, "height": 800}, java_script_enabled=True)
        page = await context.new_page()
        for path in ("/", "/?lang=de", "/?lang=fr", "/privacy", "/nothing", "/desk/login", f"/c/{token}", f"/r/{token}", "/c/unknown"):
            await page.goto(address + path)
            found: dict[str, Any] = {
                name: await page.evaluate(code) for name, code in (("wide", SIDEWAYS), ("small", SMALL_TARGETS), ("unnamed", UNNAMED))
            }
            assert found == {"wide": 0, "small": [], "unnamed": []}, (path, width)
        await context.close()


async def test_a_correction_goes_through_in_a_browser_without_scripts_or_cookies(browser: Browser, address: str, house: House) -> None:
    await house.write("Hello, my new telephone number is +32 9 234 56 78. Could you change it? Ann Peeters")
    letter = await house.last("confirm")
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(f"{address}/c/{letter.link('c')}")
    await page.fill("#code", f"{letter.code[:3].lower()} {letter.code[-3:].lower()}")
    await page.click("text=Yes, this was me")
    assert "+32 9 123 45 67" in await page.inner_text("main")
    await page.click("text=Change it")
    assert "that is confirmed" in await page.inner_text("main")
    assert not await context.cookies()
    await house.carry_out()
    record = await house.record()
    assert record is not None
    assert record["telephone"] == "+32 9 234 56 78"


async def test_a_browser_that_runs_scripts_on_every_page_confirms_nothing(browser: Browser, address: str, house: House) -> None:
    await house.write("Please delete all my data. Ann Peeters, ann@example.com")
    letter = await house.last("confirm")
    asked: list[str] = []
    context = await browser.new_context()
    page = await context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    for path in (f"/c/{letter.link('c')}", f"/r/{letter.link('r')}"):
        await page.goto(address + path)
        await page.wait_for_timeout(200)
    assert all(url.startswith((address, "data:")) for url in asked)
    assert await house.requests() == {"deletion": "awaiting_confirmation"}
    assert len(await house.letters()) == 1
