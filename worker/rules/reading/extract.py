"""Values out of the sender's own words: who he says he is, and for corrections field, old and new.

Three steps: ``shapes`` finds typed values (addresses, numbers, e-mail), cues around them say old or new, labels and
cues find untyped ones (names, functions). Nothing is read from quotes, signatures or boilerplate. What is ambiguous is
reported as doubtful, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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
CONTACT: Final = "contact"

_IBAN: Final = re.compile(r"\b[A-Z]{2}\d{2}(?:[ .-]?[A-Z0-9]{4}){2,7}(?:[ .-]?[A-Z0-9]{1,3})?\b")
_ARROW: Final = re.compile(r"\s{0,3}(?:->|=>|→|—>|>>)\s{0,3}")
_NAME: Final = r"[^\W\d_][\w'’.-]{0,30}(?: [^\W\d_][\w'’.-]{0,30}){0,4}"
_CAPITALS: Final = re.compile(r"[\"'“”«„‘]?(?P<value>[A-ZÀ-Þ][\w'’.&-]{0,40}(?:[ ](?:[A-ZÀ-Þ&][\w'’.&-]{0,40}|van|de|der|den|von|du|la|le|of|and|et|en|und|und|für|for|di|'t|ter|ten){1,2}){0,5})")
_TEXTUAL: Final = (Column.NAME, Column.COMPANY, Column.FUNCTION, Column.OFFICE, Column.TOWN, Column.STREET, Column.COUNTRY)
_SHORT: Final = {Column.NUMBER: re.compile(r"\d{1,4} ?[a-zA-Z]?\b"), Column.BOX: re.compile(r"[\w.]{1,5}\b"), Column.POSTCODE: shapes.POSTCODE}


@dataclass(frozen=True, slots=True)
class Values:
    """Compiled cues and labels of all languages, from ``[fields]``, ``[cues]`` and ``[extract]``."""

    cue: re.Pattern[str]
    roles: Mapping[str, str]  # folded cue -> old, new, contact
    label: re.Pattern[str]
    columns: Mapping[str, Column | None]  # folded label -> column; None is a whole address
    customer_number: re.Pattern[str]
    introduced: re.Pattern[str]
    spam: re.Pattern[str]
    bank_change: re.Pattern[str]

    @classmethod
    def from_data(cls, data: Mapping[str, Mapping[str, Any]]) -> Values:
        """Compile; raises ``ValueError`` for a field that is no column."""
        roles: dict[str, str] = {}
        columns: dict[str, Column | None] = {}
        for table in data.values():
            for role, words in table.get("cues", {}).items():
                roles.update({fold(word): role for word in words})
            for name, words in table.get("fields", {}).items():
                columns.update({fold(word): None if name == "address" else Column(name) for word in words})
        shared = data["shared"]["extract"]
        return cls(
            _longest_first(roles),
            roles,
            _longest_first(columns),
            columns,
            re.compile(str(shared["customer_number"]), re.IGNORECASE),
            _any(data, "introduced", _NAME),
            _any(data, "spam"),
            _any(data, "bank_change"),
        )


def _longest_first(words: Iterable[str]) -> re.Pattern[str]:
    ordered = sorted(words, key=lambda w: (-len(w), w))
    return re.compile(r"(?<!\w)(?:" + "|".join(re.escape(w) for w in ordered) + r")(?!\w)")


def _any(data: Mapping[str, Mapping[str, Any]], name: str, value: str = "") -> re.Pattern[str]:
    parts = [p.replace("{name}", f"(?P<v{i}>{value})") for i, p in enumerate(p for t in data.values() for p in t.get("extract", {}).get(name, ()))]
    return re.compile("|".join(parts or ["(?!)"]), re.IGNORECASE if not value else 0)


@dataclass(frozen=True, slots=True)
class Extraction:
    """What was read. ``doubtful``: a value whose role or column is unclear, so that no change is complete."""

    fields: Fields = Fields()
    doubtful: bool = False
    bank: bool = False
    bank_change: bool = False
    spam: bool = False
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
    bank = bool(_IBAN.search(own.text))
    return Extraction(
        fields,
        doubtful,
        bank or bool(values.bank_change.search(own.low)),
        bool(values.bank_change.search(own.low)),
        bool(values.spam.search(own.low) or values.spam.search(fold_same(mail.subject))),
        because,
    )


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
    match = _CAPITALS.match(name)
    return match.group("value").strip(" .,") if match else ""


def _number(own: _Own, mail: InboundMail, values: Values) -> str | None:
    match = values.customer_number.search(own.text) or values.customer_number.search(mail.subject)
    return match.group("value").strip(" .-/") if match else None


@dataclass(frozen=True, slots=True)
class _Said:
    """One value with its column, and old or new."""

    column: Column
    role: str
    text: str
    at: int
    sure: bool = True


def _changes(own: _Own, typed: Sequence[Value], values: Values) -> tuple[tuple[Change, ...], bool, tuple[Evidence, ...]]:
    said = [*_typed(own, typed, values), *_textual(own, typed, values)]
    changes: list[Change] = []
    doubtful = any(not s.sure for s in said)
    for column in Column:
        new = list(dict.fromkeys(s.text for s in said if s.column is column and s.role == NEW))
        old = list(dict.fromkeys(s.text for s in said if s.column is column and s.role == OLD))
        if len(new) == 1 and (not old or old[0] != new[0] or len(old) > 1):
            changes.append(Change(column, new[0], old[0] if len(old) == 1 else None))
        doubtful = doubtful or len(new) > 1 or len(old) > 1 or bool(old and not new and column not in _PARTS)
    because = tuple(Evidence(f"value.{s.column.value}.{s.role}", Part.BODY, (s.at, s.at + len(s.text)), s.text) for s in said if s.role in {NEW, OLD})
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
    """The last cue before a value decides; an arrow or "becomes" after it makes it the old one."""
    if _ARROW.match(after):
        return OLD
    if _ARROW.search(before[-6:]):
        return NEW
    cues = [values.roles[m.group()] for m in values.cue.finditer(before)]
    role = cues[-1] if cues else ""
    behind = values.cue.match(after.lstrip(" ,(;\n"))
    if behind and values.roles[behind.group()] in {"turns", OLD + "_after"}:
        return OLD
    if role == "weak":
        return next((c for c in reversed(cues) if c != "weak"), NEW)
    return role


def _parts(value: Value, role: str, before: str, values: Values) -> Iterable[_Said]:
    if value.kind is shapes.Kind.PHONE:
        yield _Said(_phone_column(value, before, values), role, value.text, value.start)
    elif value.kind is shapes.Kind.EMAIL:
        yield _Said(Column.EMAIL, role, value.text, value.start)
    else:
        for column, text in value.parts:
            yield _Said(column, role, text, value.start)


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


def _pieces(low: str) -> Iterable[tuple[int, int]]:
    """Sentences and lines, cheaply."""
    at = 0
    for match in re.finditer(r"[.!?](?=\s)|\n", low):
        if match.end() - at > 3:  # noqa: PLR2004 - shorter than any sentence with a value
            yield at, match.end()
        at = match.end()
    if len(low) - at > 3:  # noqa: PLR2004
        yield at, len(low)


def _after_cues(own: _Own, column: Column, label: int, piece: tuple[int, int], taken: Sequence[tuple[int, int]], values: Values) -> Iterable[_Said]:
    cues = [m for m in values.cue.finditer(own.low, *piece)]
    strong = [m for m in cues if values.roles[m.group()] in {NEW, OLD, "turns"}]
    if not strong:
        return
    for at, cue in enumerate(cues):
        role = values.roles[cue.group()]
        limit = cues[at + 1].start() if at + 1 < len(cues) else piece[1]
        found = _value_at(own, column, cue.end(), limit, values)
        if found is None or role not in {NEW, OLD, "turns", "weak"} or any(s <= found[0] < e for s, e in taken):
            continue
        if role == "weak" and not any(values.roles[m.group()] == NEW for m in cues[: at + 1]) and cue.start() < label:
            continue
        following = values.roles[cues[at + 1].group()] if at + 1 < len(cues) else ""
        turned = following == "turns" or bool(_ARROW.match(own.low, found[0] + len(found[1])))
        yield _Said(column, OLD if turned or role == OLD else NEW, found[1], found[0])
    yield from _arrowed(own, column, piece)


def _arrowed(own: _Own, column: Column, piece: tuple[int, int]) -> Iterable[_Said]:
    arrow = _ARROW.search(own.text, *piece)
    if arrow is None:
        return
    new = _shaped(own.text, column, arrow.end(), piece[1])
    if new is not None:
        yield _Said(column, NEW, new[1], new[0])


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
