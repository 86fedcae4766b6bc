"""The mailbox against servers that misbehave: each word of theirs is written here."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.errors import MailboxUnavailable
from worker.mail.imap import Mailbox, _lots
from worker.mail.imap_settings import MailboxSettings
from worker.mail.imap_syntax import fetched, folder_name, internal_date, listed, read_folder_name, uid_set, values

Talk = Callable[["Script"], Awaitable[None]]


class Script:
    """The server's side of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.said: list[str] = []
        self.tag = b""

    def say(self, *lines: bytes) -> None:
        self.writer.write(b"".join(line + b"\r\n" for line in lines))

    async def hear(self) -> str:
        line = await self.reader.readline()
        self.tag, _, words = line.rstrip(b"\r\n").partition(b" ")
        self.said.append(words.decode())
        return words.decode()

    async def answer(self, *lines: bytes, status: bytes = b"OK done") -> str:
        """Hear one command, answer it."""
        words = await self.hear()
        self.say(*lines, self.tag + b" " + status)
        return words

    async def welcome(self, *capabilities: bytes) -> None:
        """Greeting and login."""
        self.say(b"* OK hello")
        capability = b" ".join((b"* CAPABILITY IMAP4rev1", *capabilities))
        await self.answer(capability)
        await self.answer()
        await self.answer(capability)

    async def inbox(self) -> None:
        await self.answer(b"* 1 EXISTS", b"* OK [UIDVALIDITY 7] x", b"* OK [UIDNEXT 2] x")


@contextlib.asynccontextmanager
async def served(talk: Talk, **values_: object) -> AsyncIterator[Mailbox]:
    running: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError):
                await talk(Script(reader, writer))
                await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_server(lambda r, w: running.append(asyncio.ensure_future(serve(r, w))), "127.0.0.1", 0)
    chosen = {"tls": "none", "timeout": 0.5, "user": "ann", "password": "hunter2", **values_}
    box = Mailbox(MailboxSettings("box", "127.0.0.1", server.sockets[0].getsockname()[1], **chosen))  # type: ignore[arg-type]
    try:
        yield box
    finally:
        await box.close()
        server.close()
        for task in running:
            task.cancel()
        results = await asyncio.gather(*running, return_exceptions=True)
        await asyncio.sleep(0)
    assert not [r for r in results if isinstance(r, AssertionError)], results


@pytest.mark.parametrize("greeting", [b"* BYE ann@example.com is too busy", b"220 smtp.example.com", b"* NO"])
async def test_a_server_that_does_not_welcome_us_is_unavailable(greeting: bytes) -> None:
    async def talk(script: Script) -> None:
        script.say(greeting)
        await script.hear()

    async with served(talk) as box:
        with pytest.raises(MailboxUnavailable, match="refuses connections") as caught:
            await box.connect()
        assert "ann" not in str(caught.value)


async def test_a_silent_server_is_given_up() -> None:
    async def talk(script: Script) -> None:
        await script.hear()

    async with served(talk, timeout=0.1) as box:
        with pytest.raises(MailboxUnavailable, match="does not answer"):
            await box.connect()


async def test_a_server_that_closes_within_a_mail_is_noticed_at_once() -> None:
    async def talk(script: Script) -> None:
        await script.welcome()
        await script.inbox()
        await script.answer(b"* 1 FETCH (UID 1 RFC822.SIZE 5000)")
        await script.hear()
        script.say(b'* 1 FETCH (UID 1 INTERNALDATE "02-Mar-2026 10:00:00 +0000" BODY[] {5000}', b"From: half a mail")

    async with served(talk, timeout=30.0) as box:
        await box.connect()
        await box.select("INBOX")
        begun = time.monotonic()
        with pytest.raises(MailboxUnavailable, match="closed"):
            _ = [each async for each in box.fetch([1])]
        assert time.monotonic() - begun < 8


async def test_a_late_answer_never_meets_another_command() -> None:
    async def talk(script: Script) -> None:
        await script.welcome()
        await script.inbox()
        await script.hear()
        await asyncio.sleep(0.4)
        script.say(b"* SEARCH 666", script.tag + b" OK late")

    async with served(talk, timeout=0.15) as box:
        await box.connect()
        await box.select("INBOX")
        with pytest.raises(MailboxUnavailable, match="does not answer"):
            await box.uids_above(0)
        await asyncio.sleep(0.5)
        with pytest.raises(MailboxUnavailable, match="not connected"):
            await box.uids_above(0)


async def test_an_answer_may_arrive_byte_by_byte_and_outlast_the_time_out() -> None:
    raw = b"Subject: (* 1 {3}\r\n\r\n)) A1 OK\r\n"

    async def talk(script: Script) -> None:
        await script.welcome()
        await script.inbox()
        await script.answer(b"* 1 FETCH (UID 1 RFC822.SIZE %d)" % len(raw))
        await script.hear()
        whole = b'* 1 FETCH (FLAGS (\\Seen) BODY[] {%d}\r\n%b INTERNALDATE " 2-Mar-2026 10:00:00 +0100" UID 1)\r\n%b OK x\r\n' % (
            len(raw),
            raw,
            script.tag,
        )
        for at in range(len(whole)):
            script.writer.write(whole[at : at + 1])
            await asyncio.sleep(0.003)

    async with served(talk, timeout=0.2) as box:
        await box.connect()
        await box.select("INBOX")
        (mail,) = [each async for each in box.fetch([1])]
    assert (mail.raw, mail.uid, mail.uidvalidity, mail.internal_date.isoformat()) == (raw, 1, 7, "2026-03-02T10:00:00+01:00")


async def test_answers_about_other_things_are_not_taken_for_mails() -> None:
    async def talk(script: Script) -> None:
        await script.welcome()
        await script.inbox()
        await script.answer(b"* 1 FETCH (UID 1 RFC822.SIZE 1)", b"* 2 FETCH (FLAGS (\\Seen))")
        await script.answer(
            b"* 3 FETCH (FLAGS () UID 3)", b'* 1 FETCH (UID 1 INTERNALDATE "02-Mar-2026 10:00:00 +0000" BODY[] "a\\"b")',
            b'* 9 FETCH (UID 9 INTERNALDATE "02-Mar-2026 10:00:00 +0000" BODY[] "not asked for")', b"* 4 EXISTS", b"* 2 EXPUNGE",
        )  # fmt: skip
        await script.answer(b"* SEARCH 2")

    async with served(talk) as box:
        await box.connect()
        await box.select("INBOX")
        assert [each.raw async for each in box.fetch([1])] == [b'a"b']
        assert await box.wait(5)  # EXISTS came beside the mail
        assert await box.uids_above(1) == [2]


async def test_a_refused_token_is_answered_and_does_not_hang() -> None:
    async def talk(script: Script) -> None:
        script.say(b"* OK hello")
        await script.answer(b"* CAPABILITY IMAP4rev1 AUTH=XOAUTH2")
        assert await script.hear() == "AUTHENTICATE XOAUTH2"
        script.say(b"+ ")
        assert (await script.reader.readline()).endswith(b"\r\n")
        script.say(b"+ eyJzdGF0dXMiOiI0MDEifQ==")
        assert await script.reader.readline() == b"\r\n"
        script.say(script.tag + b" NO [AUTHENTICATIONFAILED] ann, your token hunter2 is no good")

    async with served(talk, auth="xoauth2") as box:
        with pytest.raises(MailboxUnavailable, match="AUTHENTICATIONFAILED") as caught:
            await box.connect()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("user", "password", "command"), [('ann "x" \\ y', 'p"w', 'LOGIN "ann \\"x\\" \\\\ y" "p\\"w"'), ("ann", "wröng", "AUTHENTICATE PLAIN")]
)
async def test_a_refused_login_is_said_without_its_words(user: str, password: str, command: str) -> None:
    heard: list[str] = []

    async def talk(script: Script) -> None:
        script.say(b"* OK hello")
        await script.answer(b"* CAPABILITY IMAP4rev1")
        heard.append(await script.answer(status=b"NO [AUTHENTICATIONFAILED] ann is unknown"))

    async with served(talk, user=user, password=password) as box:
        with pytest.raises(MailboxUnavailable, match=r"refused the login \(\[AUTHENTICATIONFAILED\]\)") as caught:
            await box.connect()
        assert password not in str(caught.value)
        assert "ann" not in str(caught.value)
        assert password not in repr(box._settings)
    assert heard == [command]


async def test_a_login_that_is_disabled_in_the_clear_sends_no_password_in_a_command() -> None:
    heard: list[str] = []

    async def talk(script: Script) -> None:
        script.say(b"* OK hello")
        await script.answer(b"* CAPABILITY IMAP4rev1 LOGINDISABLED")
        heard.append(await script.answer(status=b"BAD no"))

    async with served(talk) as box:
        with pytest.raises(MailboxUnavailable, match="refused the login"):
            await box.connect()
    assert heard == ["AUTHENTICATE PLAIN"]


@pytest.mark.parametrize("greeting", [b"* PREAUTH welcome", b"* OK hello"])
async def test_without_the_tls_that_was_asked_for_no_password_is_sent(greeting: bytes) -> None:
    heard: list[str] = []

    async def talk(script: Script) -> None:
        script.say(greeting)
        heard.append(await script.answer(status=b"BAD what"))
        heard.append(await script.hear())

    async with served(talk, tls="starttls") as box:
        with pytest.raises(MailboxUnavailable, match="look at tls"):
            await box.connect()
        await asyncio.sleep(0.05)
    assert not any("LOGIN" in words or "AUTH" in words for words in heard)


async def test_words_from_before_the_tls_handshake_are_not_believed() -> None:
    async def talk(script: Script) -> None:
        script.say(b"* OK hello")
        await script.hear()
        script.say(script.tag + b" OK go", b"* CAPABILITY IMAP4rev1 AUTH=PLAIN")
        await script.hear()

    async with served(talk, tls="starttls") as box:
        with pytest.raises(MailboxUnavailable, match="before the TLS handshake"):
            await box.connect()


async def test_a_server_that_refuses_idle_is_looked_at_instead() -> None:
    async def talk(script: Script) -> None:
        await script.welcome(b"IDLE")
        await script.inbox()
        await script.answer(status=b"NO not today")
        await script.answer(b"* 2 EXISTS")

    async with served(talk) as box:
        await box.connect()
        await box.select("INBOX")
        assert await box.wait(0.2)


async def test_idle_that_is_never_granted_or_ended_is_given_up() -> None:
    async def never_granted(script: Script) -> None:
        await script.welcome(b"IDLE")
        await script.inbox()
        await script.hear()
        await script.hear()

    async def never_ended(script: Script) -> None:
        await script.welcome(b"IDLE")
        await script.inbox()
        await script.hear()
        script.say(b"+ idling")
        await script.hear()
        await script.hear()

    for talk in (never_granted, never_ended):
        async with served(talk, timeout=0.2) as box:
            await box.connect()
            await box.select("INBOX")
            with pytest.raises(MailboxUnavailable):
                await asyncio.wait_for(box.wait(0.1), 3)


@pytest.mark.parametrize("goodbye", [b"* BYE shutting down\r\n", b""])
async def test_a_server_that_closes_ends_the_wait_at_once(goodbye: bytes) -> None:
    async def talk(script: Script) -> None:
        await script.welcome(b"IDLE")
        await script.inbox()
        await script.hear()
        script.say(b"+ idling")
        await asyncio.sleep(0.05)
        script.writer.write(goodbye)

    async with served(talk, timeout=30.0) as box:
        await box.connect()
        await box.select("INBOX")
        with pytest.raises(MailboxUnavailable, match="closed"):
            await asyncio.wait_for(box.wait(60), 3)


async def test_an_announcement_wakes_within_milliseconds() -> None:
    announced: list[float] = []

    async def talk(script: Script) -> None:
        await script.welcome(b"IDLE")
        await script.inbox()
        await script.hear()
        tag = script.tag
        script.say(b"+ idling")
        await asyncio.sleep(0.1)
        announced.append(time.monotonic())
        script.say(b"* 2 EXISTS")
        assert (await script.reader.readline()) == b"DONE\r\n"
        script.say(tag + b" OK idle over")
        await script.hear()

    async with served(talk) as box:
        await box.connect()
        await box.select("INBOX")
        assert await box.wait(10)
        assert time.monotonic() - announced[0] < 8


async def test_a_namespace_stands_before_our_own_folder() -> None:
    heard: list[str] = []

    async def talk(script: Script) -> None:
        await script.welcome(b"NAMESPACE", b"MOVE")
        await script.answer(b'* NAMESPACE (("INBOX." ".")) NIL NIL')
        await script.inbox()
        heard.append(await script.answer(status=b"NO [TRYCREATE] no such folder"))
        heard.extend([await script.answer() for _ in range(3)])

    async with served(talk) as box:
        await box.connect()
        await box.select("INBOX")
        await box.move([4, 5, 7], "Processed")
    name = '"INBOX.Processed"'
    assert heard == [f"UID MOVE 4:5,7 {name}", f"CREATE {name}", f"SUBSCRIBE {name}", f"UID MOVE 4:5,7 {name}"]


async def test_a_missing_authority_file_is_unavailable() -> None:
    box = Mailbox(MailboxSettings("box", "127.0.0.1", 1, ca_file=Path("/nowhere/ca.pem")))
    with pytest.raises(MailboxUnavailable):
        await box.connect()


def test_folder_names_on_the_wire() -> None:
    assert folder_name("Entwürfe & mehr") == '"Entw&APw-rfe &- mehr"'
    assert folder_name("台北") == '"&U,BTFw-"'
    assert read_folder_name(b"Entw&APw-rfe &- mehr") == "Entwürfe & mehr"
    assert read_folder_name(b"&broken!") == "&broken!"


@given(name=st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_any_folder_name_survives_the_wire(name: str) -> None:
    (read,) = values((b"LIST " + folder_name(name).encode(),))[1:]
    assert isinstance(read, bytes)
    assert read.isascii()
    assert read_folder_name(read) == name


@given(uids=st.sets(st.integers(1, 300)))
def test_a_uid_set_names_exactly_its_uids(uids: set[int]) -> None:
    named: set[int] = set()
    for part in filter(None, uid_set(uids).split(",")):
        first, _, last = part.partition(":")
        named |= set(range(int(first), int(last or first) + 1))
    assert named == uids


@settings(max_examples=200)
@given(
    pieces=st.lists(
        st.binary(max_size=30) | st.sampled_from([b'1 FETCH (UID 1 BODY[] "', b"((", b"))", b'LIST (\\Junk) "/" ', b"{5}", b"NIL"]),
        min_size=1,
        max_size=5,
    )
)
def test_any_answer_is_read_without_error(pieces: list[bytes]) -> None:
    answer = tuple(pieces)
    fetched(answer)
    listed(answer)


@pytest.mark.parametrize(
    "text", [b"", b"1-Foo-2026 00:00:00 +0000", b"99-Mar-2026 00:00:00 +0000", b"02-Mar-2026 25:00:00 +0000", b"02-Mar-2026 10:00:00 +9999"]
)
def test_a_bad_internal_date_is_none(text: bytes) -> None:
    assert internal_date(text) is None


@given(sizes=st.dictionaries(st.integers(1, 10_000), st.integers(0, 20_000_000), max_size=300))
def test_lots_are_bounded_and_complete(sizes: dict[int, int]) -> None:
    lots = _lots(sizes)
    assert [uid for lot in lots for uid in lot] == sorted(sizes)
    for lot in lots:
        assert 1 <= len(lot) <= 100
        assert len(lot) == 1 or sum(sizes[uid] for uid in lot) <= 8 * 1024 * 1024
