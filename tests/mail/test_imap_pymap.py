"""The mailbox against the embedded server of the demo: another program's reading of the same protocol."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from worker.demo.mailserver import USER, ImapServer
from worker.errors import MailboxUnavailable
from worker.mail.imap import Mailbox
from worker.mail.imap_settings import MailboxSettings

RAW = b"From: ann@example.com\r\nSubject: (* 1\r\n\r\n5 * 3 = 15 (\r\n"


@pytest.fixture
async def server() -> AsyncIterator[ImapServer]:
    started = ImapServer()
    await started.start()
    try:
        yield started
    finally:
        await started.stop()


@pytest.fixture
async def box(server: ImapServer) -> AsyncIterator[Mailbox]:
    opened = Mailbox(MailboxSettings("box", "127.0.0.1", server.port, tls="none", user=USER, password=server.password, timeout=5.0))
    await opened.connect()
    yield opened
    await opened.close()


async def test_a_mail_is_awaited_fetched_and_moved(server: ImapServer, box: Mailbox) -> None:
    assert (await box.folders()).found[0] == "INBOX"
    state = await box.select("INBOX")
    waiting = asyncio.create_task(box.wait(10))
    await asyncio.sleep(0.1)
    begun = time.monotonic()
    await server.append("INBOX", RAW)
    assert await waiting
    assert time.monotonic() - begun < 8
    uids = await box.uids_above(state.uidnext - 1)
    (mail,) = [each async for each in box.fetch(uids)]
    assert (mail.raw, mail.uidvalidity) == (RAW, state.uidvalidity)
    await box.move(uids, "Processed")
    assert await box.uids_above(0) == []
    assert await server.mails("Processed") == [RAW]


async def test_many_mails_at_once(server: ImapServer, box: Mailbox) -> None:
    for _ in range(150):
        await server.append("INBOX", RAW)
    await box.select("INBOX")
    assert [each.raw async for each in box.fetch(await box.uids_above(0))] == [RAW] * 150


async def test_dropped_connections_end_the_wait(server: ImapServer, box: Mailbox) -> None:
    await box.select("INBOX")
    waiting = asyncio.create_task(box.wait(60))
    await asyncio.sleep(0.1)
    await server.drop_connections()
    with pytest.raises(MailboxUnavailable):
        await asyncio.wait_for(waiting, 3)
    await box.connect()
    await box.select("INBOX")
