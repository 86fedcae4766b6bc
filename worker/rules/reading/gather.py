"""From mentions with roles to changes: pairs of old and new, and what makes them doubtful."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from worker.rules.model import Change, Column, Language
from worker.rules.reading import blocks, columns, doubts, mentions, naming, relevance, roles, settle, tables
from worker.rules.reading.values import Family, Mention
from worker.rules.reading.vocabulary import Role, Scan, Vocabulary

_PARTS: Final = frozenset({Column.BOX, Column.COUNTRY, Column.POSTCODE, Column.TOWN, Column.NUMBER, Column.STREET})
_TYPED: Final = frozenset({Family.EMAIL, Family.PHONE, Family.ADDRESS})


@dataclass(frozen=True, slots=True)
class Said:
    """One value with its column, and old or new."""

    column: Column
    role: Role
    text: str = field(repr=False)
    span: tuple[int, int]
    written: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Read:
    """The changes of a mail, whether they may be wrong or incomplete, and where they stand."""

    changes: tuple[Change, ...] = ()
    doubtful: bool = False
    said: tuple[Said, ...] = ()
    why: tuple[str, ...] = ()


def changes(scan: Scan, words: Vocabulary, language: Language, who: naming.Sender) -> Read:
    """Everything that the mail says of old and new values."""
    if not scan.tokens or not relevance.speaks(scan):
        return Read()
    found = mentions.find(scan, words, language, who.words)
    cells = tables.cells(scan, words)
    if not found and not cells:
        return Read(doubtful=doubts.elsewhere(scan, 0))
    outside = [m for m in found if not _within(scan, m, cells)]
    assigned = roles.assign(scan, words, outside)
    assigned = blocks.read(scan, words, assigned, who)
    settled = columns.columns(scan, words, settle.settle(scan, assigned, who))
    said = [*_of_cells(scan, cells, found), *(s for m in settled for s in _said(scan, words, m))]
    return _read(scan, words, said, settled, who)


def _within(scan: Scan, mention: Mention, cells: Sequence[tables.Cell]) -> bool:
    start = scan.tokens[mention.start].start
    return any(c.start <= start < c.end for c in cells)


def _of_cells(scan: Scan, cells: Sequence[tables.Cell], found: Sequence[Mention]) -> Iterable[Said]:
    for cell in cells:
        if cell.text.startswith("("):
            continue
        inside = [m for m in found if m.strict and cell.start <= scan.tokens[m.start].start and scan.tokens[m.end - 1].end <= cell.end]
        if inside:
            yield from (Said(c, cell.role, t, (cell.start, cell.end), cell.text) for m in inside for c, t in _parts_in(m, cell))
        elif cell.column is not None:
            yield Said(cell.column, cell.role, cell.text, (cell.start, cell.end), cell.text)


def _parts_in(mention: Mention, cell: tables.Cell) -> Iterable[tuple[Column, str]]:
    if mention.family is Family.PHONE and cell.column is not None:
        return [(cell.column, mention.text)]
    return mention.parts


def _said(scan: Scan, words: Vocabulary, mention: Mention) -> Iterable[Said]:
    role = mention.role
    if (
        role is None
        and mention.weak
        and settle.wanted(scan, scan.sentence[mention.start])
        and (mention.strict or _labelled(scan, words, mention))
    ):
        role = Role.NEW
    if role not in {Role.NEW, Role.OLD}:
        return
    start, end = scan.tokens[mention.start].start, scan.tokens[mention.end - 1].end
    for column, text in mention.parts:
        yield Said(column, role, text, (start, end), scan.text[start:end])


def _labelled(scan: Scan, words: Vocabulary, mention: Mention) -> bool:
    """A loose value with "is" only: new if its field is named in the sentence, or if it is what the sender says he is."""
    if mention.column is Column.FUNCTION:
        near = scan.tokens[max(0, mention.start - 4) : mention.start]
        return any(words.has("first_person", t.low) or t.low in {"bin", "suis", "am", "ben", "i'm"} for t in near)
    if mention.column is None:
        return False
    if columns.label(scan, mention, frozenset({mention.column})) is not None:
        return True
    if mention.family is Family.SMALL and any(x.column is mention.column for x in scan.labels_of.get(scan.sentence[mention.start], ())):
        return True
    for sentence in (0, scan.sentence[mention.start] - 1):
        asked = scan.roles_in(sentence) & {Role.ADD, Role.NEW, Role.REPLACE, Role.WRONG}
        if asked and any(x.column is mention.column for x in scan.labels_of.get(sentence, ())):
            return True
    return False


def _read(scan: Scan, words: Vocabulary, said: Sequence[Said], settled: Sequence[Mention], who: naming.Sender) -> Read:
    made, why = _paired(said, settled, who)
    why += _doubts(scan, words, said, settled, who)
    why += [f"{column.value} named" for column in doubts.unread(scan, {c.column for c in made} | {s.column for s in said})]
    if made and _left_over(scan, words, made, settled, who):
        why.append("left over")
    return Read(tuple(made), bool(why), tuple(said), tuple(why))


def _paired(said: Sequence[Said], settled: Sequence[Mention], who: naming.Sender) -> tuple[list[Change], list[str]]:
    """One change for each field that has one new value, and why there may be more or fewer."""
    why: list[str] = []
    made: list[Change] = []
    for column in Column:
        new = list(dict.fromkeys(s.text for s in said if s.column is column and s.role is Role.NEW))
        old = list(dict.fromkeys(s.text for s in said if s.column is column and s.role is Role.OLD))
        if column is Column.NAME:
            new, old = _names(new, old, who, [m.text for m in settled if m.column is Column.NAME])
        if len(new) > 1 or len(old) > 1:
            why.append(f"several {column.value}")
        if not new and old and column not in _PARTS:
            why.append(f"old {column.value} alone")
        if len(new) == 1 and old != new:
            made.append(Change(column, new[0], old[0] if len(old) == 1 else None))
    return made, why


def _doubts(scan: Scan, words: Vocabulary, said: Sequence[Said], settled: Sequence[Mention], who: naming.Sender) -> list[str]:
    """A value of which nothing was understood, a value of somebody else, values that stand elsewhere."""
    why = []
    silent = [m for m in settled if m.strict and m.family in _TYPED and m.role is None and not any(_said(scan, words, m))]
    if not all(settle.signs(scan, m, who) for m in silent):
        why.append("unexplained")
    if any(doubts.others(scan, words, m, who) for m in settled if m.role is Role.NEW or m.weak):
        why.append("somebody else's")
    if doubts.elsewhere(scan, max((s.span[1] for s in said), default=0)):
        why.append("stands elsewhere")
    return why


def _left_over(scan: Scan, words: Vocabulary, made: Sequence[Change], settled: Sequence[Mention], who: naming.Sender) -> bool:
    """Whether a text with a role found no field, a business no role, or a word behind "it is" nothing at all."""
    if any(m.family is Family.TEXT and m.role in {Role.NEW, Role.OLD} and not m.parts for m in settled):
        return True
    told = {c.new for c in made} | {c.old for c in made}
    business = any(c.column is Column.COMPANY for c in made)
    if business and any(m.column is Column.COMPANY and m.role is None and m.text not in told for m in settled):
        return True
    return doubts.left(scan, words, settled, who)


def _names(new: list[str], old: list[str], who: naming.Sender, told: Sequence[str]) -> tuple[list[str], list[str]]:
    """Names told in part are completed, and the shorter of two that mean the same gives way."""
    own = [n for n in new if naming.same(n, who.name)]
    if own and len(new) > 1:
        old = [*old, *(n for n in new if n not in own and naming.misspelt(naming.parts(n), who) and len(naming.parts(n)) > 1)]
        new = [n for n in new if n not in old]
    if own and not old:
        return [], []
    if any(naming.turned(o, who.name) for o in old):
        new = [who.name]
    known = set(naming.parts(who.name))
    if len(new) == len(old) == 1 and (renamed := naming.renamed(new[0], old[0], who)):
        return [renamed], [who.name]
    old = [o for o in old if not all(w in known or len(w) == 1 for w in naming.parts(o)) or set(naming.parts(o)) == known]
    if old and not new and who.name and all(naming.misspelt(naming.parts(o), who) for o in old):
        words = set(naming.parts(who.name))
        new = (
            [who.name] if any(set(naming.parts(t)) <= words and not set(naming.parts(t)) <= set(naming.parts(old[0])) for t in told) else []
        )
    first_old = max(old, key=len, default="")
    full = list(dict.fromkeys(naming.complete(n, first_old, who) for n in new))
    first_new = max(full, key=len, default="")
    past = list(dict.fromkeys(naming.complete(o, first_new, naming.Sender()) for o in old))
    return _longest(full), _longest(past)


def _longest(names: list[str]) -> list[str]:
    return [n for n in names if not any(n != other and set(naming.parts(n)) < set(naming.parts(other)) for other in names)]
