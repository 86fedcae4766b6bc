"""Newsletters go out at their time, in each reader's language, and stop however a reader says so."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import httpx
import pytest
from playwright.async_api import Page

from tests.journeys import words
from tests.journeys.running import WITHIN, Journey, Letter, a_journey, written
from tests.journeys.walks import opened, pressed
from tests.servers.dovecot import Dovecot
from tests.servers.smtp import Answer, ScriptedSmtp, run_smtp
from worker.operate import newsletter
from worker.rules.model import Language

pytestmark = pytest.mark.asyncio(loop_scope="module")

SUBJECTS = {Language.EN: "News", Language.NL: "Nieuws", Language.FR: "Des nouvelles", Language.DE: "Neues"}
NEWS = "\n\n".join(
    f"+++ {language}\nsubject: {subject}\n\n# {subject}\n\nhttps://shop.example.com/{language}" for language, subject in SUBJECTS.items()
)
_numbers = count()


async def planned(desk: Journey, folder: Path, readers: dict[str, Language], hours: float = 1) -> str:
    """A topic of its own, its readers, and a newsletter that is due in so many hours; returns the topic."""
    tool, topic = desk.running.desk, f"offers-{next(_numbers)}"
    newsletter.topic_add(tool, topic, dict.fromkeys(Language, "Offers"))
    for address, language in readers.items():
        await desk.reader(address, language, topic)
    await issued(desk, folder, topic, hours)
    return topic


async def issued(desk: Journey, folder: Path, topic: str, hours: float = 1) -> None:
    """One more newsletter on a topic."""
    (folder / "news.md").write_text(NEWS, encoding="utf-8")
    due = (desk.clock.now() + timedelta(hours=hours)).astimezone(ZoneInfo("Europe/Brussels"))
    newsletter.add(desk.running.desk, folder / "news.md", topic=topic, at=f"{due:%Y-%m-%d %H:%M}")


def header_links(letter: Letter) -> tuple[str, str]:
    """The https and the mailto link of List-Unsubscribe."""
    given = [each.strip(" <>\r\n\t") for each in str(letter.message["List-Unsubscribe"]).split(",")]
    return next(each for each in given if each.startswith("http")), next(each for each in given if each.startswith("mailto:"))


async def test_a_newsletter_goes_out_at_its_time_in_four_languages(desk: Journey, tmp_path: Path) -> None:
    readers = {f"time.{language}@example.com": language for language in Language}
    await planned(desk, tmp_path, readers, hours=2)
    await desk.later(hours=1)
    await desk.settled()
    assert all(desk.smtp.to(address) == [] for address in readers), "it is not time yet"
    await desk.later(hours=1, minutes=1)
    for address, language in readers.items():
        issue = await desk.letter(address)
        assert issue.message["Subject"] == SUBJECTS[language]
        assert issue.language == language
        assert issue.link("u")
        assert issue.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert len(desk.smtp.to(address)) == 1


async def next_one_reaches(desk: Journey, folder: Path, topic: str, reader: str, stopped: str) -> None:
    """The next newsletter leaves, and the one who stopped is not among its readers."""
    had = len(desk.smtp.to(stopped))
    await issued(desk, folder, topic)
    await desk.later(hours=1, minutes=1)
    await desk.letter(reader, 2)
    await desk.settled()
    assert len(desk.smtp.to(stopped)) == had


async def first_issue(desk: Journey, folder: Path, name: str) -> tuple[str, str, str, Letter]:
    """Two readers have their first newsletter: topic, reader who stays, reader who stops, what the latter got."""
    stays, stops = f"{name}.stays@example.com", f"{name}.stops@example.com"
    topic = await planned(desk, folder, {stays: Language.EN, stops: Language.DE})
    await desk.later(hours=1, minutes=1)
    await desk.letter(stays)
    return topic, stays, stops, await desk.letter(stops)


async def test_the_link_at_the_bottom_stops_it_after_a_button(desk: Journey, page: Page, tmp_path: Path) -> None:
    topic, stays, stops, issue = await first_issue(desk, tmp_path, "link")
    await opened(page, issue.link("u"), Language.DE)
    assert not await desk.suppressed(stops), "a scanner that opens the link stops nothing"
    await pressed(page)
    assert await desk.suppressed(stops)
    assert (await desk.letter(stops, 2)).language == "de"
    assert await desk.names(stops) == ["unsubscribed"]
    await next_one_reaches(desk, tmp_path, topic, stays, stops)


async def test_a_mail_programs_one_click_stops_it(desk: Journey, tmp_path: Path) -> None:
    topic, stays, stops, issue = await first_issue(desk, tmp_path, "click")
    link, _ = header_links(issue)
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(link, data={"List-Unsubscribe": "One-Click"}, headers={"Origin": "https://mail.example"})
    assert answer.status_code == 200
    assert await desk.suppressed(stops)
    await desk.letter(stops, 2)
    await next_one_reaches(desk, tmp_path, topic, stays, stops)


async def test_a_mail_that_says_stop_stops_it(desk: Journey, tmp_path: Path) -> None:
    topic, stays, stops, issue = await first_issue(desk, tmp_path, "mail")
    desk.deliver(
        words.UNSUBSCRIBE[Language.DE],
        sender=stops,
        subject=f"AW: {issue.message['Subject']}",
        In_Reply_To=str(issue.message["Message-ID"]),
    )
    await desk.letter(stops, 2)
    assert await desk.suppressed(stops)
    await next_one_reaches(desk, tmp_path, topic, stays, stops)


async def test_the_mail_that_a_mail_program_writes_stops_it_from_whatever_address(desk: Journey, tmp_path: Path) -> None:
    topic, stays, stops, issue = await first_issue(desk, tmp_path, "mailto")
    _, link = header_links(issue)
    asked = urlsplit(link)
    assert asked.path == "privacy@company.example"
    desk.deliver("\n", sender="other.address@example.com", subject=parse_qs(asked.query)["subject"][0])
    await desk.letter(stops, 2)
    assert await desk.suppressed(stops)
    assert await desk.names(stops) == ["unsubscribed"]
    await next_one_reaches(desk, tmp_path, topic, stays, stops)


async def test_who_stops_while_it_goes_out_gets_nothing_more(desk: Journey, tmp_path: Path) -> None:
    readers = {f"during{number}@example.com": Language.NL for number in range(5)}
    topic = await planned(desk, tmp_path, readers)
    tokens = {address: await desk.reader(address, Language.NL, topic) for address in readers}
    desk.smtp.slow_seconds = 0.5
    desk.smtp.on("during", Answer.SLOW)
    await desk.later(hours=1, minutes=1)
    await desk.until(lambda tx: any(desk.smtp.to(address) for address in readers))
    async with httpx.AsyncClient(trust_env=False) as client:
        for token in tokens.values():
            assert (await client.post(f"{desk.url}/u/{token}", data={"List-Unsubscribe": "One-Click"})).status_code == 200
    await desk.settled()
    issues = [each for address in readers for each in desk.smtp.to(address) if b"List-Unsubscribe-Post" in each.data]
    assert len(issues) <= 2, "the one that had arrived, and the one in flight"
    assert all([await desk.suppressed(address) for address in readers])


@pytest.mark.asyncio(loop_scope="function")
async def test_newsletters_leave_by_a_relay_of_their_own_and_letters_by_the_other(
    dovecot: Dovecot, mailbox_user: str, scripted_smtp: ScriptedSmtp, tmp_path: Path
) -> None:
    with run_smtp() as bulk:
        more = f'[[newsletter.relay]]\nhost = "127.0.0.1"\nport = {bulk.port}\ntls = "none"\n'
        config = written(tmp_path, dovecot=dovecot, user=mailbox_user, smtp_port=scripted_smtp.port, more=more)
        async with a_journey(config, dovecot, mailbox_user, scripted_smtp) as desk:
            await planned(desk, tmp_path, {"rita@example.com": Language.EN})
            await desk.later(hours=1, minutes=1)
            desk.deliver(words.ACCESS[Language.EN])
            await bulk.arrived(1, recipient="rita@example.com", within=WITHIN)
            await desk.letter("ann@example.com")
    assert scripted_smtp.to("rita@example.com") == []
    assert bulk.to("ann@example.com") == []
