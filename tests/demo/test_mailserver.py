"""The demo's own IMAP server, seen by the standard library's client and by the desk's."""

from __future__ import annotations

import asyncio
import imaplib
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from worker.demo.mailserver import USER, ImapServer
from worker.mail.imap import Mailbox
from worker.mail.imap_settings import MailboxSettings

MAIL = b"From: ann@example.com\r\nTo: privacy@example.org\r\nSubject: (5 * 3\r\n\r\nHello\r\n"


@pytest.fixture
async def server() -> AsyncIterator[ImapServer]:
    started = ImapServer()
    await started.start()
    yield started
    await started.stop()


async def test_a_mail_that_was_appended_is_fetched_as_it_was(server: ImapServer) -> None:
    await server.append("INBOX", MAIL)
    assert await server.mails("INBOX") == [MAIL]

    def fetch() -> bytes:
        with imaplib.IMAP4("127.0.0.1", server.port) as client:
            client.login(USER, server.password)
            client.select("INBOX")
            _, data = client.uid("FETCH", "1:*", "(BODY.PEEK[])")
            return data[0][1]  # type: ignore[no-any-return]

    assert await asyncio.to_thread(fetch) == MAIL


async def test_the_desk_reads_moves_and_is_woken(server: ImapServer) -> None:
    box = Mailbox(MailboxSettings("demo", "127.0.0.1", server.port, tls="none", user=USER, password=server.password))
    await box.connect()
    try:
        assert {"INBOX", "Junk"} <= set((await box.folders()).found)
        state = await box.select("INBOX")
        assert state is not None
        waiting = asyncio.create_task(box.wait(30))
        await asyncio.sleep(0.2)
        await server.append("INBOX", MAIL, datetime(2026, 11, 2, tzinfo=UTC))
        await asyncio.wait_for(waiting, 5)
        uids = await box.uids_above(0)
        (fetched,) = [each async for each in box.fetch(uids)]
        assert fetched.raw == MAIL
        assert fetched.internal_date == datetime(2026, 11, 2, tzinfo=UTC)
        await box.move(uids, "Processed")
    finally:
        await box.close()
    assert await server.mails("INBOX") == []
    assert await server.mails("Processed") == [MAIL]


async def test_a_stopped_server_leaves_no_connection(server: ImapServer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    assert (await reader.readline()).startswith(b"* OK")
    await server.drop_connections()
    assert b"BYE" in await reader.read()
    writer.close()
