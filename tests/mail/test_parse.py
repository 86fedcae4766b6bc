"""The parser at the border: what a reader sees, and nothing but UnreadableMail for the rest."""

from __future__ import annotations

import base64
import quopri
import time
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from worker.errors import UnreadableMail
from worker.mail.parse import ParseLimits, content_key, parse, raw_content_key

HEAD = b"From: Ann Example <ann@example.com>\r\nTo: privacy@example.org\r\nSubject: My data\r\nDate: Mon, 2 Mar 2026 10:00:00 +0100\r\nMessage-ID: <1@example.com>\r\n"


def mail(body: bytes = b"Hello", *lines: str, head: bytes = HEAD) -> bytes:
    return head + "".join(line + "\r\n" for line in lines).encode() + b"\r\n" + body


def multipart(kind: str, *parts: bytes, boundary: str = "b1", closed: bool = True) -> bytes:
    body = b"".join(b"--" + boundary.encode() + b"\r\n" + part + b"\r\n" for part in parts)
    return mail(body + (b"--" + boundary.encode() + b"--\r\n" if closed else b""), f'Content-Type: multipart/{kind}; boundary="{boundary}"')


def part(kind: str, body: bytes, *lines: str) -> bytes:
    return "".join(line + "\r\n" for line in (f"Content-Type: {kind}", *lines)).encode() + b"\r\n" + body


def test_a_plain_mail_is_read_whole() -> None:
    read = parse(
        mail(
            b"Please send me my data.\r\n\r\nAnn\r\n",
            "In-Reply-To: <0@example.org>",
            "References: <a@b.test> <c@d.test>",
            "Cc: joe@Example.COM",
        )
    )
    assert read.sender is not None
    assert (read.sender.mailbox, read.sender.name) == ("ann@example.com", "Ann Example")
    assert (read.subject, read.text, read.message_id) == ("My data", "Please send me my data.\n\nAnn", "<1@example.com>")
    assert read.date is not None
    assert read.date.astimezone(UTC) == datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert [a.mailbox for a in read.to] == ["privacy@example.org"]
    assert [a.mailbox for a in read.cc] == ["joe@example.com"]
    assert (read.in_reply_to, read.references) == ("<0@example.org>", ("<a@b.test>", "<c@d.test>"))
    assert (read.content_type, read.defects) == ("text/plain", ())


@pytest.mark.parametrize(
    ("raw", "subject"),
    [
        ("=?utf-8?q?D=C3=A9sinscription?=", "Désinscription"),
        ("=?ISO-8859-1?Q?Gr=FC=DFe_an_alle?=", "Grüße an alle"),
        ("=?utf-8?b?RMOpc2k=?= =?utf-8?b?bnNjcmlwdGlvbg==?=", "Désinscription"),
        ("=?utf-8?q?split=C3?=\r\n =?utf-8?q?=A9?=", "splité"),
        ("=?x-nonsense?q?caf=C3=A9?=", "café"),
        ("=?utf-8?b?!!!?= tail", "tail"),
        ("=?windows-1252?q?=80_5?=", "€ 5"),
        ("=?idna?q?abc=ff?=", "abcÿ"),
        ("a =?utf-8*fr?q?b?= c", "a b c"),
        ("=?utf-8?q?What=3F?=", "What?"),
        ("=?utf-8?q?line=0D=0ABcc:_x?=", "line Bcc: x"),
        ("=?broken", "=?broken"),
    ],
)
def test_a_subject_is_decoded_to_one_line(raw: str, subject: str) -> None:
    assert parse(b"From: a@example.com\r\nSubject: " + raw.encode() + b"\r\n\r\nx").subject == subject


@pytest.mark.parametrize(
    ("data", "charset", "text"),
    [
        ("Müller".encode(), "utf-8", "Müller"),
        ("Müller".encode("latin-1"), "utf-8", "Müller"),
        ("Müller".encode(), "iso-8859-1", "Müller"),
        ("Müller".encode(), "us-ascii", "Müller"),
        ("Zoë kost € 5".encode("cp1252"), "iso-8859-1", "Zoë kost € 5"),
        ("Zoë kost € 5".encode("cp1252"), "unknown-8bit", "Zoë kost € 5"),
        ("Müller".encode("cp1252").decode("cp1252").encode().decode("cp1252").encode(), "utf-8", "Müller"),
        ("”quoted”".encode().decode("latin-1").encode(), "utf-8", "”quoted”"),
        ("Ã is a letter".encode(), "utf-8", "Ã is a letter"),
        ("déjà vu, voilà, très élégant, ".encode() * 2 + b"\xe9", "utf-8", "déjà vu, voilà, très élégant, " * 2 + "é"),
        ("Grüße".encode("utf-16"), "utf-16", "Grüße"),
        (b"abc\xff", "rot13", "abcÿ"),
        (b"abc\xff", "zlib", "abcÿ"),
        (b"abc\xff", "undefined", "abcÿ"),
        (b"+AGE-\xff", "utf-7", "+AGE-ÿ"),
    ],
)
def test_a_wrong_charset_is_repaired(data: bytes, charset: str, text: str) -> None:
    assert parse(mail(data, f"Content-Type: text/plain; charset={charset}", "Content-Transfer-Encoding: 8bit")).text == text


@pytest.mark.parametrize(
    "codec",
    [
        "base64",
        "hex",
        "idna",
        "punycode",
        "quopri",
        "raw_unicode_escape",
        "unicode_escape",
        "uu",
        "bz2",
        "mbcs",
        "oem",
        "undefined",
        "utf_7",
        "x\0y",
    ],
)
def test_a_codec_that_is_no_charset_does_no_harm(codec: str) -> None:
    assert parse(mail(bytes(range(1, 256)), f"Content-Type: text/plain; charset={codec}")).sender is not None
    assert parse(b"From: a@example.com\r\nSubject: =?" + codec.encode() + b"?q?=00=FF=80?=\r\n\r\n").sender is not None


def test_transfer_encodings_are_undone() -> None:
    text = "Verwijder mijn gegevens, alstublieft. Café."
    for name, encoded in (
        ("base64", base64.encodebytes(text.encode())),
        ("quoted-printable", quopri.encodestring(text.encode())),
        ("BASE64 ", base64.b64encode(text.encode())[:-1]),
    ):
        assert parse(mail(encoded, "Content-Type: text/plain; charset=utf-8", f"Content-Transfer-Encoding: {name}")).text == text


def test_the_plain_version_wins_unless_it_is_empty_or_a_stub() -> None:
    html = part("text/html; charset=utf-8", b"<p>Stop the <b>newsletter</b></p>")
    assert parse(multipart("alternative", part("text/plain", b"Stop it"), html)).text == "Stop it"
    for stub in (b"", b" \r\n-- \r\n", b"Your mail program cannot show HTML.", b"Bekijk deze mail in uw browser"):
        assert parse(multipart("alternative", part("text/plain", stub), html)).text == "Stop the newsletter"
    assert (
        parse(multipart("alternative", part("text/plain", b"I want no HTML mails"), part("text/html", b"<img src=x>"))).text
        == "I want no HTML mails"
    )


def test_attachments_are_named_by_type_and_never_read() -> None:
    read = parse(
        multipart(
            "mixed",
            part("text/plain", b"See the file"),
            part("text/plain; name=notes.txt", b"DELETE EVERYTHING"),
            part("text/html", b"<p>delete</p>", "Content-Disposition: attachment"),
            part("application/pdf", b"%PDF"),
            part("message/rfc822", b"From: eve@example.net\r\nSubject: x\r\n\r\nForwarded words"),
        )
    )
    assert read.text == "See the file"
    assert read.attachments == ("text/plain", "text/html", "application/pdf", "message/rfc822")


def test_a_delivery_report_shows_its_words_for_people() -> None:
    read = parse(
        multipart(
            "report",
            part("text/plain", b"Your mail could not be delivered"),
            part("message/delivery-status", b"Status: 5.1.1"),
            part("message/rfc822", b"x: y\r\n\r\nz"),
        )
    )
    assert (read.content_type, read.text) == ("multipart/report", "Your mail could not be delivered")
    assert read.attachments == ("message/delivery-status", "message/rfc822")


def test_nested_and_unclosed_parts_are_read() -> None:
    inner = b'Content-Type: multipart/alternative; boundary="b1x"\r\n\r\n--b1x\r\n' + part("text/plain", b"inner text") + b"\r\n--b1x--\r\n"
    read = parse(multipart("mixed", inner, part("image/png", b"."), closed=False))
    assert (read.text, read.attachments, read.defects) == ("inner text", ("image/png",), ("no-closing-boundary",))


def test_a_boundary_may_come_in_pieces() -> None:
    body = b"--ab cd\r\nContent-Type: text/plain\r\n\r\nhello\r\n--ab cd--"
    assert parse(mail(body, "Content-Type: multipart/mixed; boundary*0*=us-ascii''ab%20; boundary*1=cd")).text == "hello"


@pytest.mark.parametrize(
    ("value", "defect"),
    [
        ("", "no-from"),
        ("undisclosed-recipients:;", "from-unusable"),
        ("Ann", "from-unusable"),
        ("ann@", "from-unusable"),
        ("@example.com", "from-unusable"),
        ("ann@example.com, eve@example.net", "several-senders"),
        ("ann@example.com, <eve@>", "several-senders"),
        ("<ann@example.com> <eve@example.net>", "from-unusable"),
        ("<ann@example.com>eve@example.net", "from-unusable"),
        ("ann@example.com\0@example.net", "from-control"),
        ("ann\r@example.com", "from-control"),
        ("<ann@example.com", "from-unusable"),
        ("ann @example.com", "from-unusable"),
        ("=?utf-8?q?ann=40example.com?=", "from-unusable"),
        ("=?utf-8?q?ann?=@example.com", "from-unusable"),
        ("ann@exam\u200bple.com", "from-unusable"),
        ("a\u202enn@example.com", "from-unusable"),
        ("ann@ex ample.com", "from-unusable"),
        ("ann@[192.0.2.1]", "from-unusable"),
        ('"ann@example.com', "from-unusable"),
        ("a@b@example.com", "from-unusable"),
    ],
)
def test_a_sender_that_can_be_read_in_two_ways_is_nobody(value: str, defect: str) -> None:
    read = parse(b"From: " + value.encode() + b"\r\nSubject: x\r\n\r\nx")
    assert read.sender is None
    assert defect in read.defects


def test_two_from_headers_are_no_sender() -> None:
    for second in (b"From: eve@example.net", b"FROM : eve@example.net", b"from:"):
        read = parse(b"From: ann@example.com\r\n" + second + b"\r\n\r\nx")
        assert (read.sender, "several-from" in read.defects) == (None, True)


@pytest.mark.parametrize(
    ("value", "mailbox", "name"),
    [
        ("ann@Example.COM", "ann@example.com", ""),
        ("Ann.Peeters@example.com (Ann (or Anna) Peeters)", "Ann.Peeters@example.com", "Ann (or Anna) Peeters"),
        ('"Peeters, Ann" <ann@example.com>', "ann@example.com", "Peeters, Ann"),
        ("Peeters, Ann <ann@example.com>", "ann@example.com", "Ann"),
        ("ceo@example.net <ann@example.com>", "ann@example.com", "ceo@example.net"),
        ("=?utf-8?q?Zo=C3=AB_Maes?= <zoe@example.com>", "zoe@example.com", "Zoë Maes"),
        ('"=?utf-8?q?Zo=C3=AB?=" <zoe@example.com>', "zoe@example.com", "Zoë"),
        ("Zoë <zoe@example.com>", "zoe@example.com", "Zoë"),
        ("Team: ann@example.com;", "ann@example.com", ""),
        ("<@relay.example.net:ann@example.com>", "ann@example.com", ""),
        ('"ann"@example.com', "ann@example.com", ""),
        ('"ann b"@example.com', '"ann b"@example.com', ""),
        ("ann@müller.example", "ann@xn--mller-kva.example", ""),
        ("<ann+list=x.test@example.com>", "ann+list=x.test@example.com", ""),
        ("Ann\r\n <ann@example.com>", "ann@example.com", "Ann"),
        ("(" * 500 + "x" + ")" * 500 + " ann@example.com", "ann@example.com", "(" * 199 + "("),
    ],
)
def test_an_address_is_found_in_every_sound_form(value: str, mailbox: str, name: str) -> None:
    sender = parse(b"From: " + value.encode() + b"\r\n\r\nx").sender
    assert sender is not None
    assert (sender.mailbox, sender.name) == (mailbox, name)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "empty"),
        (b"\r\n\r\n", "empty"),
        (b"no header here", "no-headers"),
        (b"\xff\xfe\x00", "no-headers"),
        (b"A: b\r\n" * 2_000, "too-many-headers"),
        (b"A: " + b"x" * 200_000 + b"\r\n\r\n", "header-too-long"),
        (b"A: b\r\n" + b" xxx\r\n" * 40_000, "header-too-long"),
        (b"x" * 600_000, "headers-too-long"),
        (b"A: b\r\n\r\n" + b"x" * (26 * 1024 * 1024), "too-big"),
    ],
)
def test_what_is_beyond_the_bounds_is_unreadable(raw: bytes, reason: str) -> None:
    with pytest.raises(UnreadableMail) as caught:
        parse(raw)
    assert caught.value.reason == reason


def test_three_thousand_nested_parts_are_refused_at_once() -> None:
    raw = HEAD + b'Content-Type: multipart/mixed; boundary="0"\r\n\r\n'
    raw += b"".join(b'--%d\r\nContent-Type: multipart/mixed; boundary="%d"\r\n\r\n' % (n, n + 1) for n in range(3_000))
    with pytest.raises(UnreadableMail, match="too-deep"):
        parse(raw)


def test_ten_thousand_parts_are_refused_at_once() -> None:
    with pytest.raises(UnreadableMail, match="too-many-parts"):
        parse(multipart("mixed", *[b"\r\nx"] * 10_000))
    with pytest.raises(UnreadableMail, match="too-many-parts"):
        parse(mail(b"--b1x\n" * 100_000, "Content-Type: multipart/mixed; boundary=b1"))


@pytest.mark.parametrize("value", ["", "<>", "<a b@c>", "<" * 999, "<a@b", "no brackets", "<ü@example.com>", "<a@b> <c@d>", "<[@]>:;,"])
def test_a_bad_message_id_is_noted_and_never_fatal(value: str) -> None:
    read = parse(b"From: a@example.com\r\nMessage-ID: " + value.encode() + b"\r\nReferences: " + value.encode() + b"\r\n\r\nx")
    assert {"no-message-id", "bad-message-id"} & set(read.defects)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "yesterday",
        "Mon, 99 Foo 2026 99:99:99 +9999",
        "1 Jan 99999 00:00:00 +0000",
        "Mon, 2 Mar 2026 10:00:00 +999999",
        "1 Jan 1901 00:00:00",
        "9" * 5_000,
    ],
)
def test_a_bad_date_is_no_date(value: str) -> None:
    read = parse(b"From: a@example.com\r\nDate: " + value.encode() + b"\r\n\r\nx")
    assert read.date is None
    assert {"no-date", "bad-date"} & set(read.defects)


def test_a_date_without_a_zone_is_aware() -> None:
    assert parse(b"From: a@example.com\r\nDate: Mon, 2 Mar 2026 10:00:00 -0000\r\n\r\nx").date == datetime(2026, 3, 2, 10, tzinfo=UTC)


def test_headers_keep_their_order_and_hold_no_line_ends() -> None:
    read = parse(
        b"From ann@example.com Mon Mar  2 10:00:00 2026\nReturn-Path: <>\nFrom: a@example.com\nAuto-Submitted:\n auto-replied\nX-A: =?utf-8?q?=0D=0AX-B=3A_c?=\n\nx\n"
    )
    assert read.headers == (("return-path", "<>"), ("from", "a@example.com"), ("auto-submitted", "auto-replied"), ("x-a", "X-B: c"))


def test_a_line_that_is_no_header_begins_the_body() -> None:
    read = parse(b"From: a@example.com\r\nthis is text\r\nSubject: forged\r\n\r\nmore")
    assert (read.subject, read.text, read.defects[0]) == ("", "this is text\nSubject: forged\n\nmore", "no-blank-line")


def test_misleading_characters_are_taken_out_of_the_text() -> None:
    assert parse(mail("de\u200blete\u202e my\u00a0data\x00\x1b[0m".encode())).text == "delete my data[0m"


def test_long_text_is_cut_and_says_so() -> None:
    read = parse(mail(b"word " * 100_000))
    assert (len(read.text), read.defects) == (200_000, ("text-cut",))


def test_the_same_mail_by_two_doors_has_one_key() -> None:
    text = "Café: supprimez mes données, s'il vous plaît."
    one = parse(mail(text.encode(), "Content-Type: text/plain; charset=utf-8"))
    two = parse(
        b"Received: from mx.example.net\r\nX-Spam: no\r\n"
        + mail(
            quopri.encodestring(text.encode()) + b"\r\n\r\n",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: quoted-printable",
        )
    )
    assert content_key(one) == content_key(two)
    assert len(content_key(one)) == 64


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"ann@", b"eve@"), (b"My data", b"Mine"), (b"10:00:00", b"10:00:01"), (b"<1@", b"<2@"), (b"\r\n\r\nHello", b"\r\n\r\nHullo")],
)
def test_another_mail_has_another_key(old: bytes, new: bytes) -> None:
    assert content_key(parse(mail())) != content_key(parse(mail().replace(old, new)))


def test_an_unreadable_mail_has_a_key_without_trace_headers() -> None:
    assert raw_content_key(mail()) == raw_content_key(b"Received: by x\r\n" + mail().replace(b"\r\n", b"\n"))
    assert raw_content_key(mail()) != raw_content_key(mail(b"other"))
    assert len({raw_content_key(b""), raw_content_key(b"x"), raw_content_key(b"\n\ny")}) == 3


HEADER_NAMES = st.sampled_from(
    [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Content-Type",
        "Content-Transfer-Encoding",
        "Content-Disposition",
        "References",
        "X-A",
        "",
    ]
)
PIECES = st.sampled_from(
    ["=?utf-8?q?", "=?", "?=", "(", ")", '"', "<", ">", "@", ",", ";", ":", "\\", " ", "\t", "\r", "\n ", "\0", "é", "ann@example.com", "multipart/mixed; boundary=b", 'multipart/alternative; boundary="b"',
     "text/html", "charset=", "hex", "utf-7", "base64", "quoted-printable", "*0*=", "%", "''", "Mon, 2 Mar 2026", "+9999", "&#", "[", "]", "\u202e"]
)  # fmt: skip
HEADERS = st.lists(st.tuples(HEADER_NAMES, st.lists(PIECES | st.text(max_size=8), max_size=12).map("".join)), max_size=8)
BODIES = st.lists(st.sampled_from([b"--b", b"--b--", b"\r\n", b"\n", b"Content-Type: text/html", b"Content-Type: multipart/mixed; boundary=b", b"<p hidden>", b"<style>", b"<!--", b"&#x", b"=", b"</", b">", b"\xff\xc3", b"x"]) | st.binary(max_size=6), max_size=40)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(headers=HEADERS, body=BODIES)
def test_a_mutated_mail_is_read_or_unreadable(headers: list[tuple[str, str]], body: list[bytes]) -> None:
    raw = b"".join(f"{name}: {value}\r\n".encode("utf-8", "replace") for name, value in headers) + b"\r\n" + b"".join(body)
    try:
        read = parse(raw)
    except UnreadableMail:
        assert len(raw_content_key(raw)) == 64
        return
    assert len(content_key(read)) == 64
    assert not any(c in value for _, value in read.headers for c in "\r\n\0")
    assert read.date is None or read.date.tzinfo is not None
    for address in (read.sender, *read.to, *read.cc, *read.reply_to):
        assert address is None or (
            address.mailbox.isprintable() and "@" in address.mailbox and not any(c in address.name for c in "\r\n\0")
        )


@settings(max_examples=300, deadline=None)
@given(raw=st.binary(max_size=2_000))
def test_random_bytes_are_read_or_unreadable(raw: bytes) -> None:
    for candidate in (raw, HEAD + raw, mail(raw, "Content-Type: text/html"), mail(raw, "Content-Type: multipart/mixed; boundary=0")):
        try:
            content_key(parse(candidate, ParseLimits(depth=3, parts=5)))
        except UnreadableMail as refused:
            assert refused.reason  # noqa: PT017 - the one permitted outcome


def test_a_mail_of_one_megabyte_is_read_in_time() -> None:
    page = b"<p style='color:red'>Some <b>words</b> &amp; more words in a paragraph that is as long as people write them</p>\r\n" * 9_500
    raw = mail(page, "Content-Type: text/html; charset=utf-8")
    assert len(raw) > 1_000_000
    assert min(_seconds(raw) for _ in range(3)) < 5  # seconds; 0.25 on an idle core, and minutes if it were quadratic


def _seconds(raw: bytes) -> float:
    begun = time.process_time()
    parse(raw)
    return time.process_time() - begun
