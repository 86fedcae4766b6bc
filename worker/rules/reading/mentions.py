"""Everything in a mail that may be a value: strict ones, which their form gives away, and loose ones, which the words around them do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from worker.rules.model import Column, Language
from worker.rules.reading import addresses, phones, texts
from worker.rules.reading.values import Family, Mention
from worker.rules.reading.vocabulary import Kind, LabelAt, Scan, Vocabulary

MOST_STRICT: Final = 60  # values that are looked at
MOST_LOOSE: Final = 160
LABEL_REACH: Final = 6  # tokens between a label and its value
_TIME: Final = re.compile(r"\d{1,2}\.\d\d")
_PHONES: Final = frozenset({Column.TELEPHONE, Column.MOBILE, Column.FAX})
_SMALL: Final = frozenset({Column.NUMBER, Column.BOX, Column.POSTCODE, Column.OFFICE})


def find(scan: Scan, words: Vocabulary, language: Language, sender: Sequence[str]) -> list[Mention]:
    """All mentions in order, none overlapping another. ``sender``: the folded words of the sender's name."""
    strict = [*_typed(scan, language), *_addresses(scan, words)]
    strict = _apart(sorted(strict, key=lambda m: m.start))[:MOST_STRICT]
    streets = [_of_address(a) for a in addresses.streets_alone(scan, words, [(m.start, m.end) for m in strict])]
    boxes = _boxes(scan, words)
    loose = [*texts.find(scan, words, sender), *_numbers(scan), *texts.runs(scan, words, sender)]
    found = _first(strict, boxes, streets, loose)
    return found[: MOST_STRICT + MOST_LOOSE]


def _first(*ranks: Iterable[Mention]) -> list[Mention]:
    """Where mentions overlap, the one found first stays."""
    taken: set[int] = set()
    kept: list[Mention] = []
    for mention in (m for rank in ranks for m in rank):
        span = range(mention.start, mention.end)
        if span and taken.isdisjoint(span):
            taken.update(span)
            kept.append(mention)
    return sorted(kept, key=lambda m: m.start)


def _apart(mentions: list[Mention]) -> list[Mention]:
    kept: list[Mention] = []
    for mention in mentions:
        if not kept or mention.start >= kept[-1].end:
            kept.append(mention)
    return kept


def _typed(scan: Scan, language: Language) -> Iterable[Mention]:
    for index, token in enumerate(scan.tokens):
        text = scan.text[token.start : token.end]
        text = text[1:] if text[:1] == "(" and ")" not in text else text
        if token.kind is Kind.EMAIL:
            yield Mention(Family.EMAIL, index, index + 1, ((Column.EMAIL, text),), text, Column.EMAIL, strict=True)
        elif token.kind is Kind.PHONE:
            kind = phones.kind(text, language)
            if kind is not None:
                column = _phone_column(scan, index) or _phone_before(scan, index) or kind
                yield Mention(Family.PHONE, index, index + 1, ((column, text),), text, column, strict=True)


def _phone_column(scan: Scan, index: int) -> Column | None:
    """The column that a word beside a number names: before it in its sentence, or in brackets behind it."""
    sentence = scan.sentence[index]
    before = [x for x in scan.labels_of.get(sentence, ()) if x.end <= index and x.column in {*_PHONES, Column.OFFICE}]
    if before and not any(t.kind in {Kind.PHONE, Kind.EMAIL} for t in scan.tokens[before[-1].end : index]):
        return _exact(before, index)
    for label in scan.labels_of.get(sentence, ()):
        behind = 0 < label.start - index <= LABEL_REACH
        between = scan.tokens[index + 1 : label.start] if behind else ()
        if behind and label.column in _PHONES and not any(t.kind is Kind.PHONE or t.low == "," for t in between):
            return label.column
    if before:
        return before[-1].column
    return _letter(scan, index)


def _phone_before(scan: Scan, index: int) -> Column | None:
    """A fax or a mobile telephone that the sentence before, or the subject, is about."""
    for sentence in (scan.sentence[index] - 1, 0):
        columns = {x.column for x in scan.labels_of.get(sentence, ()) if x.column in _PHONES}
        if columns:
            return columns.pop() if len(columns) == 1 and Column.TELEPHONE not in columns else None
    return None


def _exact(before: Sequence[LabelAt], index: int) -> Column | None:
    """The nearest label, but "téléphone portable" is mobile, and an office says something only where nothing else does."""
    near = [x.column for x in before if index - x.end <= 3 * LABEL_REACH]
    exact = [c for c in near if c in {Column.MOBILE, Column.FAX}]
    last = near[-1] if near else before[-1].column
    if last is Column.TELEPHONE and exact and near[-2:-1] == exact[-1:] and before[-1].start - before[-2].end <= 1:
        return exact[-1]
    return last


def _letter(scan: Scan, index: int) -> Column | None:
    """What the letter of a visiting card says: "T 02 ...", "M 0470 ...", "F 02 ..."."""
    for back in (1, 2):
        if index >= back:
            known = {"t": Column.TELEPHONE, "m": Column.MOBILE, "f": Column.FAX}.get(scan.tokens[index - back].low)
            if known is not None:
                return known
    return None


def _addresses(scan: Scan, words: Vocabulary) -> Iterable[Mention]:
    return (_of_address(a) for a in addresses.find(scan, words))


def _of_address(address: addresses.Address) -> Mention:
    return Mention(Family.ADDRESS, address.start, address.end, address.parts, strict=len(address.parts) > 1)


def _boxes(scan: Scan, words: Vocabulary) -> list[Mention]:
    """Boxes, flats and stairs: "bus 4", "Box 301", "Stiege 3, Tür 14"."""
    found: list[Mention] = []
    for index, token in enumerate(scan.tokens):
        if not words.has("boxes", token.low):
            continue
        at = index + 1
        if at < len(scan.tokens) and scan.tokens[at].low in {":", ".", "n°", "nr"}:
            at += 1
        if at >= len(scan.tokens) or not _is_small(scan, at):
            continue
        text = addresses.box_text(words, scan.words(index, index + 1), scan.words(at, at + 1))
        last = found[-1] if found else None
        if last is not None and last.end == index - 1 and scan.tokens[index - 1].low == ",":
            found[-1] = _box(last.start, at + 1, f"{last.text}, {text}")
        else:
            found.append(_box(index, at + 1, text))
    return found


def _box(start: int, end: int, text: str) -> Mention:
    return Mention(Family.SMALL, start, end, ((Column.BOX, text),), text, Column.BOX)


def _is_small(scan: Scan, index: int) -> bool:
    token = scan.tokens[index]
    if token.kind in {Kind.NUMBER, Kind.CODE}:
        return len(token.low) <= 8  # noqa: PLR2004 - characters
    return token.kind is Kind.WORD and len(token.low) == 1 and token.capital


def _numbers(scan: Scan) -> Iterable[Mention]:
    """Small numbers and codes; the letter of "B 2.14" and of "3012 AB" belongs to them."""
    for index, token in enumerate(scan.tokens):
        if token.kind not in {Kind.NUMBER, Kind.CODE}:
            continue
        postcode, end = addresses.postcode_at(scan, index)
        start = index
        if not postcode or end == index + 1:
            end = index + 1
            lead = scan.tokens[index - 1] if index else None
            if lead is not None and lead.capital and len(lead.low) == 1 and token.start - lead.end == 1:
                start = index - 1
        start = _with_room(scan, start)
        text = scan.words(start, end)
        if end - start <= 2 and not _year(scan, index):  # noqa: PLR2004 - tokens
            yield Mention(Family.SMALL, start, end, (), text, _small_column(scan, start, lettered=bool(postcode) and end > index + 1))


def _year(scan: Scan, index: int) -> bool:
    """A number like a time or a year, with no room or postcode named in its sentence, the one before or the subject."""
    low = scan.tokens[index].low
    lettered = index > 0 and scan.tokens[index - 1].capital and len(scan.tokens[index - 1].low) == 1
    if _TIME.fullmatch(low) and not lettered and _label_near(scan, index, LABEL_REACH, _SMALL) is None:
        return not any(x.column is Column.OFFICE for x in scan.labels_of.get(0, ()))
    if not (len(low) == 4 and low.isdigit() and "1900" <= low <= "2039"):  # noqa: PLR2004 - digits
        return False
    sentences = (0, scan.sentence[index] - 1, scan.sentence[index])
    return not any(x.column is Column.POSTCODE for at in sentences for x in scan.labels_of.get(at, ()))


def _with_room(scan: Scan, start: int) -> int:
    """In "my office is now Room 3.14" the word before the number belongs to the value."""
    office = [x for x in scan.labels_of.get(scan.sentence[start], ()) if x.column is Column.OFFICE and x.end <= start]
    return office[-1].start if len(office) > 1 and office[-1].end == start and office[-2].end < office[-1].start else start


def _small_column(scan: Scan, start: int, *, lettered: bool) -> Column | None:
    """What a label close before or behind says, or the form of a postcode with letters."""
    if any(x.column is Column.OFFICE and x.start == start for x in scan.labels_of.get(scan.sentence[start], ())):
        return Column.OFFICE
    label = _label_near(scan, start, LABEL_REACH, _SMALL)
    if label is not None:
        return label
    return Column.POSTCODE if lettered else None


def _label_near(scan: Scan, start: int, reach: int, columns: Iterable[Column]) -> Column | None:
    wanted = set(columns)
    near = [
        (start - x.end, x.column)
        for x in scan.labels_of.get(scan.sentence[start], ())
        if x.column in wanted and 0 <= start - x.end <= reach
    ]
    return min(near, key=lambda pair: pair[0])[1] if near else None
