"""A letter as bytes for the wire: the same letter gives the same bytes, and no value can become a header.

The standard library's generator with its default policy costs ten times as much; a letter has a fixed shape, so it is
written out.
"""

from __future__ import annotations

import binascii
import re
from datetime import datetime
from email.utils import format_datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from worker.rules.mail import Address, OutboundMail

_LINE: Final = 76  # characters of a line, RFC 2045 section 6.7
_HARD_LINE: Final = 900  # no header line longer than this: the limit is 998, RFC 5322 section 2.1.1
_WORD_BYTES: Final = 42  # of text in one encoded word: 75 characters at most, RFC 2047 section 2, in base64 56 and its frame
_MAX_NAME: Final = 200  # characters of a display name
_BASE64_GROWTH: Final = 1.37  # base64 with its line ends, per byte

_BREAK: Final = re.compile(r"[\r\n\0]")
_NAME: Final = re.compile(r"[!-9;-~]{1,70}")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
_ID: Final = re.compile(r"[!-;=?-~]{1,900}")
_PLAIN: Final = re.compile(r"[ -~]*")
_LINE_END: Final = re.compile(r"\r\n?|\n")
_ATOMS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")

#: What a letter written by a machine says of itself (RFC 3834 section 5; the second is Exchange's).
_AUTOMATIC: Final = (("Auto-Submitted", "auto-replied"), ("X-Auto-Response-Suppress", "All"))
_OWN: Final = frozenset(
    [
        "from", "to", "subject", "date", "message-id", "in-reply-to", "references", "mime-version", "content-type", "content-language",
        "content-transfer-encoding", "auto-submitted", "x-auto-response-suppress", "cc", "bcc", "sender", "return-path",
    ]
)  # fmt: skip


def compose(mail: OutboundMail, sender: Address, *, date: datetime, automatic: bool = True) -> bytes:
    """The message with CRLF line ends, text and HTML as alternatives (text alone if ``html`` is empty).

    ``date`` must be aware. ``automatic`` marks it as written by a machine. Header values beyond ASCII become encoded words;
    only a mailbox beyond ASCII stays UTF-8 (RFC 6532), which ``Envelope`` refuses to send.
    Raises ``ValueError`` if a value that goes into a header holds a line end or NUL, or if ``mail.headers`` names a header of ours.
    """
    lines = b"".join(f"{name}: {value}\r\n".encode() for name, value in _headers(mail, sender, date, automatic=automatic))
    text = _leaf("plain", mail.text)
    if not mail.html:
        return lines + text
    boundary = f"=_{sha256(mail.message_id.encode()).hexdigest()[:32]}"  # "=_" is in no quoted-printable and no base64 text
    mark = f"--{boundary}".encode()
    kind = f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n\r\n'.encode()
    return b"".join((lines, kind, mark, b"\r\n", text, b"\r\n", mark, b"\r\n", _leaf("html", mail.html), b"\r\n", mark, b"--\r\n"))


def again(raw: bytes, message_id: str, *, date: datetime) -> bytes:
    """A message of :func:`compose`, word by word, as another one: with this Message-ID and this date."""
    head, end, body = raw.partition(b"\r\n\r\n")
    values = {b"Date": format_datetime(date), b"Message-ID": _id("Message-ID", message_id)}
    named = [(line.partition(b":")[0], line) for line in head.split(b"\r\n")]
    return b"\r\n".join(b"%b: %b" % (name, values[name].encode()) if name in values else line for name, line in named) + end + body


def _headers(mail: OutboundMail, sender: Address, date: datetime, *, automatic: bool) -> Iterator[tuple[str, str]]:
    if date.tzinfo is None:
        raise ValueError("the date of a letter must be aware")
    yield "From", _address("From", sender)
    yield "To", _address("To", mail.to)
    yield "Subject", _unstructured("Subject", mail.subject)
    yield "Date", format_datetime(date)
    yield "Message-ID", _id("Message-ID", mail.message_id)
    if mail.in_reply_to:
        yield "In-Reply-To", _id("In-Reply-To", mail.in_reply_to)
    references = tuple(dict.fromkeys(_id("References", each) for each in mail.references if each))
    if references:
        yield "References", _folded("References", references)
    yield "MIME-Version", "1.0"
    if _LANGUAGE.fullmatch(mail.language):
        yield "Content-Language", mail.language
    if automatic:
        yield from _AUTOMATIC
    for name, value in mail.headers:
        if name.lower() in _OWN or not _NAME.fullmatch(name):
            raise ValueError(f"not a header that a letter may add: {name!r}")
        yield name, _unstructured(name, value)


def _checked(name: str, value: str) -> str:
    if _BREAK.search(value):
        raise ValueError(f"a line end or NUL in the value of {name}")
    return value


def _id(name: str, value: str) -> str:
    inner = _checked(name, value).strip().removeprefix("<").removesuffix(">")
    if not _ID.fullmatch(inner):
        raise ValueError(f"{name} is no message id")
    return f"<{inner}>"


def _unstructured(name: str, value: str) -> str:
    """A value of free text: folded at its spaces, or as encoded words if it is not plain ASCII."""
    value = _checked(name, value).strip()
    words = value.split(" ")
    if not _PLAIN.fullmatch(value) or "=?" in value or max(map(len, words)) > _HARD_LINE:
        words = _encoded_words(value)
    return _folded(name, words)


def _address(name: str, address: Address) -> str:
    label = _checked(name, address.name)[:_MAX_NAME].strip()
    path = f"<{_checked(name, address.mailbox)}>"
    if not label:
        return path
    if not _PLAIN.fullmatch(label) or "=?" in label:
        return _folded(name, [*_encoded_words(label), path])
    phrase = label if _ATOMS.fullmatch(label) else '"' + label.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return _folded(name, [*phrase.split(" "), path])


def _folded(name: str, words: Sequence[str]) -> str:
    """The words with spaces between them, a line end before a space where a line would grow too long (RFC 5322, 2.2.3)."""
    out = [words[0]] if words else []
    length = len(name) + 2 + len("".join(out))
    for word in words[1:]:
        fits = length + 1 + len(word) <= _LINE or not word.strip()  # a line of white space alone is no fold
        length = (length if fits else 0) + 1 + len(word)
        out.append(f" {word}" if fits else f"\r\n {word}")
    return "".join(out)


def _encoded_words(text: str) -> list[str]:
    """RFC 2047 section 4.1: base64 words of UTF-8, each of whole characters."""
    chunks: list[bytes] = [b""]
    for character in text:
        encoded = character.encode("utf-8", "replace")
        if len(chunks[-1]) + len(encoded) > _WORD_BYTES:
            chunks.append(b"")
        chunks[-1] += encoded
    return [f"=?utf-8?b?{binascii.b2a_base64(chunk, newline=False).decode('ascii')}?=" for chunk in chunks]


def _leaf(kind: str, text: str) -> bytes:
    """One text part with its headers, in the shorter of the two encodings."""
    data = (_LINE_END.sub("\r\n", text.rstrip("\r\n")) + "\r\n").encode("utf-8", "replace")
    body = binascii.b2a_qp(data, istext=True)
    encoding = "quoted-printable"
    if len(body) > len(data) * _BASE64_GROWTH:
        body, encoding = _base64(data), "base64"
    return f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode() + body


def _base64(data: bytes) -> bytes:
    whole = binascii.b2a_base64(data, newline=False)
    return b"".join(whole[at : at + _LINE] + b"\r\n" for at in range(0, len(whole), _LINE))
