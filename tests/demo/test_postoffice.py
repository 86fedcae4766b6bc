"""The demo's post office: customers' mails go in, the desk's letters are caught."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from worker.demo.mailserver import ImapServer
from worker.demo.postoffice import Letter, PostOffice
from worker.mail.render import compose
from worker.mail.smtp import Relay
from worker.mail.smtp_settings import SmtpSettings
from worker.rules.mail import Address, OutboundMail
from worker.rules.model import LinkKind

DESK = "privacy@example.org"
TOKEN = "x" * 43


@pytest.fixture
async def imap() -> AsyncIterator[ImapServer]:
    server = ImapServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def office(imap: ImapServer) -> AsyncIterator[PostOffice]:
    started = PostOffice(imap, DESK)
    await started.start()
    yield started
    await started.stop()


@pytest.fixture
async def relay(office: PostOffice) -> AsyncIterator[Relay]:
    opened = Relay(SmtpSettings("127.0.0.1", office.port, tls="none"))
    yield opened
    await opened.close()


def letter(to: str) -> bytes:
    text = f"Goedendag,\n\nhttp://127.0.0.1:8080/c/{TOKEN}\n\nUw code:\n\n    K7MP4R\n\nPD-2026-000123\n"
    mail = OutboundMail("<a@example.org>", Address(to), "Bevestig: één vraag", text, "<p>Goedendag</p>", "nl")
    return compose(mail, Address(DESK, "Privacy"), date=datetime(2026, 11, 22, tzinfo=UTC))


async def test_a_customers_mail_lands_in_the_mailbox(office: PostOffice, imap: ImapServer, relay: Relay) -> None:
    await relay.send(b"Subject: x\r\n\r\n.dot\r\n", "ann@example.com", DESK.upper())
    assert await imap.mails("INBOX") == [b"Subject: x\r\n\r\n.dot\r\n"]
    assert office.letters == []


async def test_a_letter_is_caught_with_its_link_and_code(office: PostOffice, relay: Relay) -> None:
    await relay.send(letter("ann@example.com"), DESK, "ann@example.com")
    (caught,) = office.to("Ann@Example.com")
    assert caught.subject == "Bevestig: één vraag"
    assert caught.code == "K7MP4R"
    assert caught.link(LinkKind.CONFIRM) == f"http://127.0.0.1:8080/c/{TOKEN}"
    assert caught.link(LinkKind.DOWNLOAD) == ""
    assert "<p>" in caught.html


async def test_letters_are_told_as_they_arrive(office: PostOffice, relay: Relay) -> None:
    async def two() -> list[Letter]:
        found = []
        async for each in office.arrivals():
            found.append(each)
            if len(found) == 2:
                break
        return found

    waiting = asyncio.create_task(two())
    await relay.send(letter("ann@example.com"), DESK, "ann@example.com")
    await relay.send(letter("bob@example.com"), DESK, "bob@example.com")
    assert [each.recipient for each in await asyncio.wait_for(waiting, 5)] == ["ann@example.com", "bob@example.com"]
