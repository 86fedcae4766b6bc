"""The servers that the tests stand on: each one takes a mail, a row or a page before anything is built on it."""

from __future__ import annotations

import asyncio
import imaplib
import smtplib
import socket
import ssl
import time
from datetime import UTC, datetime

import psycopg
import pytest
import pytest_socket
from playwright.async_api import Browser, Page

from tests.servers.certificates import make_certificates
from tests.servers.dovecot import Dovecot
from tests.servers.postfix import Postfix, SmtpSink
from tests.servers.smtp import Answer, ScriptedSmtp, run_smtp

MAIL = b"From: ann@example.com\r\nTo: privacy@example.test\r\nSubject: my data\r\n\r\nWhat do you hold about me?\r\n"


def a_login(dovecot: Dovecot, user: str) -> imaplib.IMAP4:
    client = imaplib.IMAP4("127.0.0.1", dovecot.port)
    client.login(user, dovecot.password)
    return client


def test_dovecot_shows_a_delivered_mail_with_its_date(dovecot: Dovecot, mailbox_user: str) -> None:
    dovecot.deliver(mailbox_user, MAIL, received=datetime(2026, 3, 6, 10, 0, tzinfo=UTC))
    with a_login(dovecot, mailbox_user) as client:
        assert client.select("INBOX") == ("OK", [b"1"])
        _, found = client.fetch("1", "(INTERNALDATE BODY.PEEK[])")
    assert isinstance(found[0], tuple)
    assert b"06-Mar-2026 10:00:00 +0000" in found[0][0]
    assert found[0][1] == MAIL


def test_dovecot_keeps_users_apart_and_lists_what_a_folder_holds(dovecot: Dovecot, mailbox_user: str) -> None:
    dovecot.deliver(mailbox_user, MAIL, folder="Junk")
    assert dovecot.mails(mailbox_user, "Junk") == [MAIL.replace(b"\r\n", b"\n")]
    assert dovecot.count(mailbox_user) == 0
    assert dovecot.count("somebody-else", "Junk") == 0
    with a_login(dovecot, mailbox_user) as client:
        client.select("Junk")
        client.create("Processed")
        assert client.uid("MOVE", "1", "Processed")[0] == "OK"
    assert dovecot.count(mailbox_user, "Junk") == 0
    assert dovecot.count(mailbox_user, "Processed") == 1
    assert dovecot.folders(mailbox_user) == ["INBOX", "Junk", "Processed"]


def test_dovecot_announces_a_delivered_mail_to_an_idle_client(dovecot: Dovecot, mailbox_user: str) -> None:
    with a_login(dovecot, mailbox_user) as client:
        client.select("INBOX")
        client.send(b"a1 IDLE\r\n")
        assert client.readline().startswith(b"+ ")
        begun = time.monotonic()
        dovecot.deliver(mailbox_user, MAIL)
        assert b"1 EXISTS" in client.readline()
        assert time.monotonic() - begun < 3
        client.send(b"DONE\r\n")
        while not client.readline().startswith(b"a1 OK"):
            pass


def test_dovecot_speaks_tls_with_our_own_authority_only(dovecot: Dovecot, mailbox_user: str) -> None:
    trusting = ssl.create_default_context(cafile=str(dovecot.certificates.authority))
    with imaplib.IMAP4_SSL("localhost", dovecot.tls_port, ssl_context=trusting) as client:
        assert client.login(mailbox_user, dovecot.password)[0] == "OK"
    with pytest.raises(ssl.SSLCertVerificationError):
        imaplib.IMAP4_SSL("localhost", dovecot.tls_port, ssl_context=ssl.create_default_context())


def test_a_wrong_password_is_refused_by_dovecot(dovecot: Dovecot, mailbox_user: str) -> None:
    with imaplib.IMAP4("127.0.0.1", dovecot.port) as client, pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        client.login(mailbox_user, "wrong")


def test_each_test_has_an_empty_postgresql_database_of_its_own(postgres_database: str) -> None:
    with psycopg.connect(postgres_database) as connection:
        connection.execute("CREATE TABLE only_here (id integer)")
        found = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
        version = connection.execute("SHOW server_version_num").fetchone()
    assert found == (1,)
    assert version is not None
    assert int(version[0]) >= 150000


def test_a_test_of_the_store_sees_both_kinds_of_database(database_url: str) -> None:
    assert database_url.partition("://")[0] in {"sqlite", "postgresql"}


async def test_postfix_delivers_what_it_accepts(postfix: Postfix) -> None:
    await asyncio.to_thread(send, postfix.port, "ann@example.com")
    [mail] = await postfix.arrived(1, recipient="ann@example.com")
    assert b"What do you hold about me?" in mail
    assert postfix.delivered("joann@example.com") == []


@pytest.mark.parametrize(("recipient", "code"), [("never-x@example.com", 550), ("later-x@example.com", 451)])
def test_postfix_refuses_whom_it_should(postfix: Postfix, recipient: str, code: int) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
        send(postfix.port, recipient)
    assert caught.value.recipients[recipient][0] == code


def test_smtp_sink_counts_what_it_swallows(smtp_sink: SmtpSink) -> None:
    for _ in range(3):
        send(smtp_sink.port, "ann@example.com")
    end = time.monotonic() + 5
    while smtp_sink.accepted() < 3 and time.monotonic() < end:
        time.sleep(0.05)
    assert smtp_sink.accepted() == 3


async def test_the_scripted_server_keeps_what_it_accepts(scripted_smtp: ScriptedSmtp) -> None:
    await asyncio.to_thread(send, scripted_smtp.port, "ann@example.com")
    [kept] = await scripted_smtp.arrived(1, recipient="ann@example.com")
    assert kept.data.replace(b"\r\n", b"\n") == MAIL.replace(b"\r\n", b"\n")
    assert kept.sender == "desk@example.test"


@pytest.mark.parametrize(("answer", "code"), [(Answer.LATER, 451), (Answer.NEVER, 550)])
def test_the_scripted_server_refuses_a_recipient_as_told(scripted_smtp: ScriptedSmtp, answer: Answer, code: int) -> None:
    scripted_smtp.on("^ann@", answer)
    with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
        send(scripted_smtp.port, "ann@example.com")
    assert caught.value.recipients["ann@example.com"][0] == code
    send(scripted_smtp.port, "joann@example.com")
    assert [each.recipients for each in scripted_smtp.accepted] == [("joann@example.com",)]


@pytest.mark.parametrize(("answer", "code"), [(Answer.LATER_AT_DATA, 451), (Answer.NEVER_AT_DATA, 554)])
def test_the_scripted_server_refuses_a_message_as_told(scripted_smtp: ScriptedSmtp, answer: Answer, code: int) -> None:
    scripted_smtp.on("^ann@", answer)
    with pytest.raises(smtplib.SMTPDataError) as caught:
        send(scripted_smtp.port, "ann@example.com")
    assert caught.value.smtp_code == code
    assert scripted_smtp.accepted == []


@pytest.mark.parametrize(("answer", "kept"), [(Answer.DROP, 0), (Answer.DROP_AFTER_ACCEPTING, 1)])
def test_the_scripted_server_hangs_up_as_told(scripted_smtp: ScriptedSmtp, answer: Answer, kept: int) -> None:
    scripted_smtp.on("^ann@", answer)
    with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionResetError)):
        send(scripted_smtp.port, "ann@example.com")
    assert len(scripted_smtp.accepted) == kept


def test_the_scripted_server_is_slow_as_told(scripted_smtp: ScriptedSmtp) -> None:
    scripted_smtp.on("^ann@", Answer.SLOW)
    begun = time.monotonic()
    send(scripted_smtp.port, "ann@example.com")
    assert time.monotonic() - begun >= scripted_smtp.slow_seconds


def test_the_scripted_server_demands_tls_and_a_login(tmp_path_factory: pytest.TempPathFactory) -> None:
    made = make_certificates(tmp_path_factory.mktemp("tls"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(made.certificate, made.key)
    with run_smtp(tls=tls, login=("desk", "secret")) as server, smtplib.SMTP("localhost", server.port, timeout=5) as client:
        with pytest.raises(smtplib.SMTPSenderRefused):
            client.sendmail("desk@example.test", ["ann@example.com"], MAIL)
        client.starttls(context=ssl.create_default_context(cafile=str(made.authority)))
        client.login("desk", "secret")
        client.sendmail("desk@example.test", ["ann@example.com"], MAIL)
        assert len(server.accepted) == 1


async def test_chromium_opens_a_page_and_clicks(page: Page) -> None:
    await page.set_content("<button onclick=\"this.textContent='pressed'\">press</button>")
    await page.click("button")
    assert await page.inner_text("button") == "pressed"


async def test_chromium_cannot_leave_this_machine(browser: Browser) -> None:
    page = await browser.new_page()
    with pytest.raises(Exception, match="ERR_NAME_NOT_RESOLVED"):
        await page.goto("http://example.com/")


@pytest.mark.filterwarnings("ignore:A test tried to use:UserWarning")
def test_a_socket_leaves_this_machine_for_nobody() -> None:
    with socket.socket() as client, pytest.raises(pytest_socket.SocketConnectBlockedError):
        client.connect(("192.0.2.1", 80))


def send(port: int, recipient: str) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=5) as client:
        client.sendmail("desk@example.test", [recipient], MAIL)
