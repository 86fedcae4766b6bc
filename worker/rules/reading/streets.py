"""Names of streets in the tokens of a mail, before a house number, behind it, or alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from worker.rules.reading.vocabulary import Kind, Scan, Token, Vocabulary

SHORTEST_ENDING: Final = 5  # letters: "Ring", "Weg" alone are words of a sentence
MOST_WORDS: Final = 6  # of a street's name


@dataclass(slots=True)
class Reader:
    """The tokens of a mail with the words that name streets and towns."""

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
        """Whether it is "rue" or "l'avenue"."""
        return _bare(self.low(index)) in self.words.words["street_first"]

    def street(self, start: int, end: int) -> str:
        """The name of a street, without the article before it."""
        text = self.scan.words(start, end)
        return text[2:] if self.low(start) != _bare(self.low(start)) else text

    def is_word(self, index: int) -> bool:
        """Whether it is a word."""
        token = self.at(index)
        return token is not None and token.kind is Kind.WORD

    def capital(self, index: int) -> bool:
        """Whether it begins with a capital."""
        token = self.at(index)
        return token is not None and token.capital


def _bare(word: str) -> str:
    return word[2:] if word.startswith(("l'", "d'")) else word


def before(reader: Reader, index: int, free: int) -> tuple[int, int, bool]:
    """First word and end of the street's name before a house number, and whether a word says that it is a street."""
    last = index
    while last > free and (reader.low(last - 1) == "," or reader.words.has("number_words", reader.low(last - 1))):
        last -= 1
    if last - 2 >= free and reader.low(last - 1) == "." and _shortened(reader, last - 2):
        return _qualified(reader, last - 2, free), last, True
    if last <= free or not reader.is_word(last - 1):
        return -1, last, False
    for first in (_first_word(reader, last, free), _lead(reader, last, free)):
        if first >= 0:
            return first, last, True
    begin, sure = _by_last(reader, last, free)
    return begin, last, sure


def _by_last(reader: Reader, last: int, free: int) -> tuple[int, bool]:
    """The street whose name ends before ``last``, by its last word: "Kerkstraat", "Aachener Straße", or only a capital."""
    word = reader.low(last - 1)
    if reader.words.has("street_generic", word) and not reader.capital(last - 2):
        return -1, False
    known = reader.words.has("street_ends", word) or reader.words.has("street_ends_weak", word)
    begin = _qualified(reader, last - 1, free)
    if known or reader.words.has("street_last", word):
        if (known and len(word) > SHORTEST_ENDING) or begin < last - 1:
            return begin, True
        return (last - 1 if reader.capital(last - 1) else -1), False
    named = reader.capital(last - 1) and last - 1 not in reader.labelled
    return (begin if named else -1), False


def _ends_street(reader: Reader, at: int) -> bool:
    """Whether the word belongs to the sentence again; the particles inside a name do not."""
    if reader.words.has("street_stop", reader.low(at)) or at in reader.cued:
        return True
    return reader.words.has("stop", reader.low(at)) and not reader.words.has("particles", reader.low(at))


def _shortened(reader: Reader, at: int) -> bool:
    """Whether the word is a shortened street: "Bahnhofstr.", "Naamse stwg."."""
    word = reader.low(at)
    return reader.is_word(at) and reader.words.has("street_short", word) and len(word) > 2  # noqa: PLR2004 - letters


def _first_word(reader: Reader, last: int, free: int) -> int:
    """Where "rue" or "avenue" stands before the end of a street's name, or -1."""
    for at in range(last - 2, max(free, last - 1 - MOST_WORDS) - 1, -1):
        word = reader.low(at)
        if reader.opens_street(at):
            return at
        if not reader.is_word(at):
            return at - 1 if word == "." and reader.opens_street(at - 1) else -1
    return -1


def _lead(reader: Reader, last: int, free: int) -> int:
    """Where "Am", "An der" stands, written with a capital, before the end of a street's name; or -1."""
    for at in range(last - 2, max(free, last - 5) - 1, -1):
        if not reader.is_word(at):
            return -1
        pair = f"{reader.low(at)} {reader.low(at + 1)}"
        single = reader.words.has("street_lead", reader.low(at))
        if (single or reader.words.has("street_lead", pair)) and reader.capital(at) and reader.capital(last - 1):
            return at
    return -1


def _qualified(reader: Reader, at: int, free: int) -> int:
    """The first of the words with capitals that belong to the street's name ending at ``at``: "Lange Nieuwstraat"."""
    begin = at
    while begin > free and at - begin < 3 and reader.is_word(begin - 1) and reader.capital(begin - 1):  # noqa: PLR2004 - words
        if begin - 1 in reader.labelled or (_opens(reader, begin - 1) and (begin - 1 in reader.cued or _small(reader, begin - 1))):
            break
        begin -= 1
    return begin


def _opens(reader: Reader, at: int) -> bool:
    """Whether the word begins a sentence or a piece of one, so that its capital says nothing."""
    return at == 0 or not reader.is_word(at - 1)


def _small(reader: Reader, at: int) -> bool:
    return reader.words.has("stop", reader.low(at)) or reader.words.has("fillers", reader.low(at))


def behind(reader: Reader, index: int) -> tuple[int, int, int]:
    """The street after the number: "88 rue de Gand", "27 Tanner's Lane". First word, end, and where it all ends."""
    begin = index + 1
    if reader.low(begin) == ",":
        begin += 1
    if reader.opens_street(begin) and reader.is_word(begin + 1):
        end = begin + 1
        while end - begin <= MOST_WORDS and reader.is_word(end) and not _ends_street(reader, end):
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


def alone(reader: Reader, index: int, free: int) -> tuple[int, int]:
    """First word and end of a street without a number around the word at ``index``; the same twice if there is none."""
    word = reader.low(index)
    if reader.opens_street(index) and reader.is_word(index + 1):
        end = index + 1
        while end - index <= MOST_WORDS and (reader.capital(end) or _inner(reader, end)) and end not in reader.cued - {index + 1}:
            end += 1
        return (index, end) if reader.capital(end - 1) and end - index > 1 else (0, 0)
    if not reader.capital(index) or reader.words.has("street_generic", word):
        return 0, 0
    ends = reader.words.has("street_ends", word) and len(word) > 6  # noqa: PLR2004 - shorter ones are other words
    last = reader.words.has("street_last", word) and index > free and reader.capital(index - 1) and index - 1 not in reader.cued
    if not (ends or last) or index in reader.labelled:
        return 0, 0
    lead = _lead(reader, index + 1, free)
    return (lead if lead >= 0 else _qualified(reader, index, free)), index + 1


def _inner(reader: Reader, at: int) -> bool:
    token = reader.at(at)
    if token is None or token.kind is not Kind.WORD:
        return False
    small = reader.words.has("particles", token.low) or token.low.startswith(("l'", "d'"))
    return small and (token.low.startswith(("l'", "d'")) or reader.is_word(at + 1))
