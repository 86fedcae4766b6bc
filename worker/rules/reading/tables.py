"""Values in rows: "old | new" tables, "label: old -> new", and blocks of new or old data below a heading."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from worker.rules.model import Column
from worker.rules.reading.vocabulary import Kind, LabelAt, Role, Scan, Vocabulary, fold_same

MOST_LINES: Final = 400
LONGEST_CELL: Final = 80  # characters
_CELLS: Final = re.compile(r" {2,40}|\t|(?:^| )[|/](?: |$)")
_BULLET: Final = re.compile(r"[ \t]{0,8}(?:[-*•–]|\d{1,2}[.)])[ \t]{0,4}")
_HEADING: Final = frozenset({Role.NEW, Role.REPLACE, Role.ADD, Role.TURN})


@dataclass(frozen=True, slots=True)
class Cell:
    """A value told by its place in a row. ``column`` None: an address, or what its form says."""

    column: Column | None
    role: Role
    start: int  # characters
    end: int
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the text: its characters and its tokens."""

    start: int
    end: int
    first: int
    last: int


def lines(scan: Scan) -> list[Line]:
    """The lines of ``scan``, at most MOST_LINES."""
    out: list[Line] = []
    at = token = 0
    for raw in scan.text.split("\n")[:MOST_LINES]:
        first = token
        while token < len(scan.tokens) and scan.tokens[token].start < at + len(raw):
            token += 1
        begin = first
        while begin < token and scan.tokens[begin].low.startswith("\n"):
            begin += 1
        out.append(Line(at, at + len(raw), begin, token))
        at += len(raw) + 1
    return out


def cells(scan: Scan, words: Vocabulary) -> list[Cell]:
    """The values of every table with an old and a new column."""
    if "  " not in scan.text and "|" not in scan.text and "/" not in scan.text and "\t" not in scan.text:
        return []
    found: list[Cell] = []
    order: tuple[int, int, bool] | None = None
    for line in lines(scan):
        parts = _split(scan, line)
        heading = _heading(scan, line, parts)
        if heading is not None:
            order = heading
        elif order is not None:
            row = _row(scan, words, parts, order)
            if not parts and found:
                order = None
            found += row
    return found


def _split(scan: Scan, line: Line) -> list[tuple[int, int]]:
    """The cells of a line as character spans, without the empty ones."""
    out: list[tuple[int, int]] = []
    at = line.start
    for match in _CELLS.finditer(scan.text, line.start, line.end):
        out.append((at, match.start()))
        at = match.end()
    out.append((at, line.end))
    spans = [
        (s + len(scan.text[s:e]) - len(scan.text[s:e].lstrip(" |*")), e - len(scan.text[s:e]) + len(scan.text[s:e].rstrip(" |*")))
        for s, e in out
    ]
    return [(s, e) for s, e in spans if s < e]


def _heading(scan: Scan, line: Line, parts: Sequence[tuple[int, int]]) -> tuple[int, int, bool] | None:
    """Which column is the old one and which the new one, and whether a column of labels stands before them."""
    if not 2 <= len(parts) <= 3:  # noqa: PLR2004 - a column of labels, old, new
        return None
    roles = [_only_role(scan, line, part) for part in parts]
    if Role.OLD in roles and Role.NEW in roles:
        shift = len(parts) - 2
        return roles.index(Role.OLD) - shift, roles.index(Role.NEW) - shift, shift == 1 or scan.text[line.start : line.start + 2].isspace()
    return None


def _only_role(scan: Scan, line: Line, part: tuple[int, int]) -> Role | None:
    inside = [c for c in scan.cues if part[0] <= scan.tokens[c.start].start and scan.tokens[c.end - 1].end <= part[1]]
    words = [t for t in scan.tokens[line.first : line.last] if part[0] <= t.start < part[1] and t.kind is Kind.WORD]
    if len(words) > 2 or not inside:  # noqa: PLR2004 - "old value"
        return None
    role = inside[-1].role
    if role is Role.WEAK or role is Role.TURN:
        return Role.NEW
    return role if role in {Role.OLD, Role.NEW} else None


def _row(scan: Scan, words: Vocabulary, parts: Sequence[tuple[int, int]], order: tuple[int, int, bool]) -> list[Cell]:
    old, new, labelled = order
    column, rest = None, list(parts)
    label = _label(scan, parts[0]) if parts else None
    if label is not None and len(parts) == 3:  # noqa: PLR2004 - label, old, new
        column, rest = label.column, list(parts[1:])
    elif len(parts) == 3 and words.has("number_words", fold_same(scan.text[slice(*parts[0])])):  # noqa: PLR2004
        column, rest = Column.NUMBER, list(parts[1:])
    elif labelled and len(parts) == 3:  # noqa: PLR2004
        return []
    if len(rest) != 2 or max(e - s for s, e in rest) > LONGEST_CELL:  # noqa: PLR2004 - old and new
        return []
    return [
        Cell(column, Role.OLD, *rest[old], scan.text[slice(*rest[old])]),
        Cell(column, Role.NEW, *rest[new], scan.text[slice(*rest[new])]),
    ]


def _label(scan: Scan, part: tuple[int, int]) -> LabelAt | None:
    inside = [x for x in scan.labels if part[0] <= scan.tokens[x.start].start and scan.tokens[x.end - 1].end <= part[1]]
    return inside[0] if inside else None


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a block: the tokens ``start`` to before ``end``, what its block says, and the label before it."""

    start: int
    end: int
    role: Role | None
    label: LabelAt | None
    colon: bool  # the label is followed by a colon


def segments(scan: Scan, words: Vocabulary) -> list[Segment]:
    """The lines (and the parts of lines between commas) that stand below or behind a heading, or behind a label and a colon."""
    out: list[Segment] = []
    if ":" not in scan.low and "=" not in scan.low:
        return out
    role: Role | None = None
    filled = False
    heads = _headings(scan)
    start = 0
    for index, token in enumerate(scan.tokens):
        ends = token.kind in {Kind.LINE, Kind.GAP} or token.low in {",", "|", ";"} or index in heads
        ends = ends or (token.kind is Kind.END and index + 1 < len(scan.tokens) and scan.sentence[index] != scan.sentence[index + 1])
        if not ends:
            continue
        if index in heads:
            role, filled = heads[index], False
            start = index + 1
            continue
        segment = _segment(scan, words, start, index, role)
        if segment is not None:
            out.append(segment)
            filled = filled or segment.role is not None
        start = index + 1
        if token.kind is Kind.END or (token.kind is Kind.GAP and filled):
            role = None
    last = _segment(scan, words, start, len(scan.tokens), role)
    return [*out, last] if last is not None else out


def _headings(scan: Scan) -> dict[int, Role | None]:
    """The colons that open a block, with what the words before them say."""
    out: dict[int, Role | None] = {}
    start = 0
    for index, token in enumerate(scan.tokens):
        if token.kind in {Kind.END, Kind.LINE, Kind.GAP}:
            start = index + 1 if scan.sentence[index] != scan.sentence[min(index + 1, len(scan.tokens) - 1)] else start
        if token.low != ":":
            continue
        behind = scan.tokens[index + 1] if index + 1 < len(scan.tokens) else None
        inside = [c.role for c in scan.cues if start <= c.start and c.end <= index]
        opens = behind is not None and behind.kind in {Kind.LINE, Kind.GAP}
        alone = any(x.end == index or (x.end < index and index - x.end <= 1) for x in scan.labels if x.start >= start)
        if opens or (inside and not alone):
            out[index] = Role.NEW if set(inside) & _HEADING else Role.OLD if Role.OLD in inside else None
    return out


def _segment(scan: Scan, words: Vocabulary, start: int, end: int, role: Role | None) -> Segment | None:
    while start < end and scan.tokens[start].kind in {Kind.MARK, Kind.LINE, Kind.GAP}:
        start += 1
    if start >= end:
        return None
    label = next((x for x in scan.labels if x.start == start and x.end <= end), None)
    if label is None and words.has("number_words", scan.tokens[start].low):
        label = LabelAt(start, start + 1, Column.NUMBER)
    colon = label is not None and label.end < end and scan.tokens[label.end].low in {":", "="}
    if role is None and not colon:
        return None
    return Segment(start, end, role, label, colon)


def bodies(scan: Scan, found: Iterable[Segment]) -> Iterable[tuple[Segment, int, int]]:
    """Each segment with the tokens of its value: behind the label and the colon."""
    for segment in found:
        begin = segment.start
        if segment.label is not None and (segment.colon or segment.label.end < segment.end):
            begin = segment.label.end + (1 if segment.colon else 0)
        while begin < segment.end and scan.tokens[begin].low in {":", ".", "-", "*", "=", "n°"}:
            begin += 1
        end = segment.end
        while end > begin and scan.tokens[end - 1].kind in {Kind.MARK, Kind.END}:
            end -= 1
        if begin < end:
            yield segment, begin, end
