"""How IMAP writes names, sets, dates and answers (RFC 3501 section 9). Pure: strings in, values out."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Final

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_INTERNAL: Final = re.compile(r"\s?(\d{1,2})-([A-Z][a-z]{2})-(\d{4}) (\d{2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2})")
_TOKEN: Final = re.compile(rb'\s*(?:"((?:[^"\\]|\\.)*)"|(\()|(\))|([^\s()"]+))', re.DOTALL)
_LITERAL_SIGN: Final = re.compile(rb"~?\{\d+\+?\}$")
_UTF7_RUN: Final = re.compile(r"[^ -~]+|&")
_UTF7_SHIFT: Final = re.compile(r"&([A-Za-z0-9+,]*)-")
_CODE: Final = re.compile(rb"\[([A-Z0-9-]+)(?: ([^\]]*))?\]")

#: One answer of the server without its ``* ``: a line, then by turns a literal and the line that goes on after it.
Answer = tuple[bytes, ...]


def quoted(text: str) -> str:
    """``text`` as a quoted string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def folder_name(name: str) -> str:
    """A folder's name as the wire wants it: modified UTF-7 (RFC 3501, 5.1.3), quoted."""
    return quoted(_UTF7_RUN.sub(lambda run: "&-" if run[0] == "&" else f"&{_utf7(run[0])}-", name))


def _utf7(text: str) -> str:
    return binascii.b2a_base64(text.encode("utf-16-be", "surrogatepass"), newline=False).decode("ascii").rstrip("=").replace("/", ",")


def read_folder_name(wire: bytes) -> str:
    """The name that the server wrote, or its raw form if it is no sound modified UTF-7."""
    text = wire.decode("utf-8", "replace")
    try:
        return _UTF7_SHIFT.sub(_unshifted, text)
    except (ValueError, UnicodeDecodeError):
        return text


def _unshifted(shift: re.Match[str]) -> str:
    if not shift[1]:
        return "&"
    padded = shift[1].replace(",", "/") + "=" * (-len(shift[1]) % 4)
    return binascii.a2b_base64(padded).decode("utf-16-be")


def uid_set(uids: Iterable[int]) -> str:
    """UIDs as a set with ranges: ``1:3,7``."""
    parts: list[list[int]] = []
    for uid in sorted(set(uids)):
        if parts and parts[-1][1] == uid - 1:
            parts[-1][1] = uid
        else:
            parts.append([uid, uid])
    return ",".join(str(a) if a == b else f"{a}:{b}" for a, b in parts)


def search_date(day: date) -> str:
    """A day as SEARCH wants it: ``1-Jan-2026``."""
    return f"{day.day}-{_MONTHS[day.month - 1]}-{day.year}"


def internal_date(text: bytes) -> datetime | None:
    """An INTERNALDATE as an aware datetime, or None if it is none."""
    match = _INTERNAL.fullmatch(text.decode("ascii", "replace"))
    if not match or match[2] not in _MONTHS:
        return None
    offset = timedelta(hours=int(match[8]), minutes=int(match[9])) * (-1 if match[7] == "-" else 1)
    day, year, hour, minute, second = (int(match[n]) for n in (1, 3, 4, 5, 6))
    try:
        return datetime(year, _MONTHS.index(match[2]) + 1, day, hour, minute, second, tzinfo=timezone(offset))
    except ValueError:
        return None


def numbers(answer: Answer, name: bytes) -> Iterator[int]:
    """The numbers of ``SEARCH 1 2 3``, none if the answer is another one."""
    first, _, rest = answer[0].partition(b" ")
    if first.upper() == name:
        yield from (int(word) for word in rest.split() if word.isdigit())


def counted(answer: Answer, name: bytes) -> int | None:
    """The number of ``5 EXISTS``, or None if the answer is another one."""
    number, _, word = answer[0].partition(b" ")
    return int(number) if word.upper() == name and number.isdigit() else None


def code(answer: Answer, name: bytes) -> bytes | None:
    """What stands in ``OK [name value]``, empty for a bare code, or None."""
    for match in _CODE.finditer(answer[0]):
        if match[1].upper() == name:
            return match[2] or b""
    return None


def codes_only(line: bytes) -> str:
    """The response code of a status line, for messages: the words beside it may name a person."""
    match = _CODE.search(line)
    return f"[{match[1].decode('ascii')}]" if match else "without a reason"


Value = bytes | list["Value"]


def values(answer: Answer) -> list[Value]:
    """An answer as nested values: atoms, strings and literals as bytes, lists as lists. Tolerates missing brackets."""
    top: list[Value] = []
    open_lists = [top]
    for place, piece in enumerate(answer):
        if place % 2:
            open_lists[-1].append(piece)
            continue
        text = _LITERAL_SIGN.sub(b"", piece) if place + 1 < len(answer) else piece
        for quoted_text, opening, closing, atom in _TOKEN.findall(text):
            if opening:
                inner: list[Value] = []
                open_lists[-1].append(inner)
                open_lists.append(inner)
            elif closing:
                if len(open_lists) > 1:
                    open_lists.pop()
            else:
                open_lists[-1].append(atom or re.sub(rb"\\(.)", rb"\1", quoted_text))
    return top


def fetched(answer: Answer) -> dict[bytes, Value]:
    """The items of ``12 FETCH (UID 5 BODY[] ...)`` by upper-case name; empty for another answer."""
    _, _, rest = answer[0].partition(b" ")
    if rest[:7].upper() != b"FETCH (":
        return {}
    read = values(answer)
    items = read[2] if len(read) > 2 else []  # noqa: PLR2004 - number, FETCH, list
    if not isinstance(items, list):
        return {}
    return {bytes(name).upper(): value for name, value in _pairs(items) if isinstance(name, bytes)}


def _pairs(items: Sequence[Value]) -> Iterator[tuple[Value, Value]]:
    return zip(items[::2], items[1::2], strict=False)


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of LIST."""

    name: str
    flags: frozenset[str]  # lower case, for example \\junk
    delimiter: str


def listed(answer: Answer) -> Listed | None:
    r"""``LIST (\Junk) "/" "Spam"`` as a value, or None for another answer."""
    if answer[0][:5].upper() != b"LIST ":
        return None
    read = values(answer)
    if len(read) < 4 or not isinstance(read[1], list) or not isinstance(read[2], bytes) or not isinstance(read[3], bytes):  # noqa: PLR2004
        return None
    flags = frozenset(flag.decode("ascii", "replace").lower() for flag in read[1] if isinstance(flag, bytes))
    delimiter = "" if read[2].upper() == b"NIL" else read[2].decode("ascii", "replace")
    return Listed(read_folder_name(read[3]), flags, delimiter)
