"""Which folders of the server are those that the settings name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from worker.mail.imap_syntax import Listed

_NOT_A_FOLDER: Final = frozenset({"\\noselect", "\\nonexistent"})
_JUNK: Final = frozenset({"junk", "spam"})


@dataclass(frozen=True, slots=True)
class Folders:
    """``found``: those that exist, as the server names them. ``missing``: as the settings name them."""

    found: tuple[str, ...]
    missing: tuple[str, ...]


def choose(wanted: Sequence[str], lines: Sequence[Listed], prefix: str) -> Folders:
    r"""Find ``wanted`` among the server's ``lines``; ``prefix`` is of the personal namespace. For Junk the one marked ``\Junk`` will do."""
    there = [line for line in lines if not line.flags & _NOT_A_FOLDER]
    names = {each: _match(each, there, prefix) for each in wanted}
    found = dict.fromkeys(name for name in names.values() if name is not None)
    return Folders(tuple(found), tuple(each for each, name in names.items() if name is None))


def comes_by_itself(name: str) -> bool:
    """True for a folder that servers make with the first spam: it may well not be there yet."""
    return name.lower() in _JUNK


def _match(wanted: str, lines: Sequence[Listed], prefix: str) -> str | None:
    if wanted.upper() == "INBOX":
        return "INBOX"
    for line in lines:
        local = wanted.replace("/", line.delimiter) if line.delimiter else wanted
        if line.name in {wanted, local, prefix + local}:
            return line.name
    special = (line.name for line in lines if "\\junk" in line.flags)
    return next(special, None) if comes_by_itself(wanted) else None
