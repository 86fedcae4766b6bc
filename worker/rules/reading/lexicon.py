"""Words to concepts: the vocabulary of one language, and patterns over concepts.

A sentence becomes a set of hits (concept, first word, last word). Patterns are short sequences of concepts
with a bound on the words in between, so matching is bounded by construction: no regular expression runs over a mail here.

Pattern language: items separated by blanks; ``a/b`` is either concept; a number before an item is the most words
that may stand between it and the item before (default 2); ``^a`` must begin a clause; a leading ``~`` means that two items
may come in either order. A name that is no concept is the word itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final

from worker.rules.reading.tokens import Sentence, fold, spellings, squeeze, words_of

DEFAULT_GAP: Final = 2  # words
FUZZY_FROM: Final = 7  # letters: shorter words have too many neighbours
SQUEEZE_FROM: Final = 5
CACHED_WORDS: Final = 20_000

Span = tuple[int, int]
Hits = dict[str, list[Span]]


@dataclass(frozen=True, slots=True)
class Item:
    """One step of a pattern."""

    concepts: tuple[str, ...]
    gap: int
    initial: bool


@dataclass(frozen=True, slots=True)
class Pattern:
    """A sequence of concepts."""

    items: tuple[Item, ...]

    @classmethod
    def parse(cls, source: str) -> tuple[Pattern, ...]:
        """The patterns that ``source`` stands for: one, or both orders."""
        both = source.startswith("~")
        items: list[Item] = []
        gap = DEFAULT_GAP
        for part in source.lstrip("~ ").split():
            if part.isdigit():
                gap = int(part)
                continue
            items.append(Item(tuple(part.lstrip("^").split("/")), gap, part.startswith("^")))
            gap = DEFAULT_GAP
        forward = cls(tuple(items))
        if not both:
            return (forward,)
        first, second = items
        return forward, cls((Item(second.concepts, first.gap, second.initial), Item(first.concepts, second.gap, first.initial)))

    def possible(self, hits: Hits) -> bool:
        """Does every item have a concept that occurs at all? Cheap, and mostly the answer is no."""
        for item in self.items:
            for concept in item.concepts:
                if concept in hits:
                    break
            else:
                return False
        return True

    def find(self, hits: Hits, sentence: Sentence) -> list[tuple[Span, ...]]:
        """Every match, as the spans of its items; at most one for each place of the first item."""
        out = []
        for start in _places(hits, self.items[0]):
            if self.items[0].initial and start[0] not in sentence.breaks:
                continue
            rest = _follow(hits, self.items, 1, start[1])
            if rest is not None:
                out.append((start, *rest))
        return out


def _places(hits: Hits, item: Item) -> list[Span]:
    if len(item.concepts) == 1:
        return hits.get(item.concepts[0], [])
    return sorted(span for concept in item.concepts for span in hits.get(concept, ()))


def _follow(hits: Hits, items: Sequence[Item], at: int, last: int) -> tuple[Span, ...] | None:
    if at == len(items):
        return ()
    for span in _places(hits, items[at]):
        if last < span[0] <= last + 1 + items[at].gap:
            rest = _follow(hits, items, at + 1, span[1])
            if rest is not None:
                return (span, *rest)
    return None


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The compiled vocabulary of one language. Build it with :meth:`compile`."""

    exact: Mapping[str, tuple[str, ...]]
    prefixes: Mapping[str, tuple[str, ...]]
    lengths: tuple[int, ...]
    squeezed: Mapping[str, tuple[str, ...]]
    fuzzy: Mapping[str, tuple[str, ...]]
    stop: frozenset[str]
    phrases: Mapping[str, tuple[tuple[tuple[str, ...], str], ...]]
    macros: tuple[tuple[str, tuple[Pattern, ...]], ...]
    cache: Any = field(repr=False, compare=False)

    @classmethod
    def compile(
        cls, concepts: Mapping[str, Iterable[str]], macros: Mapping[str, Iterable[str]], loose: Iterable[str], strict: Iterable[str]
    ) -> Lexicon:
        """Compile ``concepts`` (name -> words, ``word*`` for a prefix) and ``macros`` (name -> patterns).

        ``loose`` names the concepts whose words may be misspelt by one letter, ``strict`` words that are never
        taken for a misspelling of another.
        """
        tables, misspelt = _Tables(), frozenset(loose)
        for name, entries in concepts.items():
            for entry in entries:
                tables.add(name, entry, loose=name in misspelt)
        compiled = tuple((name, tuple(p for source in sources for p in Pattern.parse(source))) for name, sources in macros.items())
        known = {*concepts, *macros}
        for literal in sorted({c for _, patterns in compiled for p in patterns for item in p.items for c in item.concepts} - known):
            tables.add(literal, literal, loose=False)
        return tables.lexicon(compiled, frozenset(fold(w) for w in strict))

    def tag(self, sentence: Sentence) -> tuple[Hits, Sentence]:
        """Every concept of ``sentence`` with its places, and the sentence with the clause beginnings of this language."""
        out: Hits = {}
        folds = sentence.folds
        for at, word in enumerate(folds):
            for concept in self.cache(word):
                out.setdefault(concept, []).append((at, at))
            for sequence, concept in self.phrases.get(word, ()):
                if folds[at : at + len(sequence)] == sequence:
                    out.setdefault(concept, []).append((at, at + len(sequence) - 1))
        if out:
            sentence = _begin_clauses(sentence, out)
            self._add_macros(out, sentence)
        return out, sentence

    def _add_macros(self, hits: Hits, sentence: Sentence) -> None:
        for name, patterns in self.macros:
            found = [(m[0][0], m[-1][1]) for p in patterns if p.possible(hits) for m in p.find(hits, sentence)]
            if found:
                hits[name] = sorted({*hits.get(name, ()), *found})


def _begin_clauses(sentence: Sentence, hits: Hits) -> Sentence:
    """A clause also begins after "and", and after the "hello, please" in front of it."""
    leads = {span[0]: span[1] for span in hits.get("lead", ())}
    breaks = set(sentence.breaks) | {span[1] + 1 for span in hits.get("conj", ())}
    for begin in sorted(breaks):
        at = begin
        while at in leads:
            at = leads[at] + 1
            breaks.add(at)
    return replace(sentence, breaks=frozenset(breaks))


class _Tables:
    """Collects entries while a lexicon is compiled."""

    def __init__(self) -> None:
        self.exact: dict[str, tuple[str, ...]] = {}
        self.prefixes: dict[str, tuple[str, ...]] = {}
        self.fuzzy: dict[str, tuple[str, ...]] = {}
        self.phrases: dict[str, tuple[tuple[tuple[str, ...], str], ...]] = {}

    def add(self, concept: str, entry: str, *, loose: bool) -> None:
        for spelling in spellings(entry):
            words = words_of(spelling.rstrip("*"))
            if len(words) > 1:
                self.phrases[words[0]] = (*self.phrases.get(words[0], ()), (words, concept))
            elif spelling.endswith("*"):
                _put(self.prefixes, words[0], concept)
            else:
                _put(self.exact, words[0], concept)
            if loose and len(words) == 1 and len(words[0]) >= FUZZY_FROM:
                for near in _shorter(words[0]):
                    _put(self.fuzzy, near, concept)

    def lexicon(self, macros: tuple[tuple[str, tuple[Pattern, ...]], ...], strict: frozenset[str]) -> Lexicon:
        squeezed: dict[str, tuple[str, ...]] = {}
        for word, concepts in self.exact.items():
            if len(word) >= SQUEEZE_FROM:
                for concept in concepts:
                    _put(squeezed, squeeze(word), concept)
        lengths = tuple(sorted({len(p) for p in self.prefixes}))
        parts = (self.exact, self.prefixes, lengths, squeezed, self.fuzzy, strict, self.phrases, macros)
        return Lexicon(*parts, lru_cache(CACHED_WORDS)(lambda word: _concepts(word, *parts[:6])))


def _put(table: dict[str, tuple[str, ...]], key: str, concept: str) -> None:
    if concept not in table.get(key, ()):
        table[key] = (*table.get(key, ()), concept)


def _shorter(word: str) -> set[str]:
    """``word`` with one letter left out, anywhere but at its start."""
    return {word[:i] + word[i + 1 :] for i in range(1, len(word))} | {word}


def _concepts(
    word: str,
    exact: Mapping[str, tuple[str, ...]],
    prefixes: Mapping[str, tuple[str, ...]],
    lengths: tuple[int, ...],
    squeezed: Mapping[str, tuple[str, ...]],
    fuzzy: Mapping[str, tuple[str, ...]],
    strict: frozenset[str],
) -> tuple[str, ...]:
    """The concepts of one folded word: as written, by prefix, with doubled letters made single, misspelt by one letter."""
    found = [*exact.get(word, ())]
    for length in lengths:
        found.extend(prefixes.get(word[:length], ()) if len(word) >= length else ())
    if found or word in strict:
        return tuple(dict.fromkeys(found))
    if len(word) >= SQUEEZE_FROM and squeeze(word) in squeezed:
        return squeezed[squeeze(word)]
    if len(word) >= FUZZY_FROM and word.isalpha():
        return tuple(dict.fromkeys(c for near in sorted(_shorter(word)) for c in fuzzy.get(near, ())))
    return ()
