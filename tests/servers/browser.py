"""Debian's Chromium, driven by Playwright; it can reach loopback only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

from tests.servers import process

PACKAGE = "chromium"
ARGUMENTS = (
    "--headless",
    "--no-sandbox",  # Chromium refuses its sandbox to root
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)


@asynccontextmanager
async def run_browser() -> AsyncIterator[Browser]:
    """A headless Chromium with a fresh profile and home."""
    path = process.program("chromium", PACKAGE)
    with process.folder("web", process.ourselves()) as home:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=path, args=list(ARGUMENTS), env={"HOME": str(home), "PATH": process.search_path(), "LC_ALL": "C.UTF-8"}
            )
            try:
                yield browser
            finally:
                await browser.close()
