"""Which characters of a mail are the sender's own words: no quotes, forwards, signatures, disclaimers, footers.

Works on whole lines and returns character spans of the decoded visible text, so that evidence needs no map.
Never strips to nothing: if all is quoted, ``Stripped.all_quoted`` says so and the text is kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

MOST_CHARACTERS: Final = 20_000  # of visible text that are looked at; a longer mail is flagged, not read on
MOST_LINES: Final = 2_000
LONGEST_LINE: Final = 1_000  # characters given to a pattern

_QUOTED: Final = re.compile(r"[ \t]{0,8}(?:>|\|[ \t](?![^|]{1,80}\|[^|]{1,80}\|))")  # a row of a table is no quote
_DASHES: Final = re.compile(r"[ \t]{0,8}(?:-- ?|—|_{5,}|={5,}|\*{5,}|-{10,})[ \t]{0,8}$")
_RULE: Final = re.compile(r"[ \t]{0,8}(?:_{5,}|-{10,}|={5,})[ \t]{0,8}$")


@dataclass(frozen=True, slots=True)
class Stripped:
    """Character spans of the visible text by whose words they are."""

    own: tuple[tuple[int, int], ...]
    quoted: tuple[tuple[int, int], ...] = ()
    signature: tuple[tuple[int, int], ...] = ()
    boilerplate: tuple[tuple[int, int], ...] = ()
    all_quoted: bool = False
    forwarded: bool = False
    cut: bool = False  # longer than MOST_CHARACTERS


@dataclass(frozen=True, slots=True)
class Marks:
    """Compiled patterns of every language, from the ``[strip]`` tables of the data."""

    attribution: re.Pattern[str]  # a line (or up to three joined) that introduces a quote
    attribution_line: re.Pattern[str]  # the same, but only as one line: it may begin with any name
    forward: re.Pattern[str]  # a line that introduces a forwarded mail
    header: re.Pattern[str]  # a line of a quoted header block
    closing: re.Pattern[str]  # "Kind regards"
    device: re.Pattern[str]  # "Sent from my phone"
    boilerplate: re.Pattern[str]  # opens a disclaimer or newsletter footer
    first_person: re.Pattern[str]  # keeps a line of boilerplate, it may be a request
    postscript: re.Pattern[str]

    @classmethod
    def from_data(cls, data: Mapping[str, Mapping[str, Any]]) -> Marks:
        """Compile the lists of all languages into one pattern each; every pattern is anchored at its line's start."""
        return cls(**{name: _union(data, name) for name in cls.__slots__})


def _union(data: Mapping[str, Mapping[str, Any]], name: str) -> re.Pattern[str]:
    parts = [part for table in data.values() for part in table.get("strip", {}).get(name, ())]
    return re.compile(r"[ \t*_>|]{0,8}(?:" + "|".join(parts or ["(?!)"]) + ")", re.IGNORECASE)


@dataclass(slots=True)
class _Line:
    start: int
    end: int
    text: str
    kind: str = "own"


def strip(text: str, marks: Marks) -> Stripped:
    """Cut ``text`` into the sender's own words and the rest."""
    lines = _lines(text)
    forwarded = _mark_quotes(lines, marks)
    _mark_boilerplate(lines, marks)
    _mark_signature(lines, marks)
    own = _spans(lines, "own")
    nothing = not any(line.text.strip() for line in lines if line.kind == "own")
    # A body of nothing but "sent from my phone" and a disclaimer says no more than the former: its request is in the subject.
    kept = next((kind for kind in ("quoted", "signature", "boilerplate") if _spans(lines, kind)), "own")
    if nothing:
        own = _spans(lines, kept)
    return Stripped(
        own,
        _spans(lines, "quoted"),
        _spans(lines, "signature"),
        _spans(lines, "boilerplate"),
        all_quoted=nothing and kept in {"quoted", "boilerplate"},
        forwarded=forwarded,
        cut=len(text) > MOST_CHARACTERS or len(lines) >= MOST_LINES,
    )


def _lines(text: str) -> list[_Line]:
    lines: list[_Line] = []
    at = 0
    for raw in text[:MOST_CHARACTERS].split("\n")[:MOST_LINES]:
        lines.append(_Line(at, at + len(raw), raw[:LONGEST_LINE]))
        at += len(raw) + 1
    return lines


def _spans(lines: Sequence[_Line], kind: str) -> tuple[tuple[int, int], ...]:
    """Runs of neighbouring lines of one kind, as character spans."""
    out: list[tuple[int, int]] = []
    before = ""
    for line in lines:
        if line.kind == kind:
            out[len(out) - (before == kind) :] = [(out[-1][0] if before == kind else line.start, line.end)]
        before = line.kind
    return tuple(out)


def _mark_quotes(lines: list[_Line], marks: Marks) -> bool:
    """Mark quoted lines; True if a forwarded mail was found."""
    forwarded = False
    at = 0
    while at < len(lines):
        line = lines[at]
        if _QUOTED.match(line.text):
            line.kind = "quoted"
        elif marks.forward.match(line.text):
            forwarded = True
            return _rest(lines, at) and forwarded
        elif _opens_header_block(lines, at, marks):
            _rest(lines, at)
            return forwarded
        elif height := _attribution(lines, at, marks):
            at = _mark_attributed(lines, at, height)
            continue
        at += 1
    return forwarded


def _rest(lines: list[_Line], at: int) -> bool:
    for line in lines[at:]:
        line.kind = "quoted"
    return True


def _opens_header_block(lines: list[_Line], at: int, marks: Marks) -> bool:
    """Three header lines among five (From, Sent, To, Subject in four languages), a ruler above them allowed."""
    first = lines[at].text
    if not (marks.header.match(first) or _RULE.match(first)):
        return False
    near = [line.text for line in lines[at : at + 6]]
    return sum(bool(marks.header.match(text)) for text in near) >= 3  # noqa: PLR2004 - see the docstring


def _attribution(lines: list[_Line], at: int, marks: Marks) -> int:
    """How many lines the attribution at ``at`` takes, 0 if there is none. Mail programs wrap it at 76 columns."""
    if not lines[at].text.strip():
        return 0
    if marks.attribution_line.match(lines[at].text):
        return 1
    joined = ""
    for height, line in enumerate(lines[at : at + 3], 1):
        if not line.text.strip():
            break
        joined = f"{joined} {line.text.strip()}".strip()
        if marks.attribution.match(joined):
            return height
    return 0


def _mark_attributed(lines: list[_Line], at: int, height: int) -> int:
    """Mark an attribution and what it introduces: the lines with marks, or without any mark all the rest."""
    for line in lines[at : at + height]:
        line.kind = "quoted"
    below = at + height
    if any(_QUOTED.match(line.text) for line in lines[below : below + 4]):
        return below
    _rest(lines, below)
    return len(lines)


def _mark_boilerplate(lines: list[_Line], marks: Marks) -> None:
    """A disclaimer or footer reaches from its first words to the end of its paragraph."""
    inside = False
    for line in lines:
        if line.kind != "own" or not line.text.strip():
            inside = False
            continue
        inside = inside or bool(marks.boilerplate.match(line.text))
        if inside and not marks.first_person.search(line.text):
            line.kind = "boilerplate"


def _mark_signature(lines: list[_Line], marks: Marks) -> None:
    """Everything after a closing formula or ``-- `` in one run of own lines, but not a postscript."""
    signing = False
    begun = False
    for line in lines:
        if line.kind == "quoted":
            signing = False
            continue
        if line.kind != "own":
            continue
        signing = _signing(line.text, marks, signing=signing, begun=begun)
        if signing or marks.device.match(line.text):
            line.kind = "signature"
        elif line.text.strip():
            begun = True


def _signing(text: str, marks: Marks, *, signing: bool, begun: bool) -> bool:
    if signing:
        return not (marks.postscript.match(text) or marks.first_person.search(text))
    if _DASHES.match(text):
        return begun
    return begun and len(text) < 90 and bool(marks.closing.match(text))  # noqa: PLR2004 - a formula is short
