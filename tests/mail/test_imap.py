"""The mailbox against a real Dovecot."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.servers.dovecot import Dovecot
from tests.servers.process import free_port
from worker.errors import MailboxUnavailable
from worker.mail.imap import MAX_LOT, Mailbox
from worker.mail.imap_folders import Folders
from worker.mail.imap_settings import MailboxSettings

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def mail(number: int = 1, body: bytes = b"Hello") -> bytes:
    return b"From: ann@example.com\r\nSubject: mail %d\r\nMessage-ID: <%d@example.com>\r\n\r\n%b\r\n" % (number, number, body)


def settings(server: Dovecot, user: str, **values: object) -> MailboxSettings:
    chosen = {"tls": "none", "timeout": 5.0, "user": user, "password": server.password, **values}
    return MailboxSettings("box", "127.0.0.1", server.port if chosen["tls"] != "implicit" else server.tls_port, **chosen)  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def opened(server: Dovecot, user: str, folder: str = "INBOX", **values: object) -> AsyncIterator[Mailbox]:
    box = Mailbox(settings(server, user, **values))
    try:
        await box.connect()
        if folder:
            await box.select(folder)
        yield box
    finally:
        await box.close()


async def raws(box: Mailbox, uid: int = 0) -> list[bytes]:
    return [each.raw async for each in box.fetch(await box.uids_above(uid))]


HOSTILE_BODIES = [
    b"",
    b"5 * 3 = 15 and * 4 EXISTS\r\n* BYE\r\n",
    b"(((( unmatched",
    b"))))) (",
    b"A1 OK done\r\nA2 NO\r\n+ go on",
    b"ends with a literal sign {5}",
    b"{3}\r\nabc {4096}",
    b"\x00\xff\xfe\x80 NUL and eight bits",
    b"x" * 100_000,
    b"\r\n\r\n\r\n",
    b'"quoted \\" \\\\ text',
]


async def test_every_mail_comes_back_byte_for_byte(dovecot: Dovecot, mailbox_user: str) -> None:
    sent = [mail(n, body.replace(b"\x00", b"")) for n, body in enumerate(HOSTILE_BODIES)]
    sent += [b'From: "a ( b" <a@example.com>\r\nSubject: "(" {12}\r\n\r\nx\r\n', b"not a mail at all\r\n"]
    for raw in sent:
        dovecot.deliver(mailbox_user, raw, received=AT)
    async with opened(dovecot, mailbox_user) as box:
        got = [each async for each in box.fetch(await box.uids_above(0))]
    assert [each.raw for each in got] == sent
    assert {(each.folder, each.internal_date, each.truncated) for each in got} == {("INBOX", AT, False)}
    assert [each.uid for each in got] == list(range(1, len(sent) + 1))
    assert "Hello" not in repr(got[0])


async def test_the_state_of_a_folder_and_the_uids_above_a_cursor(dovecot: Dovecot, mailbox_user: str) -> None:
    for n in range(5):
        dovecot.deliver(mailbox_user, mail(n), received=AT + timedelta(days=n))
    async with opened(dovecot, mailbox_user) as box:
        state = await box.select("INBOX")
        assert (state.uidnext, state.exists, state.uidvalidity > 0) == (6, 5, True)
        assert await box.uids_above(0) == [1, 2, 3, 4, 5]
        assert await box.uids_above(3) == [4, 5]
        assert await box.uids_above(5) == []
        assert await box.uids_since(date(2026, 3, 5)) == [4, 5]
        assert await box.sizes([1, 2, 99]) == {1: len(mail(0)), 2: len(mail(1))}


async def test_reading_leaves_no_trace(dovecot: Dovecot, mailbox_user: str) -> None:
    path = dovecot.deliver(mailbox_user, mail())
    async with opened(dovecot, mailbox_user) as box:
        assert len(await raws(box)) == 1
    moved = path.parent.parent / "cur" / f"{path.name}:2,"
    assert moved.exists()  # no flag: nobody's client shows it as read


async def test_large_lots_come_in_pieces(dovecot: Dovecot, mailbox_user: str) -> None:
    for n in range(230):
        dovecot.deliver(mailbox_user, mail(n))
    async with opened(dovecot, mailbox_user) as box:
        lots = [lot async for lot in box.fetch_lots(await box.uids_above(0))]
    assert [len(lot) for lot in lots] == [MAX_LOT, MAX_LOT, 30]
    assert [each.raw for lot in lots for each in lot] == [mail(n) for n in range(230)]


async def test_large_mails_come_alone_and_too_large_ones_in_part(dovecot: Dovecot, mailbox_user: str) -> None:
    sent = [mail(n, b"0123456789abcde\r\n" * 300_000) for n in range(3)]
    for raw in sent:
        dovecot.deliver(mailbox_user, raw)
    async with opened(dovecot, mailbox_user, timeout=20.0) as box:
        lots = [lot async for lot in box.fetch_lots([1, 2, 3])]
    assert [len(lot) for lot in lots] == [1, 1, 1]
    assert [lot[0].raw for lot in lots] == sent
    async with opened(dovecot, mailbox_user, max_size=1_000_000, keep_of_larger=50_000) as box:
        cut = [each async for each in box.fetch([1])]
    assert [(each.raw, each.truncated) for each in cut] == [(sent[0][:50_000], True)]


async def test_a_mail_that_is_gone_is_left_out(dovecot: Dovecot, mailbox_user: str) -> None:
    dovecot.deliver(mailbox_user, mail(1)).unlink()
    dovecot.deliver(mailbox_user, mail(2))
    async with opened(dovecot, mailbox_user) as box:
        assert [each.raw async for each in box.fetch([1, 7, 8])] == [mail(2)]
        assert [each async for each in box.fetch([])] == []
        await box.move([55], "Processed")


async def test_moved_mails_are_in_the_new_folder_only(dovecot: Dovecot, mailbox_user: str) -> None:
    for n in range(4):
        dovecot.deliver(mailbox_user, mail(n))
    async with opened(dovecot, mailbox_user) as box:
        await box.move([1, 3], "Processed")
        await box.move([1], "Processed")
        assert await box.uids_above(0) == [2, 4]
        await box.select("Processed")
        assert await raws(box) == [mail(0), mail(2)]


async def test_without_move_a_mail_is_copied_and_that_one_alone_expunged(dovecot: Dovecot, mailbox_user: str) -> None:
    for n in range(3):
        dovecot.deliver(mailbox_user, mail(n))
    async with opened(dovecot, mailbox_user) as box:
        await box._ok("STORE", "1", "+FLAGS.SILENT", "(\\Deleted)", uid=True)  # somebody else's choice
        box._protocol.capabilities.discard("MOVE")
        await box.move([2], "Processed")
        assert await box.uids_above(0) == [1, 3]
        box._protocol.capabilities.discard("UIDPLUS")
        await box.move([3], "Processed")
        assert await box.uids_above(0) == [1, 3]
    assert dovecot.count(mailbox_user, "Processed") == 2


@pytest.mark.parametrize("folder", ["Traité & classé", 'a "quoted" \\ name', "日本語", "Tom & Jerry", "&"])
async def test_any_folder_name_can_be_used(dovecot: Dovecot, mailbox_user: str, folder: str) -> None:
    dovecot.deliver(mailbox_user, mail())
    async with opened(dovecot, mailbox_user, folders=("INBOX", folder)) as box:
        await box.move([1], folder)
        assert (await box.folders()).found == ("INBOX", folder)
        await box.select(folder)
        assert await raws(box) == [mail()]


async def test_folders_are_those_that_exist_and_junk_goes_by_its_mark(dovecot: Dovecot, mailbox_user: str) -> None:
    async with opened(dovecot, mailbox_user, folders=("inbox", "Spam", "Nowhere")) as box:
        assert await box.folders() == Folders(("INBOX", "Junk"), ("Nowhere",))
    async with opened(dovecot, mailbox_user, folders=("Junk", "INBOX")) as box:
        assert (await box.folders()).found == ("Junk", "INBOX")


async def test_new_mail_ends_the_wait(dovecot: Dovecot, mailbox_user: str) -> None:
    async with opened(dovecot, mailbox_user) as box:
        waiting = asyncio.create_task(box.wait(10))
        await asyncio.sleep(0.2)
        dovecot.deliver(mailbox_user, mail())
        assert await waiting
        assert await raws(box) == [mail()]
        begun = time.monotonic()
        assert not await box.wait(0.3)
        assert time.monotonic() - begun < 8
        assert await box.uids_above(1) == []


async def test_mail_that_is_announced_beside_another_answer_is_not_waited_for(dovecot: Dovecot, mailbox_user: str) -> None:
    async with opened(dovecot, mailbox_user) as box:
        assert await box.uids_above(0) == []
        dovecot.deliver(mailbox_user, mail())
        await box._ok("NOOP")
        begun = time.monotonic()
        assert await box.wait(10)
        assert time.monotonic() - begun < 8


async def test_without_idle_it_looks_at_intervals(dovecot: Dovecot, mailbox_user: str) -> None:
    async with opened(dovecot, mailbox_user, idle=False) as box:
        dovecot.deliver(mailbox_user, mail())
        assert await box.wait(0.2)
        assert await raws(box) == [mail()]
        assert not await box.wait(0.1)


async def test_a_server_that_was_down_is_found_again(dovecot: Dovecot, mailbox_user: str) -> None:
    box = Mailbox(settings(dovecot, mailbox_user))
    await asyncio.to_thread(dovecot.stop)
    try:
        with pytest.raises(MailboxUnavailable):
            await box.connect()
    finally:
        await asyncio.to_thread(dovecot.start)
    await box.connect()
    assert (await box.select("INBOX")).exists == 0
    await box.close()


async def test_a_cancelled_wait_leaves_nothing_behind(dovecot: Dovecot, mailbox_user: str) -> None:
    async with opened(dovecot, mailbox_user) as box:
        waiting = asyncio.create_task(box.wait(60))
        await asyncio.sleep(0.1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        with pytest.raises(MailboxUnavailable):
            await box.uids_above(0)


@pytest.mark.parametrize("tls", ["none", "starttls", "implicit"])
async def test_every_kind_of_connection(dovecot: Dovecot, mailbox_user: str, tls: str) -> None:
    dovecot.deliver(mailbox_user, mail())
    ca_file = dovecot.certificates.authority if tls != "none" else None
    async with opened(dovecot, mailbox_user, tls=tls, ca_file=ca_file) as box:
        assert await raws(box) == [mail()]


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
async def test_a_certificate_of_a_stranger_is_not_trusted(dovecot: Dovecot, mailbox_user: str, tls: str) -> None:
    with pytest.raises(MailboxUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        await Mailbox(settings(dovecot, mailbox_user, tls=tls)).connect()


async def test_an_address_that_nobody_listens_on_is_unavailable() -> None:
    with pytest.raises(MailboxUnavailable, match="mailbox box at 127"):
        await Mailbox(MailboxSettings("box", "127.0.0.1", free_port(), tls="none")).connect()


async def test_a_missing_folder_is_said_and_not_created(dovecot: Dovecot, mailbox_user: str) -> None:
    with pytest.raises(MailboxUnavailable, match="SELECT was refused"):
        async with opened(dovecot, mailbox_user, "Nowhere"):
            pass
