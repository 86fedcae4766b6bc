"""Which mention is old, which is new: by the words between it and its neighbours, then by its partner, then by its block."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from worker.rules.reading.relevance import ADJACENT, BETWEEN, LOOSE_GAP, against, chain_before, chain_behind, relevant
from worker.rules.reading.values import Family, Mention
from worker.rules.reading.vocabulary import Cue, Kind, Role, Scan, Vocabulary

BEHIND: Final = 5  # tokens between a strict value and a cue behind it


@dataclass(frozen=True, slots=True)
class Around:
    """The cues before a mention, nearest first, and those behind it, nearest first."""

    before: tuple[Cue, ...]
    behind: tuple[Cue, ...]


def assign(scan: Scan, words: Vocabulary, mentions: Sequence[Mention]) -> list[Mention]:
    """The mentions with their roles; a loose mention that nothing speaks of is left out."""
    kept = relevant(scan, words, mentions)
    out: list[Mention] = []
    for at, mention in enumerate(kept):
        before = kept[at - 1] if at else None
        behind = kept[at + 1] if at + 1 < len(kept) else None
        around = _around(scan, words, mention, before, behind)
        prev = out[-1] if before is not None and _neighbour(scan, before, mention) else None
        following = _neighbour(scan, behind, mention) if behind is not None else None
        out.append(_decided(_Here(scan, mention, around, prev, following, behind)))
    return _partnered(scan, words, _backwards(scan, out))


def _neighbour(scan: Scan, other: Mention, mention: Mention) -> Mention | None:
    """``other`` if it stands in the same sentence and could be the old or new of ``mention``."""
    same = scan.sentence[other.start] == scan.sentence[mention.start]
    return other if same and other.family is mention.family else None


def _around(scan: Scan, words: Vocabulary, mention: Mention, prev: Mention | None, following: Mention | None) -> Around:
    low = prev.end if prev else 0
    high = following.start if following else len(scan.tokens)
    if not (mention.strict or mention.quoted or mention.full):
        before = tuple(c for c in chain_before(scan, words, mention.start) if c.start >= low)
        return Around(before, tuple(c for c in chain_behind(scan, words, mention.end) if c.end <= high))
    sentence = scan.sentence[mention.start]
    before = tuple(c for c in reversed(scan.cues_of.get(sentence, ())) if low <= c.start and c.end <= mention.start)
    last = scan.sentence[mention.end - 1]
    behind = tuple(c for c in scan.cues_of.get(last, ()) if mention.end <= c.start and c.end <= high)
    return Around(before, behind)


def _decided(here: _Here) -> Mention:
    mention = here.mention
    if mention.role is not None:
        return mention
    role, weak = _by_before(here)
    behind = here.around.behind
    instead = bool(behind) and behind[0].role is Role.INSTEAD and _leads(behind[0], here.behind)
    if (role in {None, Role.NEW} or instead) and (turned := _by_behind(here, role)):
        role = turned
    return replace(mention, role=role, weak=weak)


@dataclass(frozen=True, slots=True)
class _Here:
    """A mention, what stands around it, and the neighbours that could be its other half."""

    scan: Scan
    mention: Mention
    around: Around
    prev: Mention | None
    following: Mention | None
    behind: Mention | None  # the next mention, of whatever family


#: What a cue before a mention says whatever else stands there.
_PLAIN: Final[Mapping[Role, Role]] = {
    Role.NEW: Role.NEW,
    Role.BUT: Role.NEW,
    Role.ADD: Role.NEW,
    Role.INSTEAD: Role.OLD,
    Role.OLD: Role.OLD,
    Role.CONTACT: Role.CONTACT,
}


def _by_before(here: _Here) -> tuple[Role | None, bool]:
    """What the cues before a mention say, the nearest first; and whether one of them is only a weak sign."""
    weak = False
    if here.mention.start and here.scan.tokens[here.mention.start - 1].kind is Kind.ARROW:
        return Role.NEW, weak
    for at, cue in enumerate(here.around.before):
        rule = _BEFORE.get(cue.role)
        role = rule(here, at, cue) if rule else _PLAIN.get(cue.role)
        if role is not None:
            return role, weak
        weak = weak or cue.role in {Role.WEAK, Role.REPLACE}
    return None, weak


def _turn_before(here: _Here, _at: int, _cue: Cue) -> Role | None:
    return Role.CONTACT if here.prev is not None and here.prev.role is Role.CONTACT else Role.NEW


def _not_before(here: _Here, _at: int, cue: Cue) -> Role | None:
    return Role.OLD if here.mention.start - cue.end <= LOOSE_GAP or not here.mention.strict else None


def _to_before(here: _Here, at: int, cue: Cue) -> Role | None:
    """Words like "to" and "in": new behind a word of change or another value, old in "not in"."""
    if here.mention.start - cue.end > ADJACENT - 1:
        return None
    rest = here.around.before[at + 1 :]
    if rest and rest[0].role is Role.NOT and rest[0].end == cue.start:
        return Role.OLD
    change = any(c.role in {Role.REPLACE, Role.NEW} for c in (*rest, *here.around.behind[:1]))
    return Role.NEW if here.prev is not None or change else None


def _from_before(here: _Here, _at: int, cue: Cue) -> Role | None:
    near = here.mention.start - cue.end <= ADJACENT - 1 and here.following is not None
    return Role.OLD if near and _turning(here.scan, here.mention, here.around) else None


def _other_before(here: _Here, _at: int, cue: Cue) -> Role | None:
    return Role.CONTACT if here.mention.start == cue.end and here.mention.family is Family.TEXT else None


def _keep_before(here: _Here, _at: int, cue: Cue) -> Role | None:
    return Role.KEEP if here.mention.start - cue.end <= ADJACENT else None


def _replace_before(here: _Here, _at: int, _cue: Cue) -> Role | None:
    return Role.OLD if here.following is not None and _turns(here.around) else None


_BEFORE: Final[Mapping[Role, Callable[[_Here, int, Cue], Role | None]]] = {
    Role.TURN: _turn_before,
    Role.NOT: _not_before,
    Role.TO: _to_before,
    Role.FROM: _from_before,
    Role.OTHER: _other_before,
    Role.KEEP: _keep_before,
    Role.REPLACE: _replace_before,
}


def _turning(scan: Scan, mention: Mention, around: Around) -> bool:
    """Whether what stands behind "from" turns into something."""
    sentence = scan.sentence[mention.start]
    return _turns(around) or bool(scan.roles_in(sentence) & {Role.TURN, Role.REPLACE})


def _turns(around: Around) -> bool:
    return bool(around.behind) and any(c.role in {Role.TO, Role.TURN, Role.NEW} for c in around.behind[:2])


def _by_behind(here: _Here, said: Role | None) -> Role | None:
    """What the words directly behind a mention say."""
    end = here.mention.end
    if end < len(here.scan.tokens) and here.scan.tokens[end].kind is Kind.ARROW:
        return Role.OLD
    for cue in here.around.behind[:2]:
        if cue.start - end > BEHIND:
            return None
        role = _sure_behind(here, cue, said) or (_open_behind(here, cue) if said is None else None)
        if role is not None:
            return role
    return None


def _sure_behind(here: _Here, cue: Cue, said: Role | None) -> Role | None:
    """Words behind a mention that count whatever stands before it."""
    match cue.role:
        case Role.WRONG if said is not Role.NEW or here.following is None or cue.start - here.mention.end <= ADJACENT:
            return Role.OLD
        case Role.TURN if here.following is not None:
            return Role.OLD
        case Role.INSTEAD:
            return Role.NEW
        case _:
            return None


def _open_behind(here: _Here, cue: Cue) -> Role | None:
    """Words behind a mention of which nothing else speaks."""
    near = cue.start - here.mention.end <= ADJACENT
    alone = here.following is None
    match cue.role:
        case Role.NOT | Role.OLD if not alone or _leads(cue, here.behind):
            return Role.NEW
        case Role.NOT if near and _closes(here.scan, cue):
            return Role.OLD
        case Role.NEW | Role.ADD if alone:
            return Role.NEW
        case Role.KEEP if near and not _leads(cue, here.behind):
            return Role.KEEP
        case _:
            return None


def _closes(scan: Scan, cue: Cue) -> bool:
    """Whether nothing stands behind the cue to which it could belong."""
    return cue.end >= len(scan.tokens) or scan.tokens[cue.end].kind is not Kind.WORD


def _leads(cue: Cue, following: Mention | None) -> bool:
    """Whether the cue stands directly before the next mention, and so belongs to that one."""
    return following is not None and following.start - cue.end <= ADJACENT


def _backwards(scan: Scan, mentions: Sequence[Mention]) -> list[Mention]:
    """The first of two that turn into each other: what stands directly before a new value is the old one."""
    out = list(mentions)
    for at in range(len(out) - 1):
        first, second = out[at], out[at + 1]
        if first.role is None and second.role is Role.NEW and _neighbour(scan, first, second):
            between = _between(scan, first, second)
            if any(c.role in {Role.TURN, Role.TO, Role.BUT} and c.start - first.end <= ADJACENT for c in between):
                out[at] = replace(first, role=Role.OLD)
        elif first.role is None and second.role is Role.OLD and _neighbour(scan, first, second):
            if first.strict or against(scan, first.end, second.start):
                out[at] = replace(first, role=Role.NEW)
        elif _renamed(scan, first, second):
            out[at], out[at + 1] = replace(first, role=Role.OLD), replace(second, role=Role.NEW)
    return out


def _between(scan: Scan, first: Mention, second: Mention) -> list[Cue]:
    cues = scan.cues_of.get(scan.sentence[first.start], ())
    return [c for c in cues if first.end <= c.start and c.end <= second.start]


def _renamed(scan: Scan, first: Mention, second: Mention) -> bool:
    """Two of one field with only that between them: "X is now Y", "the X is now called Y", "X is Y" behind a word of change."""
    if _neighbour(scan, first, second) is None or not _fits(first, second) or second.start - first.end > LOOSE_GAP:
        return False
    between = {c.role for c in _between(scan, first, second)}
    if first.role is Role.NEW and second.role is Role.NEW:
        return bool(between & {Role.NEW, Role.TURN}) and first.column is second.column
    sentence = scan.sentence[first.start]
    near = scan.roles_in(sentence) | scan.roles_in(sentence - 1)
    return first.role is None and second.role is None and between == {Role.WEAK} and bool(near & {Role.REPLACE, Role.NEW})


def _partnered(scan: Scan, words: Vocabulary, mentions: Sequence[Mention]) -> list[Mention]:
    """A mention without a word of its own is new where another of its family is old, and goes on as a list does."""
    out = list(mentions)
    for at, mention in enumerate(out):
        if mention.role is not None:
            continue
        before = out[at - 1] if at else None
        if before is not None and _listed(before, mention) and _lists(scan, words, before, mention):
            out[at] = replace(mention, role=before.role, weak=mention.weak or before.weak)
    last: dict[Family, Mention] = {}
    for at, mention in enumerate(out):
        known = mention.column is not None or mention.quoted
        open_ = mention.role is None or (mention.role is Role.CONTACT and mention.strict)
        if open_ and (mention.weak or mention.strict or known):
            partner = last.get(mention.family)
            if (
                partner is not None
                and partner.role is Role.OLD
                and ((_fits(partner, mention) and _near(scan, partner, mention)) or _pair(scan, partner, mention))
            ):
                out[at] = replace(mention, role=Role.NEW)
        if out[at].role is not None:
            last[mention.family] = out[at]
    return out


def _near(scan: Scan, partner: Mention, mention: Mention) -> bool:
    """A loose mention answers an old value of its own field in the same or the next sentence."""
    if mention.strict or mention.weak or mention.full:
        return True
    return scan.sentence[mention.start] - scan.sentence[partner.start] <= 1 and (mention.quoted or partner.column is mention.column)


def _pair(scan: Scan, partner: Mention, mention: Mention) -> bool:
    """Two loose texts of which only one shows its field: in the same or in neighbouring sentences they may be one change."""
    return (
        mention.family is Family.TEXT
        and scan.sentence[mention.start] - scan.sentence[partner.start] <= 1
        and (mention.weak or mention.quoted)
    )


def _fits(a: Mention, b: Mention) -> bool:
    if a.family is Family.ADDRESS:
        return {c for c, _ in a.parts} & {c for c, _ in b.parts} != set()
    if a.family is Family.TEXT and (a.column is None) != (b.column is None):
        return False
    return a.column is None or b.column is None or a.column == b.column


def _listed(before: Mention, mention: Mention) -> bool:
    """Whether the two can stand beside each other in a list of different fields."""
    if (before.column is None and before.family is not Family.ADDRESS) or (before.family is mention.family is Family.ADDRESS):
        return False
    return (mention.strict and (mention.column is None or before.column != mention.column)) or (
        mention.column is not None and before.column != mention.column and before.role is not None
    )


def _lists(scan: Scan, words: Vocabulary, before: Mention, mention: Mention) -> bool:
    """Whether nothing but marks, labels and "and" stands between the two, in one sentence."""
    if scan.sentence[before.end - 1] != scan.sentence[mention.start]:
        return False
    if mention.start - before.end > 2 * LOOSE_GAP or _between(scan, before, mention):
        return False
    return all(
        i in scan.labelled
        or scan.tokens[i].low in BETWEEN
        or words.has("fillers", scan.tokens[i].low)
        or scan.tokens[i].low == "."
        or words.has("joiners", scan.tokens[i].low)
        for i in range(before.end, mention.start)
    )
