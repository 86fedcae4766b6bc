"""Values out of the sender's own words: who he says he is, and for corrections field, old and new.

Three steps: ``shapes`` finds typed values (addresses, numbers, e-mail), cues around them say old or new, labels and
cues find untyped ones (names, functions). Nothing is read from quotes, signatures or boilerplate. What is ambiguous is
reported as doubtful, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from worker.rules.mail import InboundMail
from worker.rules.model import Change, Column, Language
from worker.rules.reading import shapes
from worker.rules.reading.model import Evidence, Fields, Part
from worker.rules.reading.shapes import Value
from worker.rules.reading.strip import Stripped
from worker.rules.reading.tokens import fold

MOST_CHARACTERS: Final = 6_000  # of own text that are searched for values
MOST_VALUES: Final = 40
NEAREST_LABEL: Final = 60  # characters before a value in which its label may stand

NEW: Final = "new"
OLD: Final = "old"
_ADJACENT: Final = {"into": NEW, "not": OLD, "from": OLD}  # roles that only a cue directly before a value gives
_BEHIND: Final = ("turns", "old_after")  # tables of cues that stand behind a value

_IBAN: Final = re.compile(r"\b[A-Z]{2}\d{2}(?:[ .-]?[A-Z0-9]{4}){2,7}(?:[ .-]?[A-Z0-9]{1,3})?\b")
_ARROW: Final = re.compile(r"\s{0,3}(?:->|=>|→|—>|>>)\s{0,3}")
# A point belongs to an initial only: behind a whole word it ends the sentence.
_NAME: Final = r"(?:(?:[^\W\d_]\.-?){1,3}|[^\W\d_][\w'’-]{0,30})(?: (?:(?:[^\W\d_]\.-?){1,3}|[^\W\d_][\w'’-]{0,30})){0,4}"
_CAPITALS: Final = re.compile(
    r"[\"'“”«„‘]?(?P<value>[A-ZÀ-Þ][\w'’.&-]{0,40}(?:[ ](?:[A-ZÀ-Þ&][\w'’.&-]{0,40}|van|de|der|den|von|du|la|le|of|and|et|en|und|und|für|for|di|'t|ter|ten){1,2}){0,5})"
)
_PERSON: Final = re.compile(
    r"(?:(?:[A-ZÀ-Þ]\.-?){1,3}|[A-ZÀ-Þ][\w'’-]{0,30})"
    r"(?: (?:(?:van|de|der|den|von|zu|du|la|le|di|'t|ter|ten) ){0,3}(?:(?:[A-ZÀ-Þ]\.-?){1,3}|[A-ZÀ-Þ][\w'’-]{0,30})){0,4}"
)
_TEXTUAL: Final = (Column.NAME, Column.COMPANY, Column.FUNCTION, Column.OFFICE, Column.TOWN, Column.STREET, Column.COUNTRY)
_SHORT: Final = {
    Column.NUMBER: re.compile(r"\d{1,4} ?[a-zA-Z]?\b"),
    Column.BOX: re.compile(r"[\w.]{1,5}\b"),
    Column.POSTCODE: shapes.POSTCODE,
}


@dataclass(frozen=True, slots=True)
class Values:
    """Compiled cues and labels of all languages, from ``[fields]``, ``[cues]`` and ``[extract]``."""

    cue: re.Pattern[str]
    roles: Mapping[str, str]  # folded cue -> what it says of the value behind it
    behind: re.Pattern[str]  # cues behind a value that make it the old one
    label: re.Pattern[str]
    columns: Mapping[str, Column | None]  # folded label -> column; None is a whole address
    customer_number: re.Pattern[str]
    introduced: re.Pattern[str]

    @classmethod
    def from_data(cls, data: Mapping[str, Mapping[str, Any]]) -> Values:
        """Compile; raises ``ValueError`` for a field that is no column."""
        roles: dict[str, str] = {}
        behind: set[str] = set()
        columns: dict[str, Column | None] = {}
        for table in data.values():
            for role, words in table.get("cues", {}).items():
                folded = {fold(word) for word in words}
                if role in _BEHIND:
                    behind |= folded
                else:
                    roles.update(dict.fromkeys(folded, role))
            for name, words in table.get("fields", {}).items():
                columns.update({fold(word): None if name == "address" else Column(name) for word in words})
        shared = data["shared"]["extract"]
        return cls(
            _longest_first(roles),
            roles,
            _longest_first(behind),
            _longest_first(columns),
            columns,
            re.compile(str(shared["customer_number"])),
            _any(data, "introduced", _NAME),
        )


def _longest_first(words: Iterable[str]) -> re.Pattern[str]:
    ordered = sorted(words, key=lambda w: (-len(w), w))
    return re.compile(r"(?<!\w)(?:" + "|".join(re.escape(w) for w in ordered) + r")(?!\w)")


def _any(data: Mapping[str, Mapping[str, Any]], name: str, value: str) -> re.Pattern[str]:
    parts = [
        p.replace("{name}", f"(?P<v{i}>{value})")
        for i, p in enumerate(p for t in data.values() for p in t.get("extract", {}).get(name, ()))
    ]
    return re.compile("|".join(parts or ["(?!)"]))


@dataclass(frozen=True, slots=True)
class Extraction:
    """What was read. ``doubtful``: a value whose role or column is unclear, so that no change is complete."""

    fields: Fields = field(default_factory=Fields)
    doubtful: bool = False
    bank: bool = False
    because: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class _Own:
    """The sender's own words as one text: everything else is blanked, so that offsets stay."""

    text: str
    low: str


def extract(mail: InboundMail, stripped: Stripped, language: Language, values: Values) -> Extraction:
    """Read all values of ``mail``."""
    own = _own(mail.text, stripped)
    typed = shapes.find(own.text, language)[:MOST_VALUES]
    changes, doubtful, because = _changes(own, typed, values)
    changed = {c.new for c in changes} | {c.old for c in changes}
    emails = [v.text for v in typed if v.kind is shapes.Kind.EMAIL and v.text not in changed]
    fields = Fields(_name(own, values, changes), emails[0] if emails else None, _number(own, mail, values), changes)
    return Extraction(fields, doubtful, bool(_IBAN.search(own.text)), because)


def fold_same(text: str) -> str:
    """Folded character by character, so that every offset stays; the few letters that grow keep their own form."""
    low = text.lower()
    if len(low) != len(text):
        low = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
    if low.isascii():
        return low
    return "".join(c if c.isascii() else _one(c) for c in low).replace("\u2019", "'")


def _one(char: str) -> str:
    folded = fold(char)
    return folded if len(folded) == 1 else char


def _own(text: str, stripped: Stripped) -> _Own:
    parts: list[str] = []
    at = 0
    for start, end in stripped.own:
        if start >= MOST_CHARACTERS:
            break
        parts += [re.sub(r"[^\n]", " ", text[at:start]), text[start:end]]
        at = end
    own = "".join(parts)[:MOST_CHARACTERS]
    return _Own(own, fold_same(own))


def _name(own: _Own, values: Values, changes: Sequence[Change]) -> str | None:
    match = values.introduced.search(own.text)
    if match is None:
        return None
    name = next(v for v in match.groupdict().values() if v).strip(" .,")
    name = _capitalised(name)
    return None if not name or any(c.column is Column.NAME and c.new == name for c in changes) else name


def _capitalised(name: str) -> str:
    """The words of a name up to the first that belongs to the sentence again."""
    match = _PERSON.match(name)
    return match.group().strip(" .,") if match else ""


def _number(own: _Own, mail: InboundMail, values: Values) -> str | None:
    for text, low in ((own.text, own.low), (mail.subject, fold_same(mail.subject))):
        match = values.customer_number.search(low)
        if match is not None:
            return text[slice(*match.span("value"))].strip(" .-/")
    return None


@dataclass(frozen=True, slots=True)
class _Said:
    """One value with its column, and old or new."""

    column: Column
    role: str
    text: str
    span: tuple[int, int]


def _changes(own: _Own, typed: Sequence[Value], values: Values) -> tuple[tuple[Change, ...], bool, tuple[Evidence, ...]]:
    said = [*_typed(own, typed, values), *_textual(own, typed, values), *_listed(own, typed, values)]
    changes: list[Change] = []
    doubtful = False
    for column in Column:
        new = list(dict.fromkeys(s.text for s in said if s.column is column and s.role == NEW))
        old = list(dict.fromkeys(s.text for s in said if s.column is column and s.role == OLD))
        if len(new) == 1 and (not old or old[0] != new[0] or len(old) > 1):
            changes.append(Change(column, new[0], old[0] if len(old) == 1 else None))
        doubtful = doubtful or len(new) > 1 or len(old) > 1 or bool(old and not new and column not in _PARTS)
    because = tuple(Evidence(f"value.{s.column.value}.{s.role}", Part.BODY, s.span, own.text[slice(*s.span)]) for s in said)
    return tuple(changes), doubtful, because


_PARTS: Final = frozenset({Column.BOX, Column.COUNTRY, Column.POSTCODE, Column.TOWN, Column.NUMBER, Column.STREET})


def _typed(own: _Own, typed: Sequence[Value], values: Values) -> Iterable[_Said]:
    """Old or new for every typed value; a value that identifies the sender is neither."""
    for at, value in enumerate(typed):
        begin = _begin(own.low, typed[at - 1].end if at else 0, value.start)
        before = own.low[begin : value.start]
        following = typed[at + 1].start if at + 1 < len(typed) else value.end + 60
        after = own.low[value.end : min(following, value.end + 60)].split("\n\n")[0]
        role = _role(before, after, values)
        if role in {NEW, OLD}:
            yield from _parts(value, role, own.low[_begin(own.low, 0, value.start) : value.start], values)


def _begin(low: str, after: int, start: int) -> int:
    """Where the words that speak of the value at ``start`` begin: its sentence, not before the value before it."""
    window = max(after, start - 140)
    cuts = [low.rfind(mark, window, start) for mark in ("\n\n", ". ", "? ", "! ", ".\n")]
    return max(window, max(cuts) + 1)


def _role(before: str, after: str, values: Values) -> str:
    """The last cue before a value decides; an arrow or "becomes" behind it makes it the old one."""
    turned = _turned(after, values)
    if _ARROW.search(before[-6:]):
        return NEW
    cues = [(m.end(), values.roles[m.group()]) for m in values.cue.finditer(before)]
    role = ""
    for end, name in cues:
        adjacent = not before[end:].strip(" :,\n\t\"'“„«(")
        if name not in _ADJACENT:
            role = role if name == "weak" else name
        elif adjacent and (name != "from" or turned):
            role = _ADJACENT[name]
    if turned:
        return OLD
    replaces = next((values.roles[m.group()] for m in [values.cue.match(after.lstrip(" ,(;"))] if m), "")
    return role or (NEW if replaces in {OLD, "not"} else "")


def _turned(after: str, values: Values) -> bool:
    """Do the words behind a value make it the old one ("becomes", "is no longer right")? Not "in" of "in place of"."""
    if _ARROW.match(after):
        return True
    rest = after.lstrip(" ,(;\"'”»")
    behind, cue = values.behind.match(rest), values.cue.match(rest)
    return bool(behind) and not (cue and behind and cue.end() > behind.end())


def _parts(value: Value, role: str, before: str, values: Values) -> Iterable[_Said]:
    if value.kind is shapes.Kind.PHONE:
        yield _Said(_phone_column(value, before, values), role, value.text, (value.start, value.end))
    elif value.kind is shapes.Kind.EMAIL:
        yield _Said(Column.EMAIL, role, value.text, (value.start, value.end))
    else:
        for column, text in value.parts:
            yield _Said(column, role, text, (value.start, value.end))


def _phone_column(value: Value, before: str, values: Values) -> Column:
    labels = [values.columns[m.group()] for m in values.label.finditer(before[-NEAREST_LABEL:])]
    said = [c for c in labels if c in {Column.TELEPHONE, Column.MOBILE, Column.FAX}]
    exact = [c for c in said if c is not Column.TELEPHONE]
    if exact:
        return exact[-1]
    return Column.TELEPHONE if said else value.column


def _textual(own: _Own, typed: Sequence[Value], values: Values) -> Iterable[_Said]:
    """Names, companies, functions, house numbers: after a label and a cue, in the same sentence."""
    taken = [(v.start, v.end) for v in typed]
    for start, end in _pieces(own.low):
        labels = [m for m in values.label.finditer(own.low, start, end) if values.columns[m.group()] in {*_TEXTUAL, *_SHORT}]
        if not labels:
            continue
        column = values.columns[labels[0].group()]
        if column is not None and len({values.columns[m.group()] for m in labels}) == 1:
            yield from _after_cues(own, column, labels[0].start(), (start, end), taken, values)


def _listed(own: _Own, typed: Sequence[Value], values: Values) -> Iterable[_Said]:
    """Lines of a list, "Street: ...": the parts of an address, which nobody gives to identify himself."""
    for start, end in _pieces(own.low):
        begin = start + len(own.low[start:end]) - len(own.low[start:end].lstrip(" \t*-"))
        label = values.label.match(own.low, begin, end)
        column = values.columns[label.group()] if label else None
        if label is None or column not in _PARTS or not own.low[label.end() : end].lstrip().startswith((":", "=")):
            continue
        found = _value_at(own, column, label.end(), end, values)
        if found is not None and not any(v.start <= found[0] < v.end for v in typed):
            yield _Said(column, NEW, found[1], (found[0], found[0] + len(found[1])))


def _pieces(low: str) -> Iterable[tuple[int, int]]:
    """Sentences and lines, cheaply."""
    at = 0
    for match in re.finditer(r"[.!?](?=\s)|\n", low):
        if match.end() - at > 3:  # noqa: PLR2004 - shorter than any sentence with a value
            yield at, match.end()
        at = match.end()
    if len(low) - at > 3:  # noqa: PLR2004
        yield at, len(low)


def _after_cues(
    own: _Own, column: Column, label: int, piece: tuple[int, int], taken: Sequence[tuple[int, int]], values: Values
) -> Iterable[_Said]:
    cues = list(values.cue.finditer(own.low, *piece))
    said = False
    for at, cue in enumerate(cues):
        name = values.roles[cue.group()]
        limit = cues[at + 1].start() if at + 1 < len(cues) else piece[1]
        found = _value_at(own, column, cue.end(), limit, values)
        if found is None or any(s <= found[0] < e for s, e in taken):
            said = said or name in {NEW, OLD}
            continue
        end = found[0] + len(found[1])
        turned = _turned(own.low[end : end + 40], values)
        role = _ADJACENT.get(name, name)
        if name == "weak":
            replaces = at + 1 < len(cues) and values.roles[cues[at + 1].group()] in {OLD, "not"}
            role = NEW if cue.start() > label and (said or replaces) else ""
        if name == "from" and not turned:
            role = ""
        if role in {NEW, OLD}:
            said = True
            yield _Said(column, OLD if turned else role, found[1], (found[0], end))
    yield from _arrowed(own, column, piece)


def _arrowed(own: _Own, column: Column, piece: tuple[int, int]) -> Iterable[_Said]:
    arrow = _ARROW.search(own.text, *piece)
    if arrow is None:
        return
    new = _shaped(own.text, column, arrow.end(), piece[1])
    if new is not None:
        yield _Said(column, NEW, new[1], (new[0], new[0] + len(new[1])))


def _value_at(own: _Own, column: Column, start: int, limit: int, values: Values) -> tuple[int, str] | None:
    """The value right behind a cue, past blanks, quotes and a repeated label."""
    begin = start
    while begin < limit and own.text[begin] in " :\t\"'“”«„‘,=":
        begin += 1
    label = values.label.match(own.low, begin, limit)
    if label is not None:
        return _value_at(own, column, label.end(), limit, values)
    return _shaped(own.text, column, begin, limit)


def _shaped(text: str, column: Column, begin: int, limit: int) -> tuple[int, str] | None:
    pattern = _SHORT.get(column, _CAPITALS)
    match = pattern.match(text, begin, limit)
    if match is None:
        return None
    found = match.group("value") if "value" in pattern.groupindex else match.group()
    found = found.strip(" .,;:\"'“”»")
    return (match.start(), found) if found and (column is not Column.BOX or any(c.isdigit() for c in found) or len(found) == 1) else None
