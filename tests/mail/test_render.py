"""A letter as bytes: fixed, ASCII, readable by everyone, and closed against injected headers."""

from __future__ import annotations

import email
import email.policy
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.errors import RelayRefused
from worker.mail.envelope import Envelope
from worker.mail.parse import parse
from worker.mail.render import again, compose
from worker.rules.mail import Address, OutboundMail

DESK = Address("privacy@example.org", "Example BV, Privacy")
AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LETTER = OutboundMail(
    message_id="<letter-1@example.org>",
    to=Address("ann@example.com", "Ann Peeters"),
    subject="Vos données: confirmation",
    text="Bonjour,\n\nCliquez ici: https://example.org/c/ABC\n.\nÀ bientôt",
    html="<p>Bonjour, <b>cliquez</b></p>",
    language="fr",
    in_reply_to="<1@example.com>",
    references=("<0@example.com>", "<1@example.com>"),
)


def composed(letter: OutboundMail = LETTER, sender: Address = DESK) -> bytes:
    return compose(letter, sender, date=AT)


def read(raw: bytes) -> EmailMessage:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n")


def test_a_letter_that_is_written_again_differs_in_its_id_and_date_alone() -> None:
    first = composed()
    later = AT + timedelta(days=2)
    second = again(first, "<other@desk.example.com>", date=later)
    message = read(second)
    assert (message["Message-ID"], message["Date"].datetime) == ("<other@desk.example.com>", later)
    assert again(second, LETTER.message_id, date=AT) == first


def test_another_program_reads_what_was_written() -> None:
    message = read(composed())
    assert message["Subject"] == LETTER.subject
    assert str(message["From"]) == '"Example BV, Privacy" <privacy@example.org>'
    assert (message["To"], message["Message-ID"], message["In-Reply-To"]) == (
        "Ann Peeters <ann@example.com>",
        "<letter-1@example.org>",
        "<1@example.com>",
    )
    assert message["References"].split() == ["<0@example.com>", "<1@example.com>"]
    assert (message["Auto-Submitted"], message["X-Auto-Response-Suppress"], message["Content-Language"]) == ("auto-replied", "All", "fr")
    assert message["Date"].datetime == AT
    plain, html = message.iter_parts()
    assert (_lines(plain.get_content()), _lines(html.get_content())) == (LETTER.text + "\n", LETTER.html + "\n")
    assert not message.defects


def test_our_own_parser_reads_what_was_written() -> None:
    mail = parse(composed())
    assert (mail.subject, mail.text, mail.to, mail.sender) == (LETTER.subject, LETTER.text, (LETTER.to,), DESK)
    assert mail.defects == ()


def test_the_same_letter_gives_the_same_bytes() -> None:
    assert composed() == composed()
    assert composed() != composed(replace(LETTER, message_id="<letter-2@example.org>"))


def test_the_bytes_are_fit_for_any_server() -> None:
    raw = composed(replace(LETTER, text="long " * 400 + "\r\nx\ry\n" + "é" * 3_000, html="<p>" + "a" * 5_000 + "</p>"))
    assert raw.isascii()
    assert raw.count(b"\r\n") == raw.count(b"\n") == raw.count(b"\r")
    assert max(map(len, raw.split(b"\r\n"))) <= 78


def test_the_shorter_encoding_is_taken() -> None:
    assert b"quoted-printable" in compose(replace(LETTER, html="", text="plain words"), DESK, date=AT)
    assert b"base64" in compose(replace(LETTER, html="", text="éàü" * 100), DESK, date=AT)


def test_a_letter_without_html_is_plain_text_and_one_of_a_person_is_not_automatic() -> None:
    message = read(compose(replace(LETTER, html=""), DESK, date=AT, automatic=False))
    assert message.get_content_type() == "text/plain"
    assert message["Auto-Submitted"] is None


@pytest.mark.parametrize("break_", ["\r\n", "\n", "\r", "\0"])
def test_no_value_becomes_a_header(break_: str) -> None:
    poison = f"x{break_}Bcc: eve@example.net"
    letters = [
        replace(LETTER, subject=poison),
        replace(LETTER, to=Address("ann@example.com", poison)),
        replace(LETTER, to=Address(poison)),
        replace(LETTER, message_id=poison),
        replace(LETTER, in_reply_to=poison),
        replace(LETTER, references=(poison,)),
        replace(LETTER, headers=(("X-A", poison),)),
        replace(LETTER, headers=((poison, "x"),)),
    ]
    for letter in letters:
        with pytest.raises(ValueError, match=r"line end|no message id|not a header"):
            composed(letter)
    with pytest.raises(ValueError, match="line end"):
        composed(sender=Address("a@example.org", poison))
    assert b"Bcc" not in composed(replace(LETTER, language=poison))


def test_a_letter_cannot_replace_our_own_headers() -> None:
    for name in ("From", "bcc", "Auto-Submitted", "a b", ""):
        with pytest.raises(ValueError, match="not a header"):
            composed(replace(LETTER, headers=((name, "x"),)))
    assert read(composed(replace(LETTER, headers=(("List-Id", "<news.example.org>"),))))["List-Id"] == "<news.example.org>"


def test_a_date_must_be_aware() -> None:
    with pytest.raises(ValueError, match="aware"):
        compose(LETTER, DESK, date=datetime(2026, 3, 2, 9, 0))  # noqa: DTZ001 - the point of the test


PRINTABLE = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), max_size=300)


@given(subject=PRINTABLE, name=PRINTABLE, text=PRINTABLE)
def test_any_printable_words_come_back_unchanged(subject: str, name: str, text: str) -> None:
    raw = composed(replace(LETTER, subject=subject, to=Address("ann@example.com", name), text=text, html=""))
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    message = read(raw)
    assert " ".join(str(message["Subject"]).split()) == " ".join(subject.split())
    assert message["To"].addresses[0].addr_spec == "ann@example.com"
    assert _lines(message.get_content()).rstrip("\n") == text.rstrip("\n")
    assert message["Message-ID"] == LETTER.message_id


def test_a_letter_does_not_take_long() -> None:
    letter = replace(
        LETTER,
        text="Een gewone zin in een brief, met één accent.\n" * 40,
        html="<p>Een gewone zin in een brief, met één accent.</p>\n" * 60,
    )
    assert min(_seconds(letter) for _ in range(200)) < 0.01  # seconds; 0.0003 on an idle core


def _seconds(letter: OutboundMail) -> float:
    begun = time.perf_counter()
    composed(letter)
    return time.perf_counter() - begun


def test_an_envelope_takes_sound_ascii_mailboxes_only() -> None:
    assert Envelope.of("", "Ann@Example.com") == Envelope("", "Ann@example.com")
    assert Envelope.of("a@example.org", "ann@müller.example").recipient == "ann@xn--mller-kva.example"
    for address, code, enhanced in (
        ("zoë@example.com", 550, "5.6.7"),
        ("a@b.test>\r\nRCPT TO:<eve@example.net", 553, "5.1.3"),
        ("a b@example.com", 553, "5.1.3"),
        ("", 553, "5.1.3"),
    ):
        with pytest.raises(RelayRefused) as refused:
            Envelope.of("a@example.org", address)
        assert (refused.value.code, refused.value.enhanced) == (code, enhanced)
