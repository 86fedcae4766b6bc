"""In which language a mail is written: stop words, then letter groups; or none of ours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from worker.rules.model import Language

MOST_WORDS: Final = 400  # looked at; more does not change the answer
ENOUGH: Final = 6  # words below which a fifth language is not claimed
LATIN_END: Final = "\u0250"  # the first letter beyond Latin


@dataclass(frozen=True, slots=True)
class Languages:
    """The stop words and letter groups of our languages, and stop words of the others we may meet."""

    stop: Mapping[Language, frozenset[str]]
    grams: Mapping[Language, frozenset[str]]
    others: Mapping[str, frozenset[str]]

    @classmethod
    def from_data(cls, data: Mapping[str, Mapping[str, Any]]) -> Languages:
        """Read ``[language]`` of each language's data, and ``[others]`` of the shared data."""
        tables = {lang: data.get(lang.value, {}).get("language", {}) for lang in Language}
        return cls(
            {lang: frozenset(str(table.get("stop", "")).split()) for lang, table in tables.items()},
            {lang: frozenset(str(table.get("grams", "")).split()) for lang, table in tables.items()},
            {name: frozenset(str(words).split()) for name, words in data.get("shared", {}).get("others", {}).items()},
        )


@dataclass(frozen=True, slots=True)
class Guess:
    """The language to answer in, and whether the text is in none of ours."""

    language: Language
    foreign: bool = False


def guess(own: Sequence[str], more: Iterable[str], languages: Languages, default: Language = Language.EN) -> Guess:
    """Guess from the sender's own folded words; ``more`` (quoted text) only decides what they leave open."""
    words = own[:MOST_WORDS]
    scores = _scores(words, languages)
    best = _best(scores)
    if best is None:
        best = _best(_scores(list(more)[:MOST_WORDS], languages))
    return Guess(best or default, _foreign(words, max(s for s, _ in scores.values()), languages))


def _scores(words: Sequence[str], languages: Languages) -> dict[Language, tuple[float, Language]]:
    grams = Counter(word[i : i + 3] for word in (f"_{w}_" for w in words) for i in range(len(word) - 2))
    total = max(1, grams.total())
    out = {}
    for lang in Language:
        stops = sum(w in languages.stop[lang] for w in words)
        letters = sum(n for gram, n in grams.items() if gram in languages.grams[lang])
        out[lang] = (stops + 4.0 * letters / total * max(1.0, len(words) / 8), lang)
    return out


def _best(scores: Mapping[Language, tuple[float, Language]]) -> Language | None:
    ranked = sorted(scores.values(), key=lambda pair: -pair[0])
    return ranked[0][1] if ranked[0][0] > ranked[1][0] else None


def _foreign(words: Sequence[str], ours: float, languages: Languages) -> bool:
    """Another script, or clearly more stop words of a language that the desk does not write."""
    letters = "".join(w for w in words if w.isalpha())
    if letters and sum(c >= LATIN_END for c in letters) > len(letters) / 3:
        return True
    theirs = max((sum(w in stop for w in words) for stop in languages.others.values()), default=0)
    return len(words) >= ENOUGH and theirs >= 3 and theirs > ours * 1.3  # noqa: PLR2004 - three chance hits happen
