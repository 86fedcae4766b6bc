"""Which mentions a mail speaks of at all: with a cue in reach, and, for a mere noun, with a field that claims it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from worker.rules.model import Column
from worker.rules.reading.values import Family, Mention
from worker.rules.reading.vocabulary import Cue, Kind, Role, Scan, Vocabulary

LOOSE_GAP: Final = 4  # small words between a cue and a loose value
ADJACENT: Final = 2
CLAIMED: Final = frozenset({Column.NAME, Column.COMPANY, Column.FUNCTION, Column.OFFICE, Column.TOWN, Column.STREET, Column.COUNTRY})
_ASKING: Final = frozenset({Role.NEW, Role.OLD, Role.INSTEAD, Role.TURN, Role.REPLACE, Role.WRONG, Role.ADD})
BETWEEN: Final = frozenset({",", ":", "(", ")", '"', "“", "”", "„", "«", "»", "'", "‘", "’", "-", "–", "*", "|", "=", ";", "/"})


def speaks(scan: Scan) -> bool:
    """Whether the mail speaks of something old, new, wrong or to be changed at all, or of one thing and not another."""
    if any(c.role in _ASKING or c.role in {Role.NOT, Role.BUT} for c in scan.cues):
        return True
    return any(t.kind is Kind.ARROW for t in scan.tokens)


def intends(scan: Scan) -> bool:
    """Whether the mail wants something changed."""
    return any(c.role in _ASKING for c in scan.cues)


def relevant(scan: Scan, words: Vocabulary, mentions: Sequence[Mention]) -> list[Mention]:
    """Without the loose mentions of which nothing is said, and without nouns that no field can claim."""
    spoken = [
        m
        for m in mentions
        if m.strict or m.role is not None or m.quoted or m.full or m.column in {Column.BOX, Column.COUNTRY, Column.COMPANY}
        or chain_before(scan, words, m.start) or chain_behind(scan, words, m.end)
    ]  # fmt: skip
    return [m for at, m in enumerate(spoken) if not _noun(m) or _claimed(scan, words, m) or _contrasted(scan, words, spoken, at)]


def _noun(mention: Mention) -> bool:
    return mention.family is Family.TEXT and mention.column is None and not mention.quoted and mention.role is None


def _claimed(scan: Scan, words: Vocabulary, mention: Mention) -> bool:
    """Whether a label or a word for living stands directly before the mention."""
    at, gap = mention.start, LOOSE_GAP
    strong = False
    while at > 0 and gap >= 0 and scan.sentence[at - 1] == scan.sentence[mention.start]:
        label, cue = scan.label_ends.get(at), scan.cue_ends.get(at)
        if label is not None and (label.column is None or label.column in CLAIMED):
            return label.column is not None
        if words.has("living", scan.tokens[at - 1].low):
            return True
        if cue is not None and cue.role not in {Role.TO, Role.FROM}:
            if any(words.has("living", t.low) for t in scan.tokens[cue.start : at]):
                return True
            at, strong = cue.start, True
        elif words.has("away_words", scan.tokens[at - 1].low) and not strong:
            return False
        elif scan.tokens[at - 1].low in BETWEEN or words.has("fillers", scan.tokens[at - 1].low):
            at, gap = at - 1, gap - 1
        else:
            break
    return strong and _about(scan, mention)


def _about(scan: Scan, mention: Mention) -> bool:
    """Whether the sentence begins with a label and names no other field."""
    sentence = scan.sentence[mention.start]
    labels = [x for x in scan.labels_of.get(sentence, ()) if x.end <= mention.start]
    if not labels or labels[0].column not in CLAIMED or len({x.column for x in labels}) > 1:
        return False
    return labels[0].start < LOOSE_GAP or scan.sentence[labels[0].start - LOOSE_GAP + 1] != sentence


def _contrasted(scan: Scan, words: Vocabulary, mentions: Sequence[Mention], at: int) -> bool:
    """Whether the mention is set against one that has a field, with few words between."""
    for other in (at - 1, at + 1):
        if not 0 <= other < len(mentions):
            continue
        near = mentions[other]
        first, second = (near, mentions[at]) if other < at else (mentions[at], near)
        close = second.start - first.end <= 2 * LOOSE_GAP and scan.sentence[first.start] == scan.sentence[second.start]
        if (
            near.family is Family.TEXT
            and close
            and (not _noun(near) or _claimed(scan, words, near))
            and against(scan, first.end, second.start)
        ):
            return True
    return False


def against(scan: Scan, start: int, end: int) -> bool:
    """Whether directly behind token ``start`` a word sets what stands there against what stands at ``end``."""
    wanted = {Role.NOT, Role.INSTEAD, Role.TURN, Role.BUT}
    return any(
        c.end <= end and c.role in wanted
        for i in (start, start + 1)
        if (c := scan.cue_starts.get(i)) and (i == start or scan.tokens[start].low in BETWEEN)
    )


def chain_before(scan: Scan, words: Vocabulary, start: int) -> tuple[Cue, ...]:
    """The cues before a loose mention with nothing but small words and labels between."""
    ends, labels = scan.cue_ends, scan.label_ends
    at, gap = start, LOOSE_GAP
    found: list[Cue] = []
    while at > 0 and gap >= 0 and scan.sentence[at - 1] == scan.sentence[start]:
        if at in ends:
            found.append(ends[at])
            at, gap = ends[at].start, LOOSE_GAP
        elif at in labels:
            at = labels[at].start
        elif scan.tokens[at - 1].low in BETWEEN or words.has("fillers", scan.tokens[at - 1].low):
            gap -= scan.tokens[at - 1].kind is Kind.WORD
            at -= 1
        else:
            break
    return tuple(found)


def chain_behind(scan: Scan, words: Vocabulary, end: int) -> tuple[Cue, ...]:
    """The cues behind a loose mention, likewise."""
    starts = scan.cue_starts
    at, gap = end, LOOSE_GAP - 1
    found: list[Cue] = []
    while at < len(scan.tokens) and gap >= 0 and scan.sentence[at] == scan.sentence[end - 1]:
        if at in starts:
            found.append(starts[at])
            at = starts[at].end
        elif scan.tokens[at].low in BETWEEN or words.has("fillers", scan.tokens[at].low):
            gap -= scan.tokens[at].kind is Kind.WORD
            at += 1
        else:
            break
    return tuple(found)
