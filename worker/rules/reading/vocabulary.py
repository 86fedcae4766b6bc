"""The words around values: what says old or new, what names a field; and a mail as tokens with those words found.

One pass over the text: every token is looked up in a table by its first word, so that the cost does not grow
with the vocabulary.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final, NamedTuple

from worker.rules.model import Column
from worker.rules.reading.tokens import fold

LONGEST_PHRASE: Final = 6  # tokens
LONGEST_SENTENCE: Final = 160  # tokens; a longer one is cut, so that looking around a value is bounded
WRAPPED: Final = 56  # characters from which a line may have been broken by a mail program


class Role(StrEnum):
    """What a word says of the value beside it."""

    NEW = "new"  # the value behind it is the new one
    WEAK = "weak"  # so, if nothing else is said and something is to be changed
    OLD = "old"  # the value behind it is the old one
    NOT = "not"  # directly before a value: the old one
    BUT = "but"  # "not X but Y": what follows is the new one
    INSTEAD = "instead"  # "Y instead of X"
    TURN = "turn"  # "X becomes Y"
    REPLACE = "replace"  # asks for a change; "replace X by Y"
    TO = "to"  # directly before a value, after a word of change: the new one
    FROM = "from"  # directly before a value that turns into another: the old one
    WRONG = "wrong"  # behind a value: it is the old one
    KEEP = "keep"  # what stands beside it stays as it is
    ADD = "add"  # something is missing: the value beside it is new
    CONTACT = "contact"  # the value is told to reach or know somebody, not to be changed
    POINTER = "pointer"  # the value stands elsewhere: below, attached, in the signature
    OTHER = "other"  # names another person


class Kind(StrEnum):
    """What a token is."""

    WORD = "w"
    NUMBER = "n"  # begins with a digit
    CODE = "c"  # a letter, then digits
    EMAIL = "e"
    PHONE = "p"
    ARROW = ">"
    END = "."  # ends a sentence
    MARK = ","  # any other mark
    LINE = "l"  # a line end that ends a sentence
    GAP = "g"  # a blank line


class Token(NamedTuple):
    """One token; ``low`` is folded."""

    low: str
    start: int
    end: int
    kind: Kind
    capital: bool


class Cue(NamedTuple):
    """A phrase with a role, tokens ``start`` to before ``end``."""

    start: int
    end: int
    role: Role


class LabelAt(NamedTuple):
    """A name of a field; no column: a whole address."""

    start: int
    end: int
    column: Column | None


#: Which role wins where a word has several: the more special one.
_FIRST: Final = (
    Role.POINTER, Role.OTHER, Role.CONTACT, Role.TURN, Role.INSTEAD, Role.WRONG, Role.KEEP, Role.ADD, Role.NOT, Role.BUT,
    Role.OLD, Role.NEW, Role.REPLACE, Role.WEAK, Role.FROM, Role.TO,
)  # fmt: skip
#: Lists of ``[extract]`` that hold only for mails in their own language: short words mean different things elsewhere.
_OWN: Final = frozenset({"stop", "fillers", "first_person", "living", "introduced", "definite", "of_words", "greetings", "third_verbs"})

Phrases = Mapping[str, Sequence[tuple[tuple[str, ...], Any]]]

_WORD: Final = r"(?P<w>[^\W\d_](?:\w|['’.&-](?=[^\W_]))*)"
_NUMBER: Final = r"(?P<n>\d(?:\w|[.-](?=\w))*)"
_REST: Final = r"(?P<a>->|=>|—>|→|⇒|>>)|(?P<l>\n[\s]*)|(?P<m>[^\s\w])"
_PHONE: Final = r"(?P<p>(?<![\w/.-])(?=(?:[ ().+/-]{0,3}\d){8})(?:\+\d{1,3}[ .-]?(?:\(0\) ?)?|\(?0)\d{1,5}\)?(?:[ .-]|/| / )?\d{2,8}(?:[ .-]?\d{2,6}){0,5}(?![\w@]|[.-]\w))"
_EMAIL: Final = r"(?P<e>[\w+][\w.+-]{0,63}@[\w-]{1,63}(?:\.[\w-]{2,63}){1,4})"
_PLAIN: Final = re.compile(f"{_WORD}|{_NUMBER}|{_REST}")
_FULL: Final = re.compile(f"{_EMAIL}|{_PHONE}|{_WORD}|{_NUMBER}|{_REST}")
_DIGITS: Final = re.compile(r"\d\d")
_CODE: Final = re.compile(r"[^\W\d_]{1,3}[.-]?\d{1,5}[a-z]?")
_KINDS: Final = {
    "w": Kind.WORD, "n": Kind.NUMBER, "e": Kind.EMAIL, "p": Kind.PHONE, "a": Kind.ARROW, "l": Kind.LINE, "m": Kind.MARK,
}  # fmt: skip
_SHORT: Final = re.compile(r"[^\W\d_][\w']*")
SHORT_WORDS: Final = 40
_IBAN: Final = re.compile(r"\b[A-Z]{2}\d{2}(?:[ .-]?[A-Z0-9]{4}){2,7}(?:[ .-]?[A-Z0-9]{1,3})?\b")
_DATE: Final = re.compile(r"\b\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b|\b\d{4}-\d{2}-\d{2}\b|\b[01]?\d{3}\.\d{3}\.\d{3}\b")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The compiled tables ``[cues]``, ``[fields]`` and ``[extract]`` of all languages."""

    phrases: Phrases
    words: Mapping[str, frozenset[str]] = field(repr=False)
    ends: Mapping[str, tuple[str, ...]] = field(repr=False)
    countries: frozenset[str] = field(repr=False)  # first words of the names of countries
    nouns: bool  # this language writes every noun with a capital
    own: frozenset[str] = field(repr=False)  # words that only mails in this language are full of

    @classmethod
    def from_data(cls, data: Mapping[str, Mapping[str, Any]], language: str) -> Vocabulary:
        """Compile for mails in ``language``: its own cues and small words, the fields and names of all languages.

        Raises ``ValueError`` for a field that is no column or a role that does not exist.
        """
        phrases: dict[str, list[tuple[tuple[str, ...], Any]]] = {}
        for name, table in sorted(data.items(), key=lambda item: item[0] != language):
            if name == language:
                _add_cues(phrases, table.get("cues", {}))
            for label, words in table.get("fields", {}).items():
                _add(phrases, words, (None if label == "address" else Column(label),))
        ordered = {first: sorted(found, key=lambda entry: -len(entry[0])) for first, found in phrases.items()}
        words, ends = _lists(data, language)
        own = {w for table in data.get(language, {}).get("cues", {}).values() for phrase in table for w in fold_same(phrase).split()}
        countries = frozenset(name.split()[0] for name in words["countries"])
        nouns = bool(data.get(language, {}).get("extract", {}).get("capital_nouns", False))
        return cls(ordered, words, ends, countries, nouns, frozenset(own | words["stop"] | words["fillers"] | words["first_person"]))

    def has(self, name: str, word: str) -> bool:
        """Is ``word`` (folded) in the list ``name``? An entry ``*x`` stands for every longer word that ends in x."""
        ends = self.ends[name]
        return word in self.words[name] or (bool(ends) and word.endswith(ends) and not word.startswith(ends))


def _lists(data: Mapping[str, Mapping[str, Any]], language: str) -> tuple[dict[str, frozenset[str]], dict[str, tuple[str, ...]]]:
    words: dict[str, set[str]] = {}
    for name, table in data.items():
        for key, found in table.get("extract", {}).items():
            if isinstance(found, list) and (name == language or key not in _OWN):
                words.setdefault(key, set()).update(fold_same(w) for w in found)
    ends = {key: tuple(w.removeprefix("*") for w in found if w.startswith("*")) for key, found in words.items()}
    return {key: frozenset(found) for key, found in words.items()}, ends


def _add_cues(phrases: dict[str, list[tuple[tuple[str, ...], Any]]], table: Mapping[str, Iterable[str]]) -> None:
    """A word that stands in several lists has the first of these roles."""
    seen: set[str] = set()
    for role in sorted((Role(name) for name in table), key=_FIRST.index):
        words = {fold_same(w) for w in table[role.value]} - seen
        seen |= words
        _add(phrases, words, role)


def _add(phrases: dict[str, list[tuple[tuple[str, ...], Any]]], words: Iterable[str], what: Any) -> None:
    for word in words:
        found = tuple(m.group() for m in _PLAIN.finditer(fold_same(word)))
        if found and (found, what) not in phrases.setdefault(found[0], []):
            phrases[found[0]].append((found, what))


def fold_same(text: str) -> str:
    """Folded character by character, so that every offset stays; the few letters that grow keep their own form."""
    low = text.lower()
    if len(low) != len(text):
        low = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
    if low.isascii():
        return low
    for char in {c for c in low if not c.isascii()}:
        low = low.replace(char, _one(char))
    return low


def _one(char: str) -> str:
    if char in "’‘`´":
        return "'"
    folded = fold(char)
    return folded if len(folded) == 1 else char


@dataclass(frozen=True, slots=True)
class Scan:
    """A text as tokens, with the words of the vocabulary found in it."""

    text: str
    low: str
    tokens: tuple[Token, ...]
    cues: tuple[Cue, ...]
    labels: tuple[LabelAt, ...]
    sentence: tuple[int, ...]  # of every token
    bank: bool
    cue_ends: Mapping[int, Cue] = field(default_factory=dict, repr=False)
    cue_starts: Mapping[int, Cue] = field(default_factory=dict, repr=False)
    label_ends: Mapping[int, LabelAt] = field(default_factory=dict, repr=False)
    cues_of: Mapping[int, Sequence[Cue]] = field(default_factory=dict, repr=False)  # by sentence
    labels_of: Mapping[int, Sequence[LabelAt]] = field(default_factory=dict, repr=False)  # by sentence
    cued: frozenset[int] = frozenset()  # tokens inside cues other than "from" and "to"
    labelled: frozenset[int] = frozenset()  # tokens inside labels

    def roles_in(self, sentence: int) -> set[Role]:
        """What the cues of a sentence say."""
        return {c.role for c in self.cues_of.get(sentence, ())}

    def words(self, start: int, end: int) -> str:
        """The text of tokens ``start`` to before ``end``."""
        return self.text[self.tokens[start].start : self.tokens[end - 1].end] if start < end else ""


def likeliest(text: str, guessed: Vocabulary, others: Iterable[Vocabulary]) -> Vocabulary:
    """The vocabulary that knows most words of a short text: few words are too few for the general guess of its language."""
    words = _SHORT.findall(fold_same(text))
    if len(words) > SHORT_WORDS:
        return guessed
    best, most = guessed, sum(w in guessed.own for w in words)
    for other in others:
        known = sum(w in other.own for w in words)
        if known > most:
            best, most = other, known
    return best


def scan(text: str, vocabulary: Vocabulary) -> Scan:
    """Cut ``text`` into tokens and find the words of ``vocabulary`` in it."""
    bank = False
    low = fold_same(text)
    full = "@" in low or _DIGITS.search(low) is not None
    if full:
        bank = _IBAN.search(text) is not None
        low = _blank(_DATE, low if not bank else fold_same(_blank(_IBAN, text)))
    tokens = _tokens(text, low, _FULL if full else _PLAIN)
    cues, labels = _found(tokens, vocabulary)
    return _indexed(Scan(text, low, tuple(tokens), tuple(cues), tuple(labels), _sentences(tokens, vocabulary), bank))


def _indexed(scan: Scan) -> Scan:
    """With cues and labels by their place and by their sentence, so that looking around a value costs the same everywhere."""
    cues_of: dict[int, list[Cue]] = {}
    for cue in scan.cues:
        cues_of.setdefault(scan.sentence[cue.start], []).append(cue)
    labels_of: dict[int, list[LabelAt]] = {}
    for label in scan.labels:
        labels_of.setdefault(scan.sentence[label.start], []).append(label)
    return replace(
        scan,
        cue_ends={c.end: c for c in scan.cues},
        cue_starts={c.start: c for c in scan.cues},
        label_ends={x.end: x for x in scan.labels},
        cues_of=cues_of,
        labels_of=labels_of,
        cued=frozenset(i for c in scan.cues if c.role not in {Role.FROM, Role.TO} for i in range(c.start, c.end)),
        labelled=frozenset(i for x in scan.labels for i in range(x.start, x.end)),
    )


def _blank(pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub(lambda m: " " * len(m.group()), text)


def _tokens(text: str, low: str, pattern: re.Pattern[str]) -> list[Token]:
    tokens: list[Token] = []
    for match in pattern.finditer(low):
        start, end = match.span()
        word = match.group()
        kind = _KINDS[match.lastgroup or "m"]
        capital = False
        if kind is Kind.WORD:
            elided = start + 2 if word[1:2] == "'" and len(word) > 2 else start  # noqa: PLR2004 - "l'Église"
            capital = text[start].isupper() or text[elided].isupper()
            kind = kind if word.isalpha() or not _CODE.fullmatch(word) else Kind.CODE
        elif kind is Kind.LINE:
            kind = _line(text, tokens, word, start, end)
            word = "\n"
        elif kind is Kind.MARK and word in ".!?":
            kind = Kind.END
        tokens.append(Token(word, start, end, kind, capital))
    return tokens


def _line(text: str, tokens: list[Token], word: str, start: int, end: int) -> Kind:
    """A blank line, the end of a line that was meant, or one where a mail program broke the line."""
    if word.count("\n") > 1:
        return Kind.GAP
    begin = text.rfind("\n", 0, start) + 1
    wrapped = start - begin >= WRAPPED and bool(tokens) and tokens[-1].low != ":"
    return Kind.MARK if wrapped and end < len(text) else Kind.LINE


def _found(tokens: list[Token], vocabulary: Vocabulary) -> tuple[list[Cue], list[LabelAt]]:
    cues: list[Cue] = []
    labels: list[LabelAt] = []
    phrases = vocabulary.phrases
    covered = labelled = 0
    for at, token in enumerate(tokens):
        following = tokens[at + 1].low if at + 1 < len(tokens) else ""  # a phrase's second word is in it, but for "'s"
        for sequence, what in phrases.get(token.low, ()) or (_bare(token.low, phrases) if "'" in token.low else ()):
            end = at + len(sequence)
            if len(sequence) > 1 and (sequence[1] not in following or not _follows(tokens, at, sequence)):
                continue
            if isinstance(what, Role):
                if at >= covered:
                    cues.append(Cue(at, end, what))
                    covered = end
            elif at >= labelled:
                labels.append(LabelAt(at, end, what[0]))
                labelled = end
    return cues, labels


def _follows(tokens: list[Token], at: int, sequence: tuple[str, ...]) -> bool:
    """Whether the other words of a phrase stand behind its first, one of them perhaps with "'s"."""
    if at + len(sequence) > len(tokens):
        return False
    for i in range(1, len(sequence)):
        low = tokens[at + i].low
        if low != sequence[i] and low.removesuffix("'s") != sequence[i]:
            return False
    return True


def _bare(word: str, phrases: Phrases) -> Sequence[tuple[tuple[str, ...], Any]]:
    """What is known of a word without the article before it or the ending behind it: "l'adresse", "husband's"."""
    if word[1:2] == "'":
        return phrases.get(word[2:], ())
    return phrases.get(word.removesuffix("'s"), ())


def _sentences(tokens: list[Token], vocabulary: Vocabulary) -> tuple[int, ...]:
    numbers: list[int] = []
    at = begun = 0
    short, months = vocabulary.words["abbreviations"], vocabulary.words["months"]
    for index, token in enumerate(tokens):
        numbers.append(at)
        kind = token.kind
        if kind is Kind.WORD and index - begun < LONGEST_SENTENCE:
            continue
        ends = kind is Kind.LINE or kind is Kind.GAP or (kind is Kind.END and not _inside(tokens, index, short, months))
        if ends or index - begun >= LONGEST_SENTENCE:
            at, begun = at + 1, index + 1
    return tuple(numbers)


def _inside(tokens: list[Token], index: int, short: frozenset[str], months: frozenset[str]) -> bool:
    """Whether the point at ``index`` is that of an abbreviation, an initial or "1. Oktober"."""
    if tokens[index].low != "." or not index or tokens[index - 1].end != tokens[index].start:
        return False
    before = tokens[index - 1]
    if before.kind is Kind.NUMBER:
        following = tokens[index + 1] if index + 1 < len(tokens) else None
        return len(before.low) <= 2 and following is not None and following.low in months  # noqa: PLR2004 - a day
    return before.low in short or (before.kind is Kind.WORD and len(before.low) == 1)
