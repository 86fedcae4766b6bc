"""The table that a play prints."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Final

_TITLES: Final = ("mail", "its subject", "understood", "proof", "what changed", "letters", "")
_WIDTHS: Final = (20, 26, 26, 16, 28, 26, 30)  # characters; longer cells go on in the next line


@dataclass(frozen=True, slots=True)
class Row:
    """One mail. ``problem`` is empty if it ended as it must."""

    mail: str
    subject: str
    understood: str
    proof: str
    changed: str
    letters: str
    problem: str


def printed(rows: Sequence[Row]) -> str:
    """The rows under their titles; a column in which nothing stands is left out."""
    cells = [astuple(row) for row in rows]
    kept = [n for n in range(len(_TITLES)) if any(row[n] for row in cells)]
    lines = [_line([_TITLES[n] for n in kept], kept), "  ".join("-" * _WIDTHS[n] for n in kept)]
    return "\n".join([*lines, *(_line([row[n] for n in kept], kept) for row in cells)])


def _line(values: Sequence[str], columns: Sequence[int]) -> str:
    wrapped = [textwrap.wrap(value, _WIDTHS[n]) or [""] for value, n in zip(values, columns, strict=True)]
    height = max(len(each) for each in wrapped)
    rows = [
        "  ".join((cell[at] if at < len(cell) else "").ljust(_WIDTHS[n]) for cell, n in zip(wrapped, columns, strict=True))
        for at in range(height)
    ]
    return "\n".join(row.rstrip() for row in rows)
