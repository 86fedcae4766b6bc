"""The one parser at the border: raw bytes to an ``InboundMail``, bounded, raising nothing but ``UnreadableMail``.

It is written for strangers' mail and reads it once. The standard library's parser recurses into parts and comments and
raises a dozen kinds of errors on real mails; this one walks offsets, decodes what a reader sees, and notes what it mended.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from worker.errors import UnreadableMail
from worker.mail import headers
from worker.mail.addresses import AddressList, address_list
from worker.mail.charsets import clean, codec_of, decode
from worker.mail.visible import visible_text
from worker.rules.mail import Address, InboundMail


@dataclass(frozen=True, slots=True)
class ParseLimits:
    """Bounds of one mail. Beyond the first six it is unreadable; beyond the last two the text is cut and says so."""

    size: int = 25 * 1024 * 1024  # bytes of the raw mail
    depth: int = 25  # multiparts within one another
    parts: int = 500
    headers: int = 1_000  # fields of one block
    header: int = 100_000  # bytes of one field
    header_block: int = 512_000  # bytes of all fields of one block
    text: int = 200_000  # characters of visible text
    html: int = 2_000_000  # bytes of one HTML part that are looked at


DEFAULT_LIMITS: Final = ParseLimits()

_TYPE: Final = re.compile(r"\s*([A-Za-z0-9!#$&^_.+-]{1,60}/[A-Za-z0-9!#$&^_.+*-]{1,80})\s*(?:;|$)")
_MESSAGE_ID: Final = re.compile(r"<([!-;=?-~]{1,900})>")
_BARE_ID: Final = re.compile(r"[!-;=?-~]{1,900}")
_STUB_WORDS: Final = re.compile(r"html|browser|navigateur", re.IGNORECASE)
_MAX_STUB: Final = 400  # characters of a plain part that only says "your program cannot show HTML"
_MAX_SUBJECT: Final = 1_000  # characters
_MAX_HEADER_TEXT: Final = 4_000  # characters of a decoded value
_MAX_REFERENCES: Final = 50
_ENCODED_SHARE: Final = 4  # encoded bytes per character that are worth decoding
_DELIMITERS_PER_PART: Final = 20  # look-alikes of a boundary line that are looked at
_YEARS: Final = range(1971, 2200)  # outside, a Date is a slip of the sender's clock


@dataclass(frozen=True, slots=True)
class _Part:
    """One node of the mail: where its body is and how it is encoded."""

    kind: str  # content type, lower case
    charset: str
    encoding: str
    start: int
    end: int
    readable: bool = False  # a text part shown in the mail, not an attachment
    children: tuple[_Part, ...] = ()


@dataclass(slots=True)
class _Walk:
    """One mail under way: its bounds, what was found, what was mended."""

    raw: bytes
    limits: ParseLimits
    parts: int = 0
    attachments: list[str] = field(default_factory=list)
    defects: dict[str, None] = field(default_factory=dict)  # as an ordered set

    def note(self, *codes: str) -> None:
        self.defects.update(dict.fromkeys(codes))

    def block(self, start: int, end: int) -> headers.Block:
        limits = self.limits
        return headers.split(self.raw, start, end, count=limits.headers, length=limits.header, total=limits.header_block)

    def part(self, block: headers.Block, end: int, depth: int, default: str = "text/plain") -> _Part:
        """The tree below one header block. Unreadable beyond the bounds of depth and number."""
        self.parts += 1
        if self.parts > self.limits.parts:
            raise UnreadableMail("too-many-parts")
        if depth > self.limits.depth:
            raise UnreadableMail("too-deep")
        kind, values = self.content_type(block, default)
        encoding = headers.decoded(block.first("content-transfer-encoding")).lower()
        if kind.startswith("multipart/"):
            children = self.children(kind, values.get("boundary", ""), block.body, end, depth)
            if children:
                return _Part(kind, "", "", block.body, end, children=children)
            self.note("no-parts")
            return _Part(kind, values.get("charset", ""), encoding, block.body, end, readable=True)
        readable = kind in {"text/plain", "text/html"} and (depth == 0 or not _is_attached(block, values))
        if not readable:
            self.attachments.append(kind)
        return _Part(kind, values.get("charset", ""), encoding, block.body, end, readable=readable)

    def content_type(self, block: headers.Block, default: str) -> tuple[str, dict[str, str]]:
        value = headers.text_of(block.first("content-type"))
        if not value:
            return default, {}
        match = _TYPE.match(value)
        if not match:
            self.note("bad-content-type")
            return "text/plain", headers.parameters(value)
        return match[1].lower(), headers.parameters(value[match.end(1) :])

    def children(self, kind: str, boundary: str, start: int, end: int, depth: int) -> tuple[_Part, ...]:
        if not boundary:
            self.note("no-boundary")
            return ()
        ranges, closed = self.ranges(boundary.rstrip().encode("utf-8", "replace"), start, end)
        if not closed:
            self.note("no-closing-boundary")
        default = "message/rfc822" if kind == "multipart/digest" else "text/plain"
        return tuple(self.part(self.noted_block(a, b), b, depth + 1, default) for a, b in ranges)

    def noted_block(self, start: int, end: int) -> headers.Block:
        block = self.block(start, end)
        self.note(*block.defects)
        return block

    def ranges(self, boundary: bytes, start: int, end: int) -> tuple[list[tuple[int, int]], bool]:
        """Offsets of the parts between the boundary lines, and whether the closing line was there (RFC 2046 5.1.1)."""
        ranges: list[tuple[int, int]] = []
        opened = -1
        for line, after, closing in self.delimiters(b"--" + boundary, start, end):
            if opened >= 0:
                ranges.append((opened, max(opened, line)))
            if closing:
                return ranges, True
            opened = after
            if len(ranges) > self.limits.parts:
                raise UnreadableMail("too-many-parts")
        if opened >= 0:
            ranges.append((opened, end))
        return ranges, False

    def delimiters(self, dashed: bytes, start: int, end: int) -> list[tuple[int, int, bool]]:
        """(end of the text before, start of the text after, is it the closing one) of each boundary line."""
        found: list[tuple[int, int, bool]] = []
        seen = 0
        at = self.raw.find(dashed, start, end)
        while at >= 0:
            seen += 1
            if seen > self.limits.parts * _DELIMITERS_PER_PART:
                raise UnreadableMail("too-many-parts")
            stop = self.raw.find(b"\n", at, end)
            stop = end if stop < 0 else stop
            tail = self.raw[at + len(dashed) : min(stop, at + len(dashed) + 100)].rstrip()
            if (at == start or self.raw[at - 1 : at] == b"\n") and tail in {b"", b"--"}:
                cut = at - (2 if self.raw[at - 2 : at] == b"\r\n" else 1)
                found.append((cut, min(stop + 1, end), tail == b"--"))
                if tail:
                    break
            at = self.raw.find(b"\n" + dashed, stop, end)
            at += at >= 0
        return found

    def text(self, part: _Part) -> str:
        """What a reader sees of ``part`` and all below it."""
        if part.children:
            return self.combined(part)
        if not part.readable:
            return ""
        return self.page(part) if part.kind == "text/html" else self.plain(part)

    def combined(self, part: _Part) -> str:
        if part.kind == "multipart/alternative":
            return self.alternative(part.children)
        if part.kind == "multipart/related":
            return self.text(part.children[0])
        if part.kind == "multipart/report":
            return self.text(part.children[0])
        return "\n\n".join(text for text in map(self.text, part.children) if text.strip())

    def alternative(self, children: tuple[_Part, ...]) -> str:
        """The first plain version that is no stub, else the richest that says something, else the stub."""
        stub = ""
        for child in children:
            if child.readable and child.kind == "text/plain":
                text = self.plain(child)
                if not _is_stub(text):
                    return text
                stub = stub or text
        others = (self.text(child) for child in reversed(children) if child.kind != "text/plain")
        return next((text for text in others if text.strip()), stub)

    def plain(self, part: _Part) -> str:
        data = self.data(part, self.limits.text * _ENCODED_SHARE)
        return self.cut(clean(decode(data, self.charset(part))))

    def page(self, part: _Part) -> str:
        source = decode(self.data(part, self.limits.html), self.charset(part))
        text, cut = visible_text(source, self.limits.text)
        if cut:
            self.note("text-cut")
        return self.cut(clean(text))

    def charset(self, part: _Part) -> str:
        if part.charset and codec_of(part.charset) is None:
            self.note("unknown-charset")
        return part.charset

    def cut(self, text: str) -> str:
        if len(text) > self.limits.text:
            self.note("text-cut")
        return text[: self.limits.text]

    def data(self, part: _Part, limit: int) -> bytes:
        """The decoded bytes of a leaf, at most ``limit`` of its encoded ones."""
        if part.end - part.start > limit:
            self.note("text-cut")
        data = self.raw[part.start : min(part.end, part.start + limit)]
        if part.encoding == "base64":
            data, mended = headers.from_base64(data)
            self.note(*(["bad-base64"] if mended else []))
        elif part.encoding == "quoted-printable":
            data = binascii.a2b_qp(data)
        elif part.encoding not in {"", "7bit", "8bit", "binary"}:
            self.note("unknown-encoding")
        return data


def _is_attached(block: headers.Block, values: dict[str, str]) -> bool:
    disposition = headers.text_of(block.first("content-disposition")).lower()
    return disposition.lstrip().startswith("attachment") or "filename" in disposition or "name" in values


def _is_stub(text: str) -> bool:
    stripped = text.strip()
    return not any(map(str.isalnum, stripped[:2_000])) or (len(stripped) <= _MAX_STUB and bool(_STUB_WORDS.search(stripped)))


def parse(raw: bytes, limits: ParseLimits = DEFAULT_LIMITS) -> InboundMail:
    """Read one mail. Raises ``UnreadableMail`` when it is empty, has no header at all, or is beyond ``limits``."""
    if len(raw) > limits.size:
        raise UnreadableMail("too-big")
    size = len(raw)
    walk = _Walk(_with_line_feeds(raw.lstrip(b"\r\n")), limits)
    if walk.raw is not raw and b"\r\n" not in raw and b"\r" in raw and b"\n" not in raw:
        walk.note("bare-cr")
    block = walk.noted_block(0, len(walk.raw))
    if not block.fields:
        raise UnreadableMail("no-headers" if raw.strip() else "empty")
    root = walk.part(block, len(walk.raw), 0)
    text = walk.text(root)
    return _inbound(walk, block, root, text, size)


def _with_line_feeds(raw: bytes) -> bytes:
    return raw if b"\n" in raw else raw.replace(b"\r", b"\n")


def _inbound(walk: _Walk, block: headers.Block, root: _Part, text: str, size: int) -> InboundMail:
    sender = _sender(walk, block)
    message_id = _message_id(walk, block)
    date = _date(walk, block)
    reply = _ids(block.first("in-reply-to"))
    return InboundMail(
        message_id=message_id,
        sender=sender,
        subject=headers.decoded(block.first("subject"))[:_MAX_SUBJECT],
        text=text.strip("\n"),
        date=date,
        to=_addresses(block, "to"),
        cc=_addresses(block, "cc"),
        reply_to=_addresses(block, "reply-to"),
        in_reply_to=reply[0] if reply else "",
        references=_ids(block.first("references"))[-_MAX_REFERENCES:],
        headers=tuple((name, headers.decoded(value)[:_MAX_HEADER_TEXT]) for name, value in block.fields),
        content_type=root.kind,
        attachments=tuple(walk.attachments),
        defects=tuple(walk.defects),
        size=size,
    )


def _sender(walk: _Walk, block: headers.Block) -> Address | None:
    """The one address of the one From header; anything that could be read in two ways is nobody."""
    values = block.all("from")
    if len(values) > 1:
        walk.note("several-from")
        return None
    found = address_list(values[0]) if values else AddressList()
    if found.control:
        walk.note("from-control")
    elif len(found.addresses) > 1 or (found.addresses and found.unusable):
        walk.note("several-senders")
    elif not found.addresses:
        walk.note("from-unusable" if values and values[0] else "no-from")
    else:
        return found.addresses[0]
    return None


def _addresses(block: headers.Block, name: str) -> tuple[Address, ...]:
    return tuple(a for value in block.all(name)[:10] for a in address_list(value).addresses)[:100]


def _message_id(walk: _Walk, block: headers.Block) -> str:
    value = headers.text_of(block.first("message-id")).strip()
    if not value:
        walk.note("no-message-id")
        return ""
    match = _MESSAGE_ID.fullmatch(value)
    if match:
        return value
    walk.note("bad-message-id")
    return f"<{value}>" if _BARE_ID.fullmatch(value) else ""


def _ids(value: bytes) -> tuple[str, ...]:
    return tuple(match[0] for match in _MESSAGE_ID.finditer(headers.text_of(value)))


def _date(walk: _Walk, block: headers.Block) -> datetime | None:
    value = headers.decoded(block.first("date"))[:100]
    try:
        date = parsedate_to_datetime(value)
        date = date.replace(tzinfo=UTC) if date.tzinfo is None else date
        if date.astimezone(UTC).year in _YEARS:
            return date
    except (ValueError, TypeError, IndexError, OverflowError):
        pass
    walk.note("bad-date" if value else "no-date")
    return None


_KEY_HEADERS: Final = ("from", "date", "message-id", "subject")


def content_key(mail: InboundMail, *, whole: bool = True) -> str:
    """SHA-256 (hex) by which the same mail is known again, whatever door and folder it came by and however it was encoded.

    The beginning of a mail never has the key of the ``whole`` one, not even if all its words stand in it.
    """
    date = mail.date.astimezone(UTC).isoformat() if mail.date else ""
    parts = (
        mail.sender.key if mail.sender else "",
        date,
        mail.message_id,
        mail.subject,
        " ".join(mail.text.split()),
        *(() if whole else ("beginning",)),
    )
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


def raw_content_key(raw: bytes) -> str:
    """The same for a mail that cannot be read: its own headers as they stand, and its body with line ends made equal."""
    head, _, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    own = [line for line in head.split(b"\n") if line.partition(b":")[0].strip().lower().decode("latin-1") in _KEY_HEADERS]
    return hashlib.sha256(b"unreadable\0" + (b"\n".join(own) or head) + b"\0" + body).hexdigest()
