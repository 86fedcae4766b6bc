"""What stands below a heading, in lines with a label or without: each line has the heading's role."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from worker.rules.model import Column
from worker.rules.reading import naming, tables
from worker.rules.reading.columns import SMALL
from worker.rules.reading.values import Family, Mention
from worker.rules.reading.vocabulary import Kind, Role, Scan, Vocabulary

LABELLED_WORDS: Final = 8  # of a value behind a label
PLAIN_WORDS: Final = 6  # of a line without one


def read(scan: Scan, words: Vocabulary, assigned: Sequence[Mention], who: naming.Sender) -> list[Mention]:
    """What stands below a heading has the heading's role; its lines that no form gives away are classified."""
    out = list(assigned)
    for segment, begin, end in tables.bodies(scan, tables.segments(scan, words)):
        inside = {i for i, m in enumerate(out) if m.start < end and m.end > begin}
        role = segment.role or (Role.NEW if segment.colon else None)
        if any(out[i].strict or out[i].column is Column.BOX for i in inside):
            for i in inside:
                if out[i].role is None and (out[i].strict or out[i].column is Column.BOX):
                    out[i] = replace(out[i], role=role)
        elif made := _arrowed(scan, segment, begin, end) or _line(scan, words, segment, begin, end, who, role):
            out = [m for i, m in enumerate(out) if i not in inside]
            out += made
    return sorted(out, key=lambda m: m.start)


def _arrowed(scan: Scan, segment: tables.Segment, begin: int, end: int) -> list[Mention]:
    """Both values of a line with an arrow: "label: old -> new"."""
    arrow = next((i for i in range(begin, end) if scan.tokens[i].kind is Kind.ARROW), None)
    if arrow is None or segment.label is None or segment.label.column is None or not begin < arrow < end - 1:
        return []
    column = segment.label.column
    family = Family.SMALL if column in SMALL else Family.TEXT
    sides = ((Role.OLD, begin, arrow), (Role.NEW, arrow + 1, end))
    return [Mention(family, a, b, ((column, scan.words(a, b)),), scan.words(a, b), column, role=role) for role, a, b in sides]


def _line(
    scan: Scan, words: Vocabulary, segment: tables.Segment, begin: int, end: int, who: naming.Sender, role: Role | None
) -> list[Mention]:
    """A line of a block: what its label says, else a company or a function."""
    text = scan.words(begin, end).strip(" *\"'“”„«»")
    cued = any(at in scan.cued for at in range(begin, end))
    if segment.label is not None and segment.colon:
        column = segment.label.column
        if column is None or cued or len(text) > tables.LONGEST_CELL or end - begin > LABELLED_WORDS:
            return []
        return [_made(column, text, begin, end, role)]
    if cued or segment.role is None or end - begin > PLAIN_WORDS or naming.same(text, who.name):
        return []
    plain = _plain(scan, words, begin, end, who)
    return [_made(plain, text, begin, end, role)] if plain is not None else []


def _made(column: Column, text: str, begin: int, end: int, role: Role | None) -> Mention:
    return Mention(Family.SMALL if column in SMALL else Family.TEXT, begin, end, ((column, text),), text, column, role=role)


def _plain(scan: Scan, words: Vocabulary, begin: int, end: int, who: naming.Sender) -> Column | None:
    """What a line without a label is: a function, a business, or the sender's name otherwise written."""
    tokens = scan.tokens[begin:end]
    lows = [t.low for t in tokens]
    if any(words.has("jobs", low) for low in lows):
        return Column.FUNCTION
    if not tokens[0].capital or not all(t.kind is Kind.WORD or t.low == "&" for t in tokens):
        return None
    business = any(words.has("company_words", low) or words.has("company_hints", low) for low in lows)
    if naming.misspelt(lows, who):
        return Column.NAME if len(lows) > 1 else None
    return Column.COMPANY if business or any(low in who.words for low in lows) or naming.shares(" ".join(lows), who.words) else None
