"""Each of the four requests, in each of the four languages, from a mail in the mailbox to its end, in a browser."""

from __future__ import annotations

import pytest
from playwright.async_api import Page

from tests.journeys import walks
from tests.journeys.running import Journey
from worker.rules.model import Language

pytestmark = pytest.mark.asyncio(loop_scope="module")
languages = pytest.mark.parametrize("language", list(Language))


@languages
async def test_who_asks_for_a_copy_reads_it_behind_a_link_and_a_code(desk: Journey, page: Page, language: Language) -> None:
    await walks.access(desk, page, language)


@languages
async def test_who_corrects_sees_old_and_new_and_the_record_changes_after_the_second_button(
    desk: Journey, page: Page, language: Language
) -> None:
    await walks.correction(desk, page, language)


@languages
async def test_who_wants_to_be_forgotten_is_erased_after_the_grace(desk: Journey, page: Page, language: Language) -> None:
    await walks.deletion(desk, page, language)


@languages
async def test_who_says_stop_gets_no_newsletter_any_more_and_can_take_it_back(desk: Journey, page: Page, language: Language) -> None:
    await walks.unsubscription(desk, page, language)
