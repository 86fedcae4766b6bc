"""Postal addresses of our countries in the tokens of a mail: street, number, box, postcode, town, country.

Every house number is looked at once, with a bounded number of words before and behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from worker.rules.model import Column
from worker.rules.reading.vocabulary import Kind, Scan, Token, Vocabulary

MOST_WORDS: Final = 6  # of a street's name
TOWN_WORDS: Final = 4

_HOUSE: Final = re.compile(r"\d{1,4}[a-z]?(?:-\d{1,3})?")
_DIGITS4: Final = re.compile(r"\d{4}")
_POSTCODE: Final = re.compile(r"(?:(?:b|f|d|l|ch|a|be|de|fr|at|lu)-)?\d{4,5}|\d{4}-\d{3}")
_BRITISH_OUT: Final = re.compile(r"[a-z]{1,2}\d[\da-z]?")
_BRITISH_IN: Final = re.compile(r"\d[a-z]{2}")
_EIRCODE_OUT: Final = re.compile(r"[a-z]\d[\dw]")
_EIRCODE_IN: Final = re.compile(r"[a-z][\da-z]{3}")
_BOX: Final = re.compile(r"[a-z]?\d{1,4}[a-z]?(?:[./]\d{1,3})?|[a-z]\d{0,4}|\d\.\d{1,2}")
_HYPHENED: Final = frozenset({"-", "–"})


@dataclass(frozen=True, slots=True)
class Address:
    """The parts of an address and the tokens ``start`` to before ``end`` in which it stands."""

    start: int
    end: int
    parts: tuple[tuple[Column, str], ...]
    sure: bool  # a word for street, or a postcode and a town, says that it is one


@dataclass(slots=True)
class _Reader:
    scan: Scan
    words: Vocabulary
    labelled: frozenset[int]
    cued: frozenset[int]

    def at(self, index: int) -> Token | None:
        """The token at ``index``, if there is one."""
        return self.scan.tokens[index] if 0 <= index < len(self.scan.tokens) else None

    def low(self, index: int) -> str:
        """Its folded text, or nothing."""
        token = self.at(index)
        return token.low if token else ""

    def opens_street(self, index: int) -> bool:
        """Is it "rue" or "l'avenue"?"""
        return _bare(self.low(index)) in self.words.words["street_first"]

    def street(self, start: int, end: int) -> str:
        """The name of a street, without the article before it."""
        text = self.scan.words(start, end)
        return text[2:] if self.low(start) != _bare(self.low(start)) else text

    def is_word(self, index: int) -> bool:
        """Is it a word?"""
        token = self.at(index)
        return token is not None and token.kind is Kind.WORD

    def capital(self, index: int) -> bool:
        """Does it begin with a capital?"""
        token = self.at(index)
        return token is not None and token.capital


def _bare(word: str) -> str:
    return word[2:] if word.startswith(("l'", "d'")) else word


def find(scan: Scan, words: Vocabulary) -> list[Address]:
    """All addresses in ``scan``, in order, none overlapping another."""
    if not any(t.kind is Kind.NUMBER for t in scan.tokens):
        return []
    reader = _Reader(scan, words, scan.labelled, scan.cued)
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


def _at(reader: _Reader, index: int, free: int, token: Token) -> Address | None:
    if token.kind is Kind.NUMBER:
        return _house(reader, index, free) or _place_alone(reader, index)
    if token.kind is Kind.CODE or "-" in token.low:
        return _place_alone(reader, index)
    return None


def _house(reader: _Reader, index: int, free: int) -> Address | None:
    """The address around the house number at ``index``."""
    if not _HOUSE.fullmatch(reader.low(index)):
        return None
    begin, last, sure = _street_before(reader, index, free)
    number, end = _number(reader, index)
    if begin < 0:
        begin, last, end = _street_behind(reader, index)
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


def _number(reader: _Reader, index: int) -> tuple[str, int]:
    """The house number with a letter that stands apart, "12 B", and where it ends."""
    token, behind = reader.at(index), reader.at(index + 1)
    if token is None:
        return "", index
    lone = behind is not None and behind.kind is Kind.WORD and len(behind.low) == 1 and behind.start - token.end <= 1
    if lone and behind is not None and (behind.capital or behind.low in "bcd") and not reader.is_word(index + 2):
        return reader.scan.words(index, index + 2), index + 2
    return reader.scan.words(index, index + 1), index + 1


def _street_before(reader: _Reader, index: int, free: int) -> tuple[int, int, bool]:
    """First word and end of the street's name before a house number, and whether a word says that it is a street."""
    last = index
    while last > free and (reader.low(last - 1) in {","} or reader.words.has("number_words", reader.low(last - 1))):
        last -= 1
    short = last - 2 >= free and reader.low(last - 1) == "." and _shortened(reader, last - 2)
    if short:
        return _qualified(reader, last - 2, free), last, True
    if last <= free or not reader.is_word(last - 1):
        return -1, last, False
    first = _first_word(reader, last, free)
    if first >= 0:
        return first, last, True
    word = reader.low(last - 1)
    if word in {"straße", "strasse", "straat", "street"} and not reader.capital(last - 2):
        return -1, last, False
    known = reader.words.has("street_ends", word) or reader.words.has("street_ends_weak", word)
    alone = reader.words.has("street_last", word)
    lead = _lead(reader, last, free)
    if lead >= 0:
        return lead, last, True
    if known or alone:
        begin = _qualified(reader, last - 1, free)
        if (known and len(word) > 5) or begin < last - 1:  # noqa: PLR2004 - "Ring", "Weg" alone are words of a sentence
            return begin, last, True
        return (last - 1, last, False) if reader.capital(last - 1) else (-1, last, False)
    if reader.capital(last - 1) and last - 1 not in reader.labelled:
        return _qualified(reader, last - 1, free), last, False
    return -1, last, False


def _shortened(reader: _Reader, at: int) -> bool:
    """ "Bahnhofstr.", "Naamse stwg."."""
    word = reader.low(at)
    return reader.is_word(at) and (word.endswith("str") or word in {"stwg", "pl", "ln"}) and len(word) > 2  # noqa: PLR2004 - letters


def _first_word(reader: _Reader, last: int, free: int) -> int:
    """Where "rue" or "avenue" stands before the end of a street's name, or -1."""
    for at in range(last - 2, max(free, last - 1 - MOST_WORDS) - 1, -1):
        word = reader.low(at)
        if reader.opens_street(at):
            return at
        if not reader.is_word(at):
            return at - 1 if word == "." and reader.opens_street(at - 1) else -1
    return -1


def _lead(reader: _Reader, last: int, free: int) -> int:
    """Where "Am", "An der" stands, written with a capital, before the end of a street's name; or -1."""
    for at in range(last - 2, max(free, last - 5) - 1, -1):
        if not reader.is_word(at):
            return -1
        pair = f"{reader.low(at)} {reader.low(at + 1)}"
        single = reader.words.has("street_lead", reader.low(at))
        if (single or reader.words.has("street_lead", pair)) and reader.capital(at) and reader.capital(last - 1):
            return at
    return -1


def _qualified(reader: _Reader, at: int, free: int) -> int:
    """The first of the words with capitals that belong to the street's name ending at ``at``: "Lange Nieuwstraat"."""
    begin = at
    while begin > free and at - begin < 3 and reader.is_word(begin - 1) and reader.capital(begin - 1):  # noqa: PLR2004 - words
        if begin - 1 in reader.labelled or (_opens(reader, begin - 1) and (begin - 1 in reader.cued or _small(reader, begin - 1))):
            break
        begin -= 1
    return begin


def _opens(reader: _Reader, at: int) -> bool:
    """Does the word begin a sentence or a piece of one, so that its capital says nothing?"""
    return at == 0 or not reader.is_word(at - 1)


def _small(reader: _Reader, at: int) -> bool:
    return reader.words.has("stop", reader.low(at)) or reader.words.has("fillers", reader.low(at))


def _street_behind(reader: _Reader, index: int) -> tuple[int, int, int]:
    """The street after the number: "88 rue de Gand", "27 Tanner's Lane". First word, end, and where it all ends."""
    begin = index + 1
    if reader.low(begin) == ",":
        begin += 1
    if reader.opens_street(begin) and reader.is_word(begin + 1):
        end = begin + 1
        while end - begin <= MOST_WORDS and reader.is_word(end) and reader.low(end) not in {"et", "à", "a", "au"}:
            end += 1
        return begin, end, end
    for end in range(begin + 1, begin + 5):
        if not (reader.is_word(end - 1) and reader.capital(end - 1)):
            break
        if (
            end - begin > 1
            and reader.words.has("street_last", reader.low(end - 1))
            and not reader.words.has("street_last", reader.low(end))
        ):
            return begin, end, end
    return -1, -1, -1


def _box_behind(reader: _Reader, end: int) -> tuple[list[tuple[Column, str]], int]:
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
    value = box_text(reader.scan.words(word, word + 1), reader.scan.words(at + 1, at + 2))
    return [(Column.BOX, value)], at + 2


#: Words for a box that belong to its name: "Top 11", but bus 3 is box 3.
_NAMED: Final = frozenset({"top", "haus", "stiege", "tür", "tur", "postfach", "stg"})


def box_text(word: str, value: str) -> str:
    """A box as a record holds it."""
    return f"{word} {value}" if word.lower() in _NAMED else value


def _place_behind(reader: _Reader, end: int) -> tuple[tuple[tuple[Column, str], ...], int]:
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


def _past_remark(reader: _Reader, end: int) -> int:
    """Behind a remark in brackets: "(la maison verte)"; only if more of the address follows on the next line."""
    if reader.low(end) != "(":
        return end
    for at in range(end + 1, end + 10):
        if reader.low(at) == ")":
            return at + 2 if reader.low(at + 1) == "\n" else end
    return end


def _past(reader: _Reader, at: int, most: int) -> int:
    for _ in range(most):
        if not (reader.words.has("place_words", reader.low(at)) or reader.low(at) == ","):
            break
        at += 1
    return at


def _town_first(reader: _Reader, at: int, end: int, *, preposed: bool) -> tuple[tuple[tuple[Column, str], ...], int]:
    """ "Leeds LS1 4GH", "Wincanton, BA9 4QT", "in Temse": the town before its postcode, or alone after a preposition."""
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


def _town(reader: _Reader, at: int) -> tuple[str, int]:
    """The words of a town's name; in a mail without capitals one word."""
    if not reader.is_word(at) or at in reader.labelled or reader.words.has("stop", reader.low(at)) and not reader.capital(at):
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


def _more_town(reader: _Reader, at: int) -> bool:
    if not reader.is_word(at) or reader.words.has("countries", reader.low(at)):
        return False
    if reader.capital(at):
        return at not in reader.cued and at not in reader.labelled
    return reader.words.has("particles", reader.low(at)) and reader.capital(at + 1) and at + 1 not in reader.cued


def _country(reader: _Reader, place: list[tuple[Column, str]], end: int) -> tuple[tuple[tuple[Column, str], ...], int]:
    at = end + 1 if reader.low(end) in {",", "\n", "("} else end
    for length in (3, 2, 1):
        if at + length > len(reader.scan.tokens):
            continue
        words = " ".join(reader.low(at + i) for i in range(length))
        if reader.words.has("countries", words) and not any(reader.low(at + i) in {",", "\n"} for i in range(length)):
            return (*place, (Column.COUNTRY, reader.scan.words(at, at + length))), at + length
    return tuple(place), end


def _place_alone(reader: _Reader, index: int) -> Address | None:
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


def _before_brackets(reader: _Reader, last: int, postcode: str, end: int) -> Address:
    """ "Braine-l'Alleud (1420)"."""
    begin = last
    while last - begin < TOWN_WORDS - 1 and reader.capital(begin - 1) and begin - 1 not in reader.cued | reader.labelled:
        begin -= 1
    return Address(begin, end + 1, ((Column.TOWN, reader.scan.words(begin, last + 1)), (Column.POSTCODE, postcode)), sure=True)


def streets_alone(scan: Scan, words: Vocabulary, taken: Iterable[tuple[int, int]]) -> list[Address]:
    """Names of streets without a number, outside ``taken``."""
    covered = {i for start, end in taken for i in range(start, end)}
    labelled = frozenset(i for label in scan.labels for i in range(label.start, label.end) if label.end - label.start > 1)
    reader = _Reader(scan, words, labelled, scan.cued)
    found: list[Address] = []
    free = 0
    for index, token in enumerate(scan.tokens):
        if token.kind is not Kind.WORD or index in covered or index < free or not (token.capital or reader.opens_street(index)):
            continue
        begin, end = _street_alone(reader, index, free)
        if end > begin and not covered & set(range(begin, end)):
            found.append(Address(begin, end, ((Column.STREET, reader.street(begin, end)),), sure=True))
            free = end
    return found


def _street_alone(reader: _Reader, index: int, free: int) -> tuple[int, int]:
    word = reader.low(index)
    if reader.opens_street(index) and reader.is_word(index + 1):
        end = index + 1
        while end - index <= MOST_WORDS and (reader.capital(end) or _inner(reader, end)) and end not in reader.cued - {index + 1}:
            end += 1
        return (index, end) if reader.capital(end - 1) and end - index > 1 else (0, 0)
    if not reader.capital(index) or word in {"straße", "strasse", "straat"}:
        return 0, 0
    ends = reader.words.has("street_ends", word) and len(word) > 6  # noqa: PLR2004 - shorter ones are other words
    last = reader.words.has("street_last", word) and index > free and reader.capital(index - 1) and index - 1 not in reader.cued
    if not (ends or last) or index in reader.labelled:
        return 0, 0
    lead = _lead(reader, index + 1, free)
    return (lead if lead >= 0 else _qualified(reader, index, free)), index + 1


def _inner(reader: _Reader, at: int) -> bool:
    token = reader.at(at)
    if token is None or token.kind is not Kind.WORD:
        return False
    small = reader.words.has("particles", token.low) or token.low.startswith(("l'", "d'"))
    return small and (token.low.startswith(("l'", "d'")) or reader.is_word(at + 1))
