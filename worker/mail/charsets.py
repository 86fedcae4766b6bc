"""Bytes to text that a reader can use: the declared charset is only a claim.

Order of trial: the declared charset, UTF-8, UTF-8 with stray bytes, then Windows-1252, which always succeeds here (its
five holes are read as Latin-1). Python's own codec table is not trusted with a stranger's label: some of its codecs are
no charsets at all and raise whatever ``errors`` says, so the accepted ones are listed.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from functools import lru_cache
from typing import Final

_LABEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,39}", re.ASCII)

#: Codec names (as ``codecs.lookup`` spells them) that decode every input within bounds to text without surrogates.
_ACCEPTED: Final = frozenset(
    [f"iso8859-{n}" for n in (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16)]
    + [f"cp125{n}" for n in range(9)]
    + ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
    + [
        "cp437",
        "cp737",
        "cp775",
        "cp850",
        "cp852",
        "cp855",
        "cp857",
        "cp858",
        "cp860",
        "cp862",
        "cp863",
        "cp864",
        "cp865",
        "cp866",
        "cp869",
        "cp874",
    ]
    + ["koi8-r", "koi8-u", "koi8-t", "mac-roman", "mac-latin2", "mac-greek", "mac-turkish", "mac-cyrillic", "tis-620", "ptcp154"]
    + ["gb2312", "gbk", "gb18030", "hz", "big5", "big5hkscs", "cp950", "cp932", "cp949", "shift_jis", "shift_jisx0213", "shift_jis_2004"]
    + ["euc_jp", "euc_jis_2004", "euc_jisx0213", "euc_kr", "johab", "iso2022_kr", "iso2022_jp"]
    + [f"iso2022_jp_{n}" for n in ("1", "2", "2004", "3", "ext")]
)
#: Labels that senders put on Windows-1252 text; browsers read them so as well (WHATWG Encoding).
_REALLY_1252: Final = frozenset({"ascii", "iso8859-1", "cp1252"})

_C1_TO_1252: Final = {byte: bytes([byte]).decode("cp1252") for byte in range(0x80, 0xA0) if byte not in {0x81, 0x8D, 0x8F, 0x90, 0x9D}}
_1252_TO_C1: Final = {ord(char): byte for byte, char in _C1_TO_1252.items()}
_STRAY: Final = {0xDC00 + byte: _C1_TO_1252.get(byte, chr(byte)) for byte in range(0x80, 0x100)}
_C1: Final = re.compile("[\x80-\x9f]")
_SURROGATE: Final = re.compile("[\udc80-\udcff]")
#: Lead byte of a two- to four-byte UTF-8 sequence and a continuation byte, both misread as Windows-1252.
_DOUBLE: Final = re.compile(
    "[\xc2-\xf4][\x80-\xbf\u20ac\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\u017d\u2018-\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\u017e\u0178]"
)
_STRAY_SHARE: Final = 10  # one stray byte among ten characters beyond ASCII is a slip, more is another charset

#: Invisible characters that split words or turn the direction of writing: they only serve to mislead a reader.
_INVISIBLE: Final = "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff"
_UNWANTED: Final = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_INVISIBLE}\ud800-\udfff]")
_ODD_SPACE: Final = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_LINE_ENDS: Final = re.compile("\r\n?|[\u2028\u2029\x85\x0b\x0c]")


@lru_cache(maxsize=256)
def codec_of(label: str) -> str | None:
    """The codec for a declared charset, or None when it is unknown or unfit. Latin-1 and ASCII count as ``cp1252``."""
    label = label.strip("\"' \t")
    if not _LABEL.fullmatch(label):
        return None
    try:
        name = codecs.lookup(label).name
    except (LookupError, ValueError):
        return None
    return "cp1252" if name in _REALLY_1252 else (name if name in _ACCEPTED else None)


def decode(data: bytes, label: str = "") -> str:
    """``data`` as text; never fails. ``label`` is the declared charset, which is tried first."""
    if data.isascii() and b"\x1b" not in data and b"~{" not in data and b"\x00" not in data:
        return data.decode("ascii")
    codec = codec_of(label) if label else None
    text = _declared(data, codec) if codec else None
    if text is None:
        text = _guessed(data)
    return _undoubled(text)


def _declared(data: bytes, codec: str) -> str | None:
    if codec == "cp1252":
        return _windows(data)
    try:
        return data.decode(codec)
    except UnicodeError:
        return None


def _guessed(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("utf-8", "surrogateescape")
    strays = len(_SURROGATE.findall(text))
    return text.translate(_STRAY) if strays * _STRAY_SHARE <= _beyond_ascii(text) else _windows(data)


def _beyond_ascii(text: str) -> int:
    return len(text) - len(text.encode("ascii", "ignore"))


def _windows(data: bytes) -> str:
    text = data.decode("latin-1")
    return text.translate(_C1_TO_1252) if _C1.search(text) else text


def _undoubled(text: str) -> str:
    """Take back one UTF-8 text that was read as Windows-1252, if every character of it survives the round trip."""
    if not _DOUBLE.search(text):
        return text
    try:
        return text.translate(_1252_TO_C1).encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def clean(text: str) -> str:
    """Lines ending in a line feed, ordinary spaces, no control or invisible characters, composed accents (NFC)."""
    text = _LINE_ENDS.sub("\n", text)
    text = _UNWANTED.sub("", text)
    return text if text.isascii() else unicodedata.normalize("NFC", _ODD_SPACE.sub(" ", text))


def one_line(text: str) -> str:
    """``clean`` for a header: every run of white space is one space, nothing at the ends."""
    return " ".join(clean(text).split())
