"""Which mention is old, which is new: by the words between it and its neighbours, then by its partner, then by its block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from worker.rules.reading.mentions import Family, Mention
from worker.rules.reading.vocabulary import Cue, Kind, Role, Scan, Vocabulary

LOOSE_GAP: Final = 4  # small words between a cue and a loose value
BEHIND: Final = 5  # tokens between a strict value and a cue behind it
ADJACENT: Final = 2

_ASKING: Final = frozenset({Role.NEW, Role.OLD, Role.INSTEAD, Role.TURN, Role.REPLACE, Role.WRONG, Role.ADD})
_BETWEEN: Final = frozenset({",", ":", "(", ")", '"', "“", "”", "„", "«", "»", "'", "‘", "’", "-", "–", "*", "|", "=", ";", "/"})


@dataclass(frozen=True, slots=True)
class Around:
    """The cues before a mention, nearest first, and those behind it, nearest first."""

    before: tuple[Cue, ...]
    behind: tuple[Cue, ...]


def intends(scan: Scan) -> bool:
    """Does the mail speak of something old, new, wrong or to be changed at all?"""
    return any(c.role in _ASKING for c in scan.cues)


def assign(scan: Scan, words: Vocabulary, mentions: Sequence[Mention]) -> list[Mention]:
    """The mentions with their roles; a loose mention that nothing speaks of is left out."""
    kept = _relevant(scan, words, mentions)
    out: list[Mention] = []
    for at, mention in enumerate(kept):
        prev = _neighbour(scan, kept[at - 1], mention) if at else None
        following = _neighbour(scan, kept[at + 1], mention) if at + 1 < len(kept) else None
        around = _around(scan, words, mention, kept[at - 1] if at else None, kept[at + 1] if at + 1 < len(kept) else None)
        out.append(_decided(scan, mention, around, out[-1] if prev and out else None, following))
    return _partnered(scan, words, _backwards(scan, words, out))


def _neighbour(scan: Scan, other: Mention, mention: Mention) -> Mention | None:
    """``other`` if it stands in the same sentence and could be the old or new of ``mention``."""
    same = scan.sentence[other.start] == scan.sentence[mention.start]
    return other if same and other.family is mention.family else None


def _relevant(scan: Scan, words: Vocabulary, mentions: Sequence[Mention]) -> list[Mention]:
    kept: list[Mention] = []
    for mention in mentions:
        if mention.strict or mention.role is not None or mention.quoted:
            kept.append(mention)
            continue
        if _chain_before(scan, words, mention.start) or _chain_behind(scan, words, mention.end):
            kept.append(mention)
    return kept


def _around(scan: Scan, words: Vocabulary, mention: Mention, prev: Mention | None, following: Mention | None) -> Around:
    low = prev.end if prev else 0
    high = following.start if following else len(scan.tokens)
    if not mention.strict:
        before = tuple(c for c in _chain_before(scan, words, mention.start) if c.start >= low)
        return Around(before, tuple(c for c in _chain_behind(scan, words, mention.end) if c.end <= high))
    sentence = scan.sentence[mention.start]
    before = tuple(c for c in reversed(scan.cues) if low <= c.start and c.end <= mention.start and scan.sentence[c.start] == sentence)
    last = scan.sentence[mention.end - 1]
    behind = tuple(c for c in scan.cues if mention.end <= c.start and c.end <= high and scan.sentence[c.start] == last)
    return Around(before, behind)


def _chain_before(scan: Scan, words: Vocabulary, start: int) -> tuple[Cue, ...]:
    """The cues before a loose mention with nothing but small words and labels between."""
    ends = {c.end: c for c in scan.cues}
    labels = {x.end: x.start for x in scan.labels}
    at, gap = start, LOOSE_GAP
    found: list[Cue] = []
    while at > 0 and gap >= 0 and scan.sentence[at - 1] == scan.sentence[start]:
        if at in ends:
            found.append(ends[at])
            at, gap = ends[at].start, LOOSE_GAP
        elif at in labels:
            at = labels[at]
        elif scan.tokens[at - 1].low in _BETWEEN or words.has("fillers", scan.tokens[at - 1].low):
            gap -= scan.tokens[at - 1].kind is Kind.WORD
            at -= 1
        else:
            break
    return tuple(found)


def _chain_behind(scan: Scan, words: Vocabulary, end: int) -> tuple[Cue, ...]:
    starts = {c.start: c for c in scan.cues}
    at, gap = end, LOOSE_GAP - 1
    found: list[Cue] = []
    while at < len(scan.tokens) and gap >= 0 and scan.sentence[at] == scan.sentence[end - 1]:
        if at in starts:
            found.append(starts[at])
            at = starts[at].end
        elif scan.tokens[at].low in _BETWEEN or words.has("fillers", scan.tokens[at].low):
            gap -= scan.tokens[at].kind is Kind.WORD
            at += 1
        else:
            break
    return tuple(found)


def _decided(scan: Scan, mention: Mention, around: Around, prev: Mention | None, following: Mention | None) -> Mention:
    if mention.role is not None:
        return mention
    role, weak = _by_before(scan, mention, around, prev, following)
    if role in {None, Role.NEW} and (turned := _by_behind(scan, mention, around, following, said=role)):
        role = turned
    return replace(mention, role=role, weak=weak)


def _by_before(
    scan: Scan, mention: Mention, around: Around, prev: Mention | None, following: Mention | None
) -> tuple[Role | None, bool]:
    """What the cues before a mention say, the nearest first; and whether one of them is only a weak sign."""
    weak = False
    if mention.start and scan.tokens[mention.start - 1].kind is Kind.ARROW:
        return Role.NEW, weak
    for at, cue in enumerate(around.before):
        gap = mention.start - cue.end
        match cue.role:
            case Role.NEW | Role.BUT | Role.TURN | Role.ADD:
                return Role.NEW, weak
            case Role.INSTEAD:
                return Role.OLD, weak
            case Role.OLD:
                return Role.OLD, weak
            case Role.NOT if gap <= LOOSE_GAP or not mention.strict:
                return Role.OLD, weak
            case Role.TO if gap <= ADJACENT - 1:
                if prev is not None or any(c.role in {Role.REPLACE, Role.NEW} for c in around.before[at + 1 :]):
                    return Role.NEW, weak
            case Role.FROM if gap <= ADJACENT - 1 and following is not None and _turning(around):
                return Role.OLD, weak
            case Role.CONTACT:
                return Role.CONTACT, weak
            case Role.KEEP if gap <= ADJACENT:
                return Role.KEEP, weak
            case Role.WEAK:
                weak = True
            case Role.REPLACE:
                if following is not None and _turning(around):
                    return Role.OLD, weak
                weak = True
            case _:
                pass
    return None, weak


def _turning(around: Around) -> bool:
    return bool(around.behind) and any(c.role in {Role.TO, Role.TURN, Role.NEW} for c in around.behind[:2])


def _by_behind(scan: Scan, mention: Mention, around: Around, following: Mention | None, *, said: Role | None) -> Role | None:
    """What the words directly behind a mention say."""
    if mention.end < len(scan.tokens) and scan.tokens[mention.end].kind is Kind.ARROW:
        return Role.OLD
    for cue in around.behind[:2]:
        if cue.start - mention.end > BEHIND:
            return None
        match cue.role:
            case Role.WRONG if following is None or cue.start - mention.end <= ADJACENT:
                return Role.OLD
            case Role.TURN if following is not None:
                return Role.OLD
            case Role.INSTEAD if said is None:
                return Role.NEW
            case Role.NOT | Role.OLD if following is not None and said is None:
                return Role.NEW
            case Role.NOT if following is None and cue.start - mention.end <= ADJACENT and said is None:
                return Role.OLD
            case Role.NEW | Role.ADD if following is None and said is None:
                return Role.NEW
            case Role.KEEP if said is None and cue.start - mention.end <= ADJACENT:
                return Role.KEEP
            case _:
                pass
    return None


def _backwards(scan: Scan, words: Vocabulary, mentions: Sequence[Mention]) -> list[Mention]:
    """The first of two that turn into each other: what stands directly before a new value is the old one."""
    out = list(mentions)
    for at in range(len(out) - 1):
        first, second = out[at], out[at + 1]
        if first.role is None and second.role is Role.NEW and _neighbour(scan, first, second):
            between = [c for c in scan.cues if first.end <= c.start and c.end <= second.start]
            if between and any(c.role in {Role.TURN, Role.TO, Role.BUT} for c in between):
                out[at] = replace(first, role=Role.OLD)
        elif first.role is None and second.role is Role.OLD and _neighbour(scan, first, second):
            out[at] = replace(first, role=Role.NEW)
    return out


def _partnered(scan: Scan, words: Vocabulary, mentions: Sequence[Mention]) -> list[Mention]:
    """A mention without a word of its own is new where another of its family is old, and goes on as a list does."""
    out = list(mentions)
    for at, mention in enumerate(out):
        if mention.role is not None:
            continue
        before = out[at - 1] if at else None
        if before is not None and before.strict and mention.strict and before.column != mention.column and _lists(scan, words, before, mention):
            out[at] = replace(mention, role=before.role, weak=mention.weak or before.weak)
    for at, mention in enumerate(out):
        if mention.role is None and (mention.weak or mention.strict or mention.quoted):
            partner = next((m for m in reversed(out[:at]) if m.family is mention.family and m.role is not None), None)
            if partner is not None and partner.role is Role.OLD and _fits(partner, mention):
                out[at] = replace(mention, role=Role.NEW)
    return out


def _fits(a: Mention, b: Mention) -> bool:
    if a.family is Family.ADDRESS:
        return {c for c, _ in a.parts} & {c for c, _ in b.parts} != set()
    return a.column is None or b.column is None or a.column == b.column


def _lists(scan: Scan, words: Vocabulary, before: Mention, mention: Mention) -> bool:
    """Is there nothing but marks, labels and "and" between the two, in one sentence?"""
    if scan.sentence[before.end - 1] != scan.sentence[mention.start]:
        return False
    if any(before.end <= c.start < mention.start for c in scan.cues):
        return False
    labels = {i for x in scan.labels for i in range(x.start, x.end)}
    return all(
        i in labels or scan.tokens[i].low in _BETWEEN or words.has("fillers", scan.tokens[i].low) or scan.tokens[i].low in {"und", "and", "et", "en", "."}
        for i in range(before.end, mention.start)
    ) and mention.start - before.end <= 8  # noqa: PLR2004 - tokens
