"""Text to sentences of folded words, every word knowing its characters in the decoded visible text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from worker.rules.reading.model import Part

LONGEST_SENTENCE: Final = 120  # words; a longer one is cut softly, so that matching stays bounded
LONGEST_WORD: Final = 60  # characters that are looked at

_SOURCE: Final = (
    r"(?P<x>[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}|https?://\S{1,2000}|www\.\S{1,2000})"
    r"|(?P<abbr>(?:[^\W\d_]\.){2,5})"
    r"|(?P<w>(?<!\w)e-mailLETTER{0,40}|LETTER{1,200})"
    r"|(?P<end>[.!?…]{1,9})"
    r"|(?P<nl>\n[\s>]{0,200})"
    r"|(?P<soft>[,;:()\[\]|•*–—-])"
    r"|(?P<quote>[\"“”„«»]|''|(?<!\w)['‘](?=\w)|(?<=\w)['’](?!\w))"
)
_TOKEN: Final = re.compile(_SOURCE.replace("LETTER", r"[^\W_]"), re.IGNORECASE)
_MARKED: Final = re.compile("[\u0300-\u036f]")  # accents as characters of their own: rare, and slower to read
_MARKED_TOKEN: Final = re.compile(_SOURCE.replace("LETTER", r"(?:[^\W_]|[\u0300-\u036f])"), re.IGNORECASE)
_SPECIAL: Final = str.maketrans({"ß": "ss", "œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "ı": "i"})
_NO_END: Final = frozenset(
    [
        "art",
        "artt",
        "nr",
        "no",
        "tel",
        "mr",
        "mw",
        "mevr",
        "dhr",
        "dr",
        "st",
        "abs",
        "bzw",
        "ca",
        "nb",
        "str",
        "bv",
        "mme",
        "mlle",
        "fax",
        "gsm",
        "str",
        "resp",
        "evtl",
        "ggf",
        "inkl",
        "incl",
        "ms",
        "mrs",
        "ref",
        "vs",
        "cf",
        "al",
    ]
)
_DOUBLED: Final = re.compile(r"(.)\1+", re.DOTALL)
_BULLET: Final = frozenset("-•*–")


@dataclass(frozen=True, slots=True)
class Word:
    """One word: its folded form (lower case, no accents) and its characters."""

    fold: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words that belong together. ``breaks`` are the indexes of words that begin a clause.

    ``open_end`` says that no mark ended it: it ran into a line end, and the next one may continue it.
    ``quoted`` are the indexes of words inside quotation marks.
    """

    words: tuple[Word, ...]
    part: Part
    breaks: frozenset[int]
    quoted: frozenset[int] = frozenset()
    question: bool = False
    open_end: bool = False

    @property
    def span(self) -> tuple[int, int]:
        """First and last character."""
        return self.words[0].start, self.words[-1].end

    @property
    def folds(self) -> tuple[str, ...]:
        """The folded words."""
        return tuple(w.fold for w in self.words)


def fold(word: str) -> str:
    """Lower case without accents, so that spelling by habit or by phone compares equal."""
    low = word[:LONGEST_WORD].lower()
    if low.isascii():
        return low
    apart = unicodedata.normalize("NFKD", low.translate(_SPECIAL))
    return "".join(c for c in apart if not unicodedata.combining(c) and c not in "\u200b\u200c\u200d\u00ad\ufeff")


def squeeze(folded: str) -> str:
    """Doubled letters made single: the commonest misspelling in all four languages."""
    return _DOUBLED.sub(r"\1", folded)


def spellings(phrase: str) -> set[str]:
    """``phrase``, and as people write it who have no umlauts on their keyboard."""
    return {phrase, phrase.replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")}


def words_of(text: str) -> tuple[str, ...]:
    """The folded words of a phrase, cut as mails are cut."""
    parts = text.split(" ")
    if len(text) <= LONGEST_WORD and all(map(str.isalpha, parts)):  # words and single spaces: nothing to cut
        return tuple(filter(None, map(fold, parts)))
    return tuple(w.fold for s in sentences(text, [(0, len(text))], Part.BODY) for w in s.words)


class _Builder:
    """Collects words into sentences."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.done: list[Sentence] = []
        self.words: list[Word] = []
        self.breaks: set[int] = {0}
        self.quoted: set[int] = set()
        self.in_quote = False

    def add(self, folded: str, start: int, end: int) -> None:
        if not folded:
            return
        if self.in_quote:
            self.quoted.add(len(self.words))
        self.words.append(Word(folded, start, end))
        if len(self.words) >= LONGEST_SENTENCE:
            self.close(open_end=True)

    def close(self, *, question: bool = False, open_end: bool = False) -> None:
        if self.words:
            self.done.append(Sentence(tuple(self.words), self.part, frozenset(self.breaks), frozenset(self.quoted), question, open_end))
        self.words, self.breaks, self.quoted = [], {0}, set()

    def mark(self) -> None:
        self.breaks.add(len(self.words))


def sentences(text: str, spans: Iterable[tuple[int, int]], part: Part) -> tuple[Sentence, ...]:
    """The sentences of the given character spans of ``text``, in order."""
    out = _Builder(part)
    for start, end in spans:
        for kind, match in _tokens(text, start, end):
            _take(out, kind, match, text)
        out.in_quote = False
        out.close(open_end=True)
    return tuple(out.done)


def _tokens(text: str, start: int, end: int) -> Iterator[tuple[str, re.Match[str]]]:
    pattern = _MARKED_TOKEN if _MARKED.search(text, start, end) else _TOKEN
    for match in pattern.finditer(text, start, end):
        yield match.lastgroup or "", match


def _take(out: _Builder, kind: str, match: re.Match[str], text: str) -> None:
    match kind:
        case "w":
            out.add(fold(match.group()).replace("-", ""), match.start(), match.end())
        case "x":
            out.add(fold(match.group()), match.start(), match.end())
        case "abbr":
            out.add(fold(match.group()).replace(".", ""), match.start(), match.end())
        case "soft":
            out.mark()
        case "quote":
            out.in_quote = not out.in_quote
            out.mark()
        case "end":
            _take_end(out, match, text)
        case _:
            _take_line_end(out, match, text)


def _take_end(out: _Builder, match: re.Match[str], text: str) -> None:
    after = text[match.end() : match.end() + 1]
    last = out.words[-1].fold if out.words else ""
    inside_word = after.isalnum() and match.group() == "."
    if match.group() == "." and (last in _NO_END or inside_word):
        out.mark()
    else:
        out.close(question="?" in match.group())


def _take_line_end(out: _Builder, match: re.Match[str], text: str) -> None:
    """A blank line ends a sentence; a line end only if the next line looks like a new beginning."""
    after = text[match.end() : match.end() + 1]
    blank = match.group().count("\n") > 1
    if blank or after in _BULLET or after.isupper() or after.isdigit():
        out.in_quote = out.in_quote and not blank
        out.close(open_end=not blank)
    else:
        out.mark()
