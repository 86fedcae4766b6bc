"""Postal addresses of our countries in the tokens of a mail: street, number, box, postcode, town, country.

Every house number is looked at once, with a bounded number of words before and behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from worker.rules.model import Column
from worker.rules.reading import streets
from worker.rules.reading.streets import Reader
from worker.rules.reading.vocabulary import Kind, Scan, Token, Vocabulary, fold_same

TOWN_WORDS: Final = 4
_HOUSE: Final = re.compile(r"\d{1,4}[a-z]?(?:-\d{1,3})?")
_DIGITS4: Final = re.compile(r"\d{4}")
_POSTCODE: Final = re.compile(r"(?:(?:b|f|d|l|ch|a|be|de|fr|at|lu)-)?\d{4,5}|\d{4}-\d{3}")
_BRITISH_OUT: Final = re.compile(r"[a-z]{1,2}\d[\da-z]?")
_BRITISH_IN: Final = re.compile(r"\d[a-z]{2}")
_EIRCODE_OUT: Final = re.compile(r"[a-z]\d[\dw]")
_EIRCODE_IN: Final = re.compile(r"[a-z][\da-z]{3}")
_BOX: Final = re.compile(r"[a-z]?\d{1,4}[a-z]?(?:[./]\d{1,3})?|[a-z]\d{0,4}|\d\.\d{1,2}")


@dataclass(frozen=True, slots=True)
class Address:
    """The parts of an address and the tokens ``start`` to before ``end`` in which it stands."""

    start: int
    end: int
    parts: tuple[tuple[Column, str], ...]
    sure: bool  # a word for street, or a postcode and a town, says that it is one


def find(scan: Scan, words: Vocabulary) -> list[Address]:
    """All addresses in ``scan``, in order, none overlapping another."""
    if not any(t.kind is Kind.NUMBER for t in scan.tokens):
        return []
    reader = Reader(scan, words, scan.labelled, scan.cued)
    found: list[Address] = []
    free = 0
    for index, token in enumerate(scan.tokens):
        if index < free or token.kind not in {Kind.NUMBER, Kind.CODE, Kind.WORD}:
            continue
        address = _at(reader, index, free, token)
        if address is not None:
            found.append(address)
            free = address.end
    return found


def _at(reader: Reader, index: int, free: int, token: Token) -> Address | None:
    if token.kind is Kind.NUMBER:
        return _house(reader, index, free) or _place_alone(reader, index)
    if token.kind is Kind.CODE or "-" in token.low:
        return _place_alone(reader, index)
    return None


def _house(reader: Reader, index: int, free: int) -> Address | None:
    """The address around the house number at ``index``."""
    if not _HOUSE.fullmatch(reader.low(index)):
        return None
    begin, last, sure = streets.before(reader, index, free)
    number, end = _number(reader, index)
    if begin < 0:
        begin, last, end = streets.behind(reader, index)
        if begin < 0:
            return None
        number, sure, start = reader.scan.words(index, index + 1), True, index
    else:
        start = begin
    parts = [(Column.STREET, reader.street(begin, last)), (Column.NUMBER, number)]
    box, end = _box_behind(reader, end)
    parts += box
    place, after = _place_behind(reader, end)
    if not place and not sure:
        return None
    if not box and place:
        box, after = _box_behind(reader, after)
        parts += box
    return Address(start, after, (*parts, *place), sure or Column.POSTCODE in dict(place))


def _number(reader: Reader, index: int) -> tuple[str, int]:
    """The house number with a letter that stands apart, "12 B", and where it ends."""
    token, behind = reader.at(index), reader.at(index + 1)
    if token is None:
        return "", index
    lone = behind is not None and behind.kind is Kind.WORD and len(behind.low) == 1 and behind.start - token.end <= 1
    if lone and behind is not None and (behind.capital or behind.low in "bcd") and not reader.is_word(index + 2):
        return reader.scan.words(index, index + 2), index + 2
    return reader.scan.words(index, index + 1), index + 1


def _box_behind(reader: Reader, end: int) -> tuple[list[tuple[Column, str]], int]:
    """A box, a flat or a stair: "bus 3", ", boîte 7B", "/2", "Top 11", "Haus C"."""
    at = end
    if reader.low(at) in {",", "-", "/"}:
        at += 1
    word = at
    if not reader.words.has("boxes", reader.low(word)):
        return [], end
    if reader.low(at + 1) == ".":
        at += 1
    if not _BOX.fullmatch(reader.low(at + 1)):
        return [], end
    value = box_text(reader.words, reader.scan.words(word, word + 1), reader.scan.words(at + 1, at + 2))
    return [(Column.BOX, value)], at + 2


def box_text(words: Vocabulary, word: str, value: str) -> str:
    """A box as a record holds it."""
    return f"{word} {value}" if words.has("named_boxes", fold_same(word)) else value


def _place_behind(reader: Reader, end: int) -> tuple[tuple[tuple[Column, str], ...], int]:
    """Postcode, town and country that follow a street on the same or the next line."""
    at = _past_remark(reader, end)
    if at == end and reader.low(at) in {",", "\n", "–", "-", "("}:
        at += 1
    at = _past(reader, at, 3)
    if reader.words.has("stay_words", reader.low(at)) or reader.words.has("stay_words", f"{reader.low(at)} {reader.low(at + 1)}"):
        return (), end
    preposed = at > end and reader.words.has("place_words", reader.low(at - 1))
    postcode, behind = postcode_at(reader.scan, at)
    if postcode:
        town, after = _town(reader, _past(reader, behind, 1))
        place = [(Column.POSTCODE, postcode)]
        if town:
            place.append((Column.TOWN, town))
            behind = after
        return _country(reader, place, behind)
    return _town_first(reader, at, end, preposed=preposed)


def _past_remark(reader: Reader, end: int) -> int:
    """Behind a remark in brackets: "(la maison verte)"; only if more of the address follows on the next line."""
    if reader.low(end) != "(":
        return end
    for at in range(end + 1, end + 10):
        if reader.low(at) == ")":
            return at + 2 if reader.low(at + 1) == "\n" else end
    return end


def _past(reader: Reader, at: int, most: int) -> int:
    for _ in range(most):
        if not (reader.words.has("place_words", reader.low(at)) or reader.low(at) == ","):
            break
        at += 1
    return at


def _town_first(reader: Reader, at: int, end: int, *, preposed: bool) -> tuple[tuple[tuple[Column, str], ...], int]:
    """The town before its postcode, "Leeds LS1 4GH", or alone after a preposition, "in Temse"."""
    town, after = _town(reader, at)
    if not town:
        return (), end
    behind = after + 1 if reader.low(after) in {",", "\n"} else after
    postcode, last = postcode_at(reader.scan, behind)
    if postcode and not postcode.isdigit():
        return _country(reader, [(Column.TOWN, town), (Column.POSTCODE, postcode)], last)
    return (((Column.TOWN, town),), after) if preposed else ((), end)


def postcode_at(scan: Scan, at: int) -> tuple[str, int]:
    """The postcode that begins at token ``at`` and where it ends, or nothing."""
    tokens = scan.tokens
    if not 0 <= at < len(tokens):
        return "", at
    token = tokens[at]
    if token.kind not in {Kind.NUMBER, Kind.CODE, Kind.WORD}:
        return "", at
    behind = tokens[at + 1] if at + 1 < len(tokens) else None
    if behind is not None and behind.kind is not Kind.MARK and behind.start - token.end == 1:
        if _DIGITS4.fullmatch(token.low) and len(behind.low) == 2 and scan.text[behind.start : behind.end].isupper():  # noqa: PLR2004
            return scan.words(at, at + 2), at + 2
        british = _BRITISH_OUT.fullmatch(token.low) and _BRITISH_IN.fullmatch(behind.low)
        irish = _EIRCODE_OUT.fullmatch(token.low) and _EIRCODE_IN.fullmatch(behind.low)
        if british or irish:
            return scan.words(at, at + 2), at + 2
    if _POSTCODE.fullmatch(token.low):
        return scan.words(at, at + 1), at + 1
    return "", at


def _town(reader: Reader, at: int) -> tuple[str, int]:
    """The words of a town's name; in a mail without capitals one word."""
    if not reader.is_word(at) or at in reader.labelled or (reader.words.has("stop", reader.low(at)) and not reader.capital(at)):
        return "", at
    if not reader.capital(at):
        plain = at not in reader.cued and len(reader.low(at)) > 2 and not reader.words.has("fillers", reader.low(at))  # noqa: PLR2004
        return (reader.scan.words(at, at + 1), at + 1) if plain else ("", at)
    if at in reader.cued and reader.words.has("stop", reader.low(at)):
        return "", at
    end = at + 1
    while end - at < TOWN_WORDS and _more_town(reader, end):
        end += 1
    while not reader.capital(end - 1):
        end -= 1
    return reader.scan.words(at, end), end


def _more_town(reader: Reader, at: int) -> bool:
    if not reader.is_word(at) or reader.words.has("countries", reader.low(at)):
        return False
    if reader.capital(at):
        return at not in reader.cued and at not in reader.labelled
    return reader.words.has("particles", reader.low(at)) and reader.capital(at + 1) and at + 1 not in reader.cued


def _country(reader: Reader, place: list[tuple[Column, str]], end: int) -> tuple[tuple[tuple[Column, str], ...], int]:
    at = end + 1 if reader.low(end) in {",", "\n", "("} else end
    for length in (3, 2, 1):
        if at + length > len(reader.scan.tokens):
            continue
        words = " ".join(reader.low(at + i) for i in range(length))
        if reader.words.has("countries", words) and not any(reader.low(at + i) in {",", "\n"} for i in range(length)):
            return (*place, (Column.COUNTRY, reader.scan.words(at, at + length))), at + length
    return tuple(place), end


def _place_alone(reader: Reader, index: int) -> Address | None:
    """A postcode with a town beside it, without a street."""
    postcode, end = postcode_at(reader.scan, index)
    if postcode and reader.low(index - 1) == "(" and reader.low(end) == ")" and reader.capital(index - 2) and index - 2 not in reader.cued:
        return _before_brackets(reader, index - 2, postcode, end)
    if not postcode or not reader.capital(end):
        return None
    town, after = _town(reader, end)
    if not town or (reader.words.has("stop", reader.low(end)) and reader.scan.labels):
        return None
    parts, last = _country(reader, [(Column.POSTCODE, postcode), (Column.TOWN, town)], after)
    return Address(index, last, parts, sure=True)


def _before_brackets(reader: Reader, last: int, postcode: str, end: int) -> Address:
    """A town with its postcode in brackets: "Braine-l'Alleud (1420)"."""
    begin = last
    while last - begin < TOWN_WORDS - 1 and reader.capital(begin - 1) and begin - 1 not in reader.cued | reader.labelled:
        begin -= 1
    return Address(begin, end + 1, ((Column.TOWN, reader.scan.words(begin, last + 1)), (Column.POSTCODE, postcode)), sure=True)


def streets_alone(scan: Scan, words: Vocabulary, taken: Iterable[tuple[int, int]]) -> list[Address]:
    """Names of streets without a number, outside ``taken``."""
    covered = {i for start, end in taken for i in range(start, end)}
    labelled = frozenset(i for label in scan.labels for i in range(label.start, label.end) if label.end - label.start > 1)
    reader = Reader(scan, words, labelled, scan.cued)
    found: list[Address] = []
    free = 0
    first = words.words["street_first"]
    for index, token in enumerate(scan.tokens):
        if (
            token.kind is not Kind.WORD
            or index in covered
            or index < free
            or not (token.capital or token.low in first or token.low[2:] in first)
        ):
            continue
        begin, end = streets.alone(reader, index, free)
        if end > begin and not covered & set(range(begin, end)):
            found.append(Address(begin, end, ((Column.STREET, reader.street(begin, end)),), sure=True))
            free = end
    return found
