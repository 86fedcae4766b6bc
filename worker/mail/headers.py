"""Header fields of a stranger's mail: split within bounds, decoded once (RFC 5322, RFC 2047, RFC 2231).

Every function here is linear in its input; none raises anything but ``UnreadableMail``.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from worker.errors import UnreadableMail
from worker.mail.charsets import codec_of, decode, one_line

_NAME: Final = re.compile(rb"([\x21-\x39\x3b-\x7e]{1,200})[ \t]*:")
_BLANK: Final = re.compile(rb"\n\r?\n")
_LEADING: Final = re.compile(rb"(?:\r?\n)+")
_WORD: Final = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?((?:[^?]|\?(?!=)){0,2000})\?=")
_ENVELOPE_LINES: Final = (b"From ", b">From ")  # left over from mbox files
_Q_HEX: Final = re.compile(rb"=([0-9A-Fa-f]{2})")
_PARAMETER: Final = re.compile(r';\s*+([^\s=;"]{1,80})\s*+=\s*+("(?:[^"\\]|\\.)*+"?|[^;\s]*+)', re.DOTALL)
_CONTINUED: Final = re.compile(r"([^*]+)\*(\d{1,3})(\*?)")
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)

MAX_VALUE: Final = 20_000  # characters of one header value that are decoded; the rest says nothing to a reader


@dataclass(frozen=True, slots=True)
class Block:
    """The header fields of a mail or part, and where its body begins."""

    fields: tuple[tuple[str, bytes], ...]  # (lower-case name, unfolded raw value) in their order
    body: int  # offset of the first byte of the body
    defects: tuple[str, ...] = ()

    def all(self, name: str) -> list[bytes]:
        """Every value of ``name`` (lower case), in order."""
        return [value for key, value in self.fields if key == name]

    def first(self, name: str) -> bytes:
        """The first value of ``name``, or empty."""
        return next((value for key, value in self.fields if key == name), b"")


def split(raw: bytes, start: int, end: int, *, count: int, length: int, total: int) -> Block:
    """Split the header block that begins at ``start``.

    ``count`` fields, ``length`` bytes a field and ``total`` bytes altogether are the bounds; beyond them ``UnreadableMail``.
    """
    lead = _LEADING.match(raw, start, end)
    if lead:
        return Block((), lead.end())
    blank = _BLANK.search(raw, start, min(end, start + total + 4))
    if blank is None and end - start > total:
        raise UnreadableMail("headers-too-long")
    stop = blank.start() + 1 if blank else end
    fields, body, defects = _fields(raw, start, stop, length)
    if len(fields) > count:
        raise UnreadableMail("too-many-headers")
    return Block(tuple(fields), body if body >= 0 else (blank.end() if blank else end), tuple(defects))


def _fields(raw: bytes, start: int, stop: int, length: int) -> tuple[list[tuple[str, bytes]], int, list[str]]:
    """The fields; the offset where the body begins, if a line that is no header ends them early, else -1; defect codes."""
    names: list[str] = []
    values: list[list[bytes]] = []
    position = start
    for line in raw[start:stop].split(b"\n"):
        stripped = line[:-1] if line.endswith(b"\r") else line
        match = _NAME.match(stripped)
        if stripped[:1] in {b" ", b"\t"}:
            if values:
                values[-1].append(stripped)
        elif match:
            names.append(match[1].decode("ascii").lower())
            values.append([stripped[match.end() :]])
        elif stripped and not (position == start and stripped.startswith(_ENVELOPE_LINES)):
            return _joined(names, values, length), position, ["no-blank-line"]
        position += len(line) + 1
    return _joined(names, values, length), -1, []


def _joined(names: list[str], values: list[list[bytes]], length: int) -> list[tuple[str, bytes]]:
    fields = [(name, b"".join(lines).strip(b" \t")) for name, lines in zip(names, values, strict=True)]
    if any(len(value) > length for _, value in fields):
        raise UnreadableMail("header-too-long")
    return fields


def text_of(value: bytes) -> str:
    """A raw value as text with encoded words still in it; bytes beyond ASCII are repaired."""
    return decode(value[:MAX_VALUE])


def decoded(value: bytes | str) -> str:
    """A value for a reader: encoded words decoded, one line, no control characters."""
    text = value[:MAX_VALUE] if isinstance(value, str) else text_of(value)
    return one_line(_decode_words(text) if "=?" in text else text)


def _decode_words(text: str) -> str:
    """RFC 2047: neighbours with one charset are joined as bytes first, because senders split within a character."""
    out: list[str] = []
    pending = b""
    label = ""
    end = 0
    for match in _WORD.finditer(text):
        gap = text[end : match.start()]
        neighbour = bool(end) and not gap.strip()
        name = match[1].partition("*")[0].lower()
        if not (neighbour and name == label):
            out.append(decode(pending, label))
            pending = b""
        if not neighbour:
            out.append(gap)
        pending += _payload(match[2], match[3])
        label, end = name, match.end()
    return "".join((*out, decode(pending, label), text[end:]))


def _payload(encoding: str, payload: str) -> bytes:
    data = payload.encode("utf-8", "replace")
    if encoding in "bB":
        return from_base64(data)[0]
    return _Q_HEX.sub(lambda m: bytes([int(m[1], 16)]), data.replace(b"_", b" "))


def from_base64(data: bytes) -> tuple[bytes, bool]:
    """Decode leniently; the flag says whether something had to be mended."""
    try:
        return binascii.a2b_base64(data), False
    except binascii.Error:
        pass
    letters = re.sub(rb"[^A-Za-z0-9+/]", b"", data)
    letters = letters[: len(letters) - (len(letters) % 4 == 1)]
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4)), True


def parameters(value: str) -> dict[str, str]:
    """The parameters of a Content-Type or Content-Disposition; RFC 2231 forms are joined and decoded. First one wins."""
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[str, bool]]] = {}
    for match in _PARAMETER.finditer(value[:MAX_VALUE]):
        name, text = match[1].lower(), _unquoted(match[2])
        continued = _CONTINUED.fullmatch(name)
        if continued:
            pieces.setdefault(continued[1], {}).setdefault(int(continued[2]), (text, bool(continued[3])))
        elif name.endswith("*"):
            pieces.setdefault(name[:-1], {}).setdefault(0, (text, True))
        else:
            plain.setdefault(name, text)
    return {name: _assembled(parts) for name, parts in pieces.items()} | plain


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text
    return _ESCAPED.sub(r"\1", text[1:].removesuffix('"'))


def _assembled(parts: dict[int, tuple[str, bool]]) -> str:
    label = ""
    data = b""
    for number in sorted(parts):
        text, encoded = parts[number]
        if encoded and number == 0 and text.count("'") >= 2:  # noqa: PLR2004 - charset'language'value
            label, _, text = text.split("'", 2)
        data += unquote_to_bytes(text) if encoded else text.encode("utf-8", "replace")
    return decode(data, label if codec_of(label) else "")
