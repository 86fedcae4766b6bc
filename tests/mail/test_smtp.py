"""The relay against real servers: what is sent once, what may be sent again, and what is never said."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.servers.certificates import Certificates, make_certificates
from tests.servers.postfix import Postfix, SmtpSink
from tests.servers.process import free_port
from tests.servers.smtp import Answer, ScriptedSmtp, run_smtp
from worker.errors import RelayRefused, RelayUnavailable
from worker.mail.render import compose
from worker.mail.smtp import Relay
from worker.mail.smtp_settings import SmtpSettings
from worker.rules.mail import Address, OutboundMail

DESK = "privacy@example.org"
LETTER = compose(
    OutboundMail("<1@example.org>", Address("ann@example.com"), "Café", "First\n.\n..two dots\n.end\n", "<p>x</p>", "en"),
    Address(DESK),
    date=datetime(2026, 3, 2, tzinfo=UTC),
)


@contextlib.asynccontextmanager
async def relay(port: int, **values: object) -> AsyncIterator[Relay]:
    settings = SmtpSettings("127.0.0.1", port, **{"tls": "none", "timeout": 5.0, **values})  # type: ignore[arg-type]  # tests choose by name
    opened = Relay(settings)
    try:
        yield opened
    finally:
        await opened.close()


async def test_a_letter_arrives_unchanged(scripted_smtp: ScriptedSmtp) -> None:
    async with relay(scripted_smtp.port) as desk:
        assert await desk.send(LETTER, DESK, "ann@example.com") == "250 2.0.0 kept"
    assert [(a.sender, a.recipients, a.data) for a in scripted_smtp.accepted] == [(DESK, ("ann@example.com",), LETTER)]


async def test_connections_are_kept_and_limited(scripted_smtp: ScriptedSmtp) -> None:
    async with relay(scripted_smtp.port, connections=3) as desk:
        await asyncio.gather(*(desk.send(LETTER, DESK, f"ann{n}@example.com") for n in range(30)))
        await desk.send(LETTER, "", "last@example.com")
    assert len(scripted_smtp.accepted) == 31
    assert scripted_smtp.sessions <= 3
    assert scripted_smtp.accepted[-1].sender == "<>"  # as aiosmtpd spells the null path


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (Answer.LATER, RelayUnavailable, "451 4.3.0"),
        (Answer.NEVER, RelayRefused, "550 5.1.1"),
        (Answer.LATER_AT_DATA, RelayUnavailable, "451 4.3.0"),
        (Answer.NEVER_AT_DATA, RelayRefused, "554 5.6.0"),
        (Answer.DROP, RelayUnavailable, "lost"),
        (Answer.DROP_AFTER_ACCEPTING, RelayUnavailable, "lost"),
    ],
)
async def test_each_failure_has_its_class_and_names_nobody(
    scripted_smtp: ScriptedSmtp, answer: Answer, error: type[Exception], words: str
) -> None:
    scripted_smtp.on("ann", answer)
    async with relay(scripted_smtp.port) as desk:
        await desk.send(LETTER, DESK, "first@example.com")
        with pytest.raises(error, match=words) as caught:
            await desk.send(LETTER, DESK, "ann@example.com")
        assert "ann" not in str(caught.value)
        await desk.send(LETTER, DESK, "joe@example.com")
    assert [a.recipients for a in scripted_smtp.accepted if a.recipients != ("ann@example.com",)] == [
        ("first@example.com",),
        ("joe@example.com",),
    ]


async def test_a_message_that_may_have_been_taken_is_not_sent_again_by_itself(scripted_smtp: ScriptedSmtp) -> None:
    scripted_smtp.on("ann", Answer.DROP_AFTER_ACCEPTING)
    async with relay(scripted_smtp.port) as desk:
        await desk.send(LETTER, DESK, "first@example.com")
        with pytest.raises(RelayUnavailable):
            await desk.send(LETTER, DESK, "ann@example.com")
    assert len(scripted_smtp.to("ann@example.com")) == 1


async def test_an_address_that_no_server_must_see_is_refused_here(scripted_smtp: ScriptedSmtp) -> None:
    async with relay(scripted_smtp.port) as desk:
        for address in ("zoë@example.com", "ann@example.com>\r\nRCPT TO:<eve@example.net", ""):
            with pytest.raises(RelayRefused):
                await desk.send(LETTER, DESK, address)
    assert scripted_smtp.sessions == 0


async def test_a_server_that_is_down_is_unavailable() -> None:
    async with relay(free_port()) as desk:
        with pytest.raises(RelayUnavailable):
            await desk.send(LETTER, DESK, "ann@example.com")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def tls(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.certificate, certificates.key)
    return context


@pytest.fixture
def guarded_smtp(tls: ssl.SSLContext) -> Iterator[ScriptedSmtp]:
    with run_smtp(tls=tls, login=("desk", "pass word é")) as server:
        yield server


async def test_starttls_and_login(guarded_smtp: ScriptedSmtp, certificates: Certificates) -> None:
    async with relay(guarded_smtp.port, tls="starttls", ca_file=certificates.authority, user="desk", password="pass word é") as desk:
        await desk.send(LETTER, DESK, "ann@example.com")
    assert guarded_smtp.logins == ["desk"]
    assert len(guarded_smtp.accepted) == 1


async def test_a_wrong_password_is_no_fault_of_the_letter(guarded_smtp: ScriptedSmtp, certificates: Certificates) -> None:
    async with relay(guarded_smtp.port, tls="starttls", ca_file=certificates.authority, user="desk", password="wrong-secret") as desk:
        with pytest.raises(RelayUnavailable, match=r"refused the login \(535") as caught:
            await desk.send(LETTER, DESK, "ann@example.com")
    assert "wrong-secret" not in str(caught.value)
    async with relay(guarded_smtp.port, tls="starttls", ca_file=certificates.authority) as desk:
        with pytest.raises(RelayUnavailable, match="another login"):
            await desk.send(LETTER, DESK, "ann@example.com")


async def test_a_certificate_of_a_stranger_is_not_trusted(guarded_smtp: ScriptedSmtp) -> None:
    async with relay(guarded_smtp.port, tls="starttls", user="desk", password="pass word é") as desk:
        with pytest.raises(RelayUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
            await desk.send(LETTER, DESK, "ann@example.com")
    assert guarded_smtp.logins == []


async def test_without_the_tls_that_was_asked_for_nothing_is_sent(scripted_smtp: ScriptedSmtp) -> None:
    async with relay(scripted_smtp.port, tls="starttls", user="desk", password="secret") as desk:
        with pytest.raises(RelayUnavailable, match="STARTTLS"):
            await desk.send(LETTER, DESK, "ann@example.com")
    async with relay(scripted_smtp.port, tls="implicit") as desk:
        with pytest.raises(RelayUnavailable):
            await desk.send(LETTER, DESK, "ann@example.com")


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def raw_server(talk: Talk, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server that says exactly what ``talk`` writes."""
    running: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await talk(reader, writer)
        finally:
            writer.close()

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running.add(asyncio.ensure_future(serve(reader, writer)))

    server = await asyncio.start_server(accepted, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await asyncio.sleep(0)


async def _greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *extensions: str) -> None:
    writer.write(b"220 hello\r\n")
    assert (await reader.readline()).startswith(b"EHLO [127.0.0.1]")
    lines = ["here", *extensions]
    writer.write("".join(f"250{' ' if n == len(lines) - 1 else '-'}{line}\r\n" for n, line in enumerate(lines)).encode())


async def test_a_connection_that_died_while_idle_is_replaced_once() -> None:
    taken: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _greet(reader, writer, "PIPELINING")
        await reader.readuntil(b"DATA\r\n")
        writer.write(b"250 ok\r\n250 ok\r\n354 go\r\n")
        taken.append(await reader.readuntil(b"\r\n.\r\n"))
        writer.write(b"250 taken\r\n")
        await reader.readline()  # and closes, as if it had timed out meanwhile

    async with raw_server(talk) as port, relay(port) as desk:
        assert await desk.send(LETTER, DESK, "ann@example.com") == "250 taken"
        assert await desk.send(LETTER, DESK, "joe@example.com") == "250 taken"
    assert len(taken) == 2


async def test_a_refused_recipient_in_a_pipeline_ends_with_an_empty_message_and_the_connection_goes_on() -> None:
    talked: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _greet(reader, writer, "PIPELINING", "SIZE 1000000", "8BITMIME")
        talked.append(await reader.readuntil(b"DATA\r\n"))
        writer.write(b"250 ok\r\n550 5.1.1 <ann@example.com> unknown\r\n354 go on\r\n")
        talked.append(await reader.readline())
        writer.write(b"554 5.5.1 no valid recipients\r\n")
        talked.append(await reader.readuntil(b"DATA\r\n"))
        writer.write(b"250 ok\r\n250 ok\r\n354 go on\r\n")
        await reader.readuntil(b"\r\n.\r\n")
        writer.write(b"250-2.0.0 taken\r\n250 2.0.0 as 1\r\n")
        await reader.readline()

    async with raw_server(talk) as port, relay(port) as desk:
        with pytest.raises(RelayRefused) as refused:
            await desk.send(LETTER, DESK, "ann@example.com")
        assert (refused.value.code, refused.value.enhanced, str(refused.value)) == (550, "5.1.1", "relay refused: 550 5.1.1")
        assert await desk.send(LETTER, DESK, "joe@example.com") == "250 2.0.0 taken 2.0.0 as 1"
    assert talked[:2] == [f"MAIL FROM:<{DESK}> SIZE={len(LETTER)}\r\nRCPT TO:<ann@example.com>\r\nDATA\r\n".encode(), b".\r\n"]


async def test_a_server_without_pipelining_is_spoken_to_in_turn() -> None:
    order: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 old\r\n")
        await reader.readline()
        writer.write(b"502 no EHLO\r\n")
        await reader.readline()
        writer.write(b"250 hello\r\n")
        for reply in (b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
            order.append(await reader.readline())
            await asyncio.sleep(0.01)
            assert not reader._buffer  # type: ignore[attr-defined]  # nothing came before its turn
            writer.write(reply)
        await reader.readuntil(b"\r\n.\r\n")
        writer.write(b"250 taken\r\n")

    async with raw_server(talk) as port, relay(port) as desk:
        assert await desk.send(LETTER, DESK, "ann@example.com") == "250 taken"
    assert [line[:4] for line in order] == [b"MAIL", b"RCPT", b"DATA"]


@pytest.mark.parametrize(
    "words", [b"554 no service\r\n", b"421 busy\r\n", b"HTTP/1.1 400 Bad Request\r\n", b"220-" + b"x\r\n220-" * 500, b"2" * 400_000, b""]
)
async def test_a_server_that_does_not_speak_smtp_is_unavailable(words: bytes) -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        await writer.drain()
        await asyncio.sleep(0.05)

    async with raw_server(talk) as port, relay(port) as desk:
        with pytest.raises(RelayUnavailable):
            await desk.send(LETTER, DESK, "ann@example.com")


async def test_a_server_that_falls_silent_is_given_up() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _greet(reader, writer, "PIPELINING")
        await reader.read(10)
        await asyncio.sleep(10)

    async with raw_server(talk) as port, relay(port, timeout=0.2) as desk:
        with pytest.raises(RelayUnavailable, match="in time"):
            await desk.send(LETTER, DESK, "ann@example.com")


async def test_words_from_before_the_tls_handshake_are_not_believed(certificates: Certificates) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _greet(reader, writer, "STARTTLS")
        await reader.readline()
        writer.write(b"220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n")
        await reader.readline()

    async with raw_server(talk) as port, relay(port, tls="starttls", ca_file=certificates.authority) as desk:
        with pytest.raises(RelayUnavailable, match="before the TLS handshake"):
            await desk.send(LETTER, DESK, "ann@example.com")


async def test_implicit_tls(tls: ssl.SSLContext, certificates: Certificates) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _greet(reader, writer, "AUTH LOGIN")
        assert await reader.readline() == b"AUTH LOGIN\r\n"
        writer.write(b"334 VXNlcm5hbWU6\r\n")
        assert await reader.readline() == b"ZGVzaw==\r\n"
        writer.write(b"334 UGFzc3dvcmQ6\r\n")
        assert await reader.readline() == b"c2VjcmV0\r\n"
        writer.write(b"235 welcome\r\n")
        for reply in (b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
            await reader.readline()
            writer.write(reply)
        await reader.readuntil(b"\r\n.\r\n")
        writer.write(b"250 taken\r\n")
        await reader.readline()

    async with (
        raw_server(talk, tls) as port,
        relay(port, tls="implicit", ca_file=certificates.authority, user="desk", password="secret") as desk,
    ):
        assert await desk.send(LETTER, DESK, "ann@example.com") == "250 taken"


async def test_a_failed_token_is_answered_and_does_not_hang() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _greet(reader, writer, "AUTH XOAUTH2")
        assert (await reader.readline()).startswith(b"AUTH XOAUTH2 ")
        writer.write(b"334 eyJzdGF0dXMiOiI0MDEifQ==\r\n")
        assert await reader.readline() == b"\r\n"
        writer.write(b"535 5.7.3 no\r\n")
        await reader.readline()

    async with raw_server(talk) as port, relay(port, user="desk", auth="xoauth2", password="token") as desk:
        with pytest.raises(RelayUnavailable, match=r"535 5\.7\.3"):
            await desk.send(LETTER, DESK, "ann@example.com")


async def test_a_missing_authority_file_is_said() -> None:
    async with relay(free_port(), tls="implicit", ca_file=Path("/nowhere/ca.pem")) as desk:
        with pytest.raises(RelayUnavailable, match="ca_file"):
            await desk.send(LETTER, DESK, "ann@example.com")


def test_settings_do_not_show_their_secrets() -> None:
    assert "hunter2" not in repr(SmtpSettings("h", 1, user="ann@example.com", password="hunter2"))


async def test_postfix_delivers_dots_and_long_letters(postfix: Postfix) -> None:
    big = LETTER.replace(b"<p>x</p>", b"<p>" + b"word " * 15 + b"</p>\r\n" * 40_000)
    async with relay(postfix.port, timeout=30.0) as desk:
        assert (await desk.send(LETTER, DESK, "dots@example.com")).startswith("250 2.0.0")
        assert (await desk.send(big, DESK, "big@example.com")).startswith("250 2.0.0")
        with pytest.raises(RelayRefused, match=r"550 5\.1\.1"):
            await desk.send(LETTER, DESK, "never-ann@example.com")
        with pytest.raises(RelayUnavailable, match=r"451 4\.2\.0"):
            await desk.send(LETTER, DESK, "later-ann@example.com")
    (dots,) = await postfix.arrived(1, recipient="dots@example.com")
    assert dots.endswith(LETTER.replace(b"\r\n", b"\n"))
    (large,) = await postfix.arrived(1, recipient="big@example.com")
    assert large.endswith(big.replace(b"\r\n", b"\n"))


async def test_a_bare_line_feed_cannot_end_a_message_early(postfix: Postfix) -> None:
    poison = LETTER + b"\n.\nMAIL FROM:<eve@example.net>\r\n"
    async with relay(postfix.port) as desk:
        await desk.send(poison, DESK, "bare@example.com")
    (got,) = await postfix.arrived(1, recipient="bare@example.com")
    assert got.endswith(b"\n.\nMAIL FROM:<eve@example.net>\n")


async def test_two_hundred_letters_leave_within_seconds(smtp_sink: SmtpSink) -> None:
    async with relay(smtp_sink.port) as desk:
        async with asyncio.timeout(10):
            await asyncio.gather(*(desk.send(LETTER, DESK, f"ann{n}@example.com") for n in range(200)))


# What a relay says of itself --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (Answer.ACCEPT, ""),
        (Answer.LATER, ""),
        (Answer.NEVER, ""),
        (Answer.LATER_AT_DATA, ""),
        (Answer.DROP, "the relay: the connection was lost"),
    ],
)
async def test_a_letter_that_is_not_wanted_is_not_the_relays_fault(scripted_smtp: ScriptedSmtp, answer: Answer, problem: str) -> None:
    scripted_smtp.on("ann", answer)
    async with relay(scripted_smtp.port) as desk:
        assert desk.problem is None
        with contextlib.suppress(RelayRefused, RelayUnavailable):
            await desk.send(LETTER, DESK, "ann@example.com")
        assert desk.problem == problem


async def test_a_relay_is_greeted_only_if_nobody_knows_how_it_is() -> None:
    port = free_port()
    async with relay(port) as desk:
        await desk.greet()
        assert desk.problem == f"127.0.0.1:{port}: Connection refused"
        with run_smtp(ScriptedSmtp(port=port)) as script:
            await desk.greet()
            assert desk.problem == ""
            await desk.greet()
            assert script.sessions == 1
            assert script.accepted == []


@pytest.mark.parametrize(("user", "password"), [("desk", "wrong"), ("", "")])
async def test_a_login_that_the_relay_does_not_take_is_its_problem_also_when_it_is_only_greeted(user: str, password: str) -> None:
    with run_smtp(login=("desk", "secret")) as script:
        async with relay(script.port, user=user, password=password) as desk:
            await desk.greet()
            assert "look at [smtp] user, auth and password" in (desk.problem or "")
            await desk.greet()
            assert desk.problem


async def test_a_greeting_goes_well_with_postfix(postfix: Postfix) -> None:
    async with relay(postfix.port) as desk:
        await desk.greet()
        assert desk.problem == ""
