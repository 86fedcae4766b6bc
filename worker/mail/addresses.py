"""Addresses out of a stranger's header (RFC 5322 section 3.4), in one bounded pass.

What two programs could read in two ways is read as nothing: the letter would go to one of the two.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from worker.mail.charsets import one_line
from worker.mail.headers import MAX_VALUE, decoded, text_of
from worker.rules.mail import Address

MAX_ADDRESSES: Final = 100
_MAX_MAILBOX: Final = 254  # octets of a path, RFC 5321 section 4.5.3.1.3
_MAX_NAME: Final = 200  # characters

_TOKEN: Final = re.compile(r'(\s+)|"((?:[^"\\]|\\.)*+)("?)|([(<>,;:])|([^\s"(<>,;:]++)', re.DOTALL)
_COMMENT_MARK: Final = re.compile(r"\\.?|[()]", re.DOTALL)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_LOCAL: Final = re.compile(r'[^\s()<>\[\]:;@\\,"]{1,200}')
_QUOTED_LOCAL: Final = re.compile(r'"(?:[^"\\\x00-\x1f\x7f]|\\[ -~]){0,62}"')
_DOMAIN: Final = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class AddressList:
    """What one header holds: usable addresses, and how many entries looked like an address but were none."""

    addresses: tuple[Address, ...] = field(default=(), repr=False)
    unusable: int = 0
    control: bool = False  # a control character stood in the header


@dataclass(slots=True)
class _Entry:
    """One list entry while it is read."""

    words: list[str] = field(default_factory=list)  # phrase, or a bare address in pieces; spaces kept as " "
    angle: list[str] | None = None
    comment: str = ""
    broken: bool = False

    def add(self, piece: str, *, inside: bool) -> None:
        if inside and self.angle is not None:
            self.angle.append(piece)
        elif self.angle is None:
            self.words.append(piece)
        elif piece.strip():
            self.broken = True  # words behind <address>: nobody agrees what they mean


def address_list(value: bytes) -> AddressList:
    """Read a From, To, Cc or Reply-To value (raw, unfolded). Groups are flattened; never raises."""
    text = text_of(value)
    entries = _entries(text)
    found = [_address(entry) for entry in entries]
    addresses = tuple(a for a in found if a is not None)
    unusable = sum(
        1 for entry, a in zip(entries, found, strict=True) if a is None and (entry.broken or entry.angle or "@" in "".join(entry.words))
    )
    return AddressList(addresses[:MAX_ADDRESSES], unusable, bool(_CONTROL.search(text)))


def _entries(text: str) -> list[_Entry]:
    entries = [_Entry()]
    inside = False
    position = 0
    while position < min(len(text), MAX_VALUE):
        match = _TOKEN.match(text, position)
        if match is None:
            break
        position = match.end()
        entry = entries[-1]
        space, quoted, closing, special, atom = match.groups()
        if special == "(":
            position, comment = _comment(text, position)
            entry.comment = entry.comment or comment
        elif special == "<":
            entry.broken |= inside or entry.angle is not None
            entry.angle, inside = entry.angle or [], True
        elif special == ">":
            entry.broken |= not inside
            inside = False
        elif special in {",", ";"} and not inside:
            entries.append(_Entry())
        elif special == ":" and not inside:
            entries[-1] = _Entry()  # what stood before was the name of a group
        elif quoted is not None:
            entry.broken |= not closing
            entry.add(f'"{quoted}"', inside=inside)
        else:
            entry.add(" " if space else (atom or special), inside=inside)
    entries[-1].broken |= inside
    return entries


def _comment(text: str, position: int) -> tuple[int, str]:
    """The end of the comment that began before ``position``, however deep it nests, and its text."""
    depth = 1
    for mark in _COMMENT_MARK.finditer(text, position):
        depth += {"(": 1, ")": -1}.get(mark[0], 0)
        if depth == 0:
            return mark.end(), text[position : mark.start()]
    return len(text), ""


def _address(entry: _Entry) -> Address | None:
    bare = "".join(entry.words).strip()
    if entry.broken or not (bare or entry.angle):
        return None
    if entry.angle is None:
        found, name = mailbox(bare), entry.comment
    else:
        found, name = mailbox(_without_route("".join(entry.angle).strip())), _phrase(bare) or entry.comment
    return Address(found, decoded(name)[:_MAX_NAME]) if found else None


def _without_route(text: str) -> str:
    return text.partition(":")[2].strip() if text.startswith("@") and ":" in text else text


def _phrase(text: str) -> str:
    return _ESCAPED.sub(r"\1", text.replace('"', "")) if '"' in text else text


def mailbox(text: str) -> str | None:
    """``text`` as ``local@domain`` with an ASCII lower-case domain, or None if it is not one sound mailbox."""
    local, at, domain = text.rpartition("@")
    host = ascii_domain(domain) if at else None
    if host is None or len(local) + len(host) >= _MAX_MAILBOX or not text.isprintable() or local.startswith("=?"):
        return None
    if local.startswith('"'):
        return _quoted_local(local, host)
    return f"{local}@{host}" if _LOCAL.fullmatch(local) else None


def _quoted_local(local: str, host: str) -> str | None:
    if not _QUOTED_LOCAL.fullmatch(local):
        return None
    plain = _ESCAPED.sub(r"\1", local[1:-1])
    return f"{plain}@{host}" if _LOCAL.fullmatch(plain) else f"{local}@{host}"


def ascii_domain(domain: str) -> str | None:
    """``domain`` in lower case, labels beyond ASCII in Punycode (RFC 5891, without mapping), or None."""
    if not domain.isascii():
        labels = one_line(domain).lower().split(".")
        if any(len(label) > 63 for label in labels):  # noqa: PLR2004 - octets of a label, RFC 1035
            return None
        domain = ".".join(label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii") for label in labels)
    domain = domain.lower()
    return domain if len(domain) <= 253 and _DOMAIN.fullmatch(domain) else None  # noqa: PLR2004 - octets of a name, RFC 1035
