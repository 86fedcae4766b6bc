"""A newsletter compiled once per language: everything is encoded in advance and cut where a reader's own values go.

What differs between two readers is the address, the Message-ID and the token of the links. They stand as marks in the
rendered text; the MIME encoding leaves each mark alone on a line of its own, so that joining the pieces with a reader's
values is all the work per message, and no value can change how the rest is encoded.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from email.header import Header
from email.quoprimime import body_encode
from email.utils import format_datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from worker.mail.markdown import as_html, as_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from worker.rules.mail import Address
    from worker.rules.model import Language

#: Stands in a link where the reader's token will stand. NUL can be in no text: Markdown replaces it.
TOKEN: Final = "\0U\0"  # noqa: S105
_TO: Final = "\0T\0"
_MESSAGE_ID: Final = "\0M\0"
_MARK: Final = re.compile(rb"\0([TMU])\0")

_TEMPLATES: Final = Path(__file__).parent.parent / "templates" / "newsletter"
_LINE: Final = 73  # bytes of an encoded line: 76 (RFC 2045, section 6.7), less a soft break and an encoded F
_NAME: Final = 100  # characters of a reader's name that are shown
_WORD: Final = 60  # bytes of a header's line: no encoded word above 75 (RFC 2047, section 2)


@dataclass(frozen=True, slots=True)
class Imprint:
    """Who sends: the company as it stands at the foot, and the address in From."""

    company: str
    address: str
    sender: str
    contact: str
    base_url: str
    domain: str  # of List-Id and Feedback-ID


@dataclass(frozen=True, slots=True)
class Ways:
    """The links of the foot and of List-Unsubscribe; :data:`TOKEN` stands where the reader's token will."""

    page: str
    mail: str
    preferences: str


@dataclass(frozen=True, slots=True)
class Issue:
    """One newsletter in one language. ``at`` is when it was planned for: every copy has the same Date."""

    campaign_id: str
    topic: str
    title: str
    language: Language
    subject: str
    markdown: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Rendered:
    """An issue as its readers see it, with the marks still in it."""

    subject: str
    text: str
    html: str

    def with_token(self, token: str) -> Rendered:
        """As the reader with this token sees it."""
        return Rendered(self.subject, self.text.replace(TOKEN, token), self.html.replace(TOKEN, token))


@dataclass(frozen=True, slots=True)
class Compiled:
    """The finished pieces of one issue; every second one is a mark."""

    _pieces: tuple[bytes, ...] = field(repr=False)

    def message(self, to: Address, message_id: str, token: str) -> bytes:
        """The whole message for one reader, lines ended by CRLF. The same values give the same bytes.

        ``to.mailbox``, ``message_id`` and ``token`` are plain ASCII without spaces; the name may be anything.
        """
        values = {b"T": address_field(to), b"M": message_id.encode("ascii"), b"U": token.encode("ascii")}
        return b"".join(values[piece] if place % 2 else piece for place, piece in enumerate(self._pieces))


def render(imprint: Imprint, issue: Issue, ways: Ways) -> Rendered:
    """The issue in its layout, as plain text and as a page."""
    context = {
        "words": _words(issue.language), "topic": issue.title, "company": imprint.company, "address": imprint.address, "ways": ways,
        "privacy": f"{imprint.base_url}/privacy", "language": issue.language.value, "subject": issue.subject,
    }  # fmt: skip
    text = _template("layout.txt").render(context | {"body": as_text(issue.markdown)})
    html = _template("layout.html").render(context | {"body": Markup(as_html(issue.markdown))})  # noqa: S704 - Markdown without raw HTML
    return Rendered(issue.subject, text, html)


def compiled(imprint: Imprint, issue: Issue, ways: Ways) -> Compiled:
    """The issue, rendered, encoded and cut."""
    rendered = render(imprint, issue, ways)
    boundary = f"=_{sha256(f'{issue.campaign_id} {issue.language}'.encode()).hexdigest()[:32]}"
    head = "".join(f"{name}: {value}\r\n" for name, value in _fields(imprint, issue, ways, boundary))
    parts = b"".join(_part(boundary, kind, text) for kind, text in (("plain", rendered.text), ("html", rendered.html)))
    whole = head.encode("ascii") + b"\r\n" + parts + f"--{boundary}--\r\n".encode()
    return Compiled(tuple(_MARK.split(whole)))


def address_field(address: Address) -> bytes:
    """``"Name" <mailbox>`` for a header, folded. Whatever the name holds, it stays a name."""
    name = one_line(address.name)[:_NAME]
    if not name:
        return f"<{address.mailbox}>".encode("ascii")
    return f"{_phrase(name)}\r\n <{address.mailbox}>".encode("ascii")


def one_line(text: str) -> str:
    """``text`` without line ends, control and invisible characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _phrase(name: str) -> str:
    # What looks like an encoded word is encoded, too: nobody shall read something else out of it.
    if not name.isascii() or "=?" in name:
        return _encoded(name)
    return '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'


def _encoded(text: str) -> str:
    if text.isascii() and "=?" not in text:
        return Header(text, "us-ascii", maxlinelen=_WORD).encode(linesep="\r\n")
    return Header(text, "utf-8", maxlinelen=_WORD).encode(linesep="\r\n")


def _fields(imprint: Imprint, issue: Issue, ways: Ways, boundary: str) -> tuple[tuple[str, str], ...]:
    """RFC 5322, 2369, 2919, 3834, 8058; Feedback-ID names the newsletter and never a person."""
    return (
        ("From", f"{_phrase(one_line(imprint.company)[:_NAME])}\r\n <{imprint.sender}>"),
        ("To", _TO),
        ("Subject", _encoded(one_line(issue.subject))),
        ("Date", format_datetime(issue.at)),
        ("Message-ID", _MESSAGE_ID),
        ("List-Id", f"{_phrase(one_line(issue.title)[:_NAME])}\r\n <{issue.topic}.{imprint.domain}>"),
        ("List-Unsubscribe", f"<{ways.page}>,\r\n <{ways.mail}>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("List-Help", f"<{imprint.base_url}/privacy>"),
        ("List-Owner", f"<mailto:{imprint.contact}>"),
        ("List-Post", "NO"),
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "All"),
        ("Precedence", "bulk"),
        ("Feedback-ID", f"{issue.campaign_id}:{issue.topic}:newsletter:{imprint.domain}"),
        ("Content-Language", issue.language.value),
        ("MIME-Version", "1.0"),
        ("Content-Type", f'multipart/alternative;\r\n boundary="{boundary}"'),
    )


def _part(boundary: str, kind: str, text: str) -> bytes:
    head = f"--{boundary}\r\nContent-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    return head.encode() + quoted_printable(text) + b"\r\n"


def quoted_printable(text: str) -> bytes:
    """``text`` in quoted-printable; each :data:`TOKEN` stands alone between two soft line breaks."""
    return f"=\r\n{TOKEN}=\r\n".encode().join(_quoted(piece) for piece in text.split(TOKEN))


def _quoted(text: str) -> bytes:
    octets = text.encode("utf-8", "replace").decode("latin-1")
    encoded: str = body_encode(octets, maxlinelen=_LINE, eol="\r\n")
    # A line "From " is changed by programs that keep mail in one file, and a signature over it breaks.
    return re.sub(r"(?m)^From ", "=46rom ", encoded).encode("ascii")


def _template(name: str) -> Template:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), undefined=StrictUndefined, autoescape=name.endswith("html"), keep_trailing_newline=True
    )
    return environment.get_template(name)


def _words(language: Language) -> Mapping[str, str]:
    words: Mapping[str, str] = tomllib.loads((_TEMPLATES / "words.toml").read_text(encoding="utf-8"))[language.value]
    return words
