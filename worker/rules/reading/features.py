"""What the witness looks at: the words of a mail, their letters, and the concepts that stand near each other.

Three views of the sender's own words, each a set of strings. Nothing here weighs anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from worker.rules.reading.extract import Extraction
from worker.rules.reading.lexicon import Hits
from worker.rules.reading.rules import Found
from worker.rules.reading.tokens import Sentence

LETTERS: Final = 4  # letters in a row, the word's ends included
REACH: Final = 7  # words between two concepts that are seen together
MOST_SENTENCES: Final = 200  # of a mail; what is behind them is not looked at

_DIGIT: Final = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Views:
    """The three views of one mail."""

    words: frozenset[str]
    letters: frozenset[str]
    concepts: frozenset[str]


def views(tagged: Sequence[tuple[Sentence, Hits]], found: Found, values: Extraction) -> Views:
    """Look at the sender's own sentences (subject first), tagged in the language of the mail.

    Quotes, signatures and footers are no part of it: what stands around a request never changes what is heard.
    """
    near = tagged[:MOST_SENTENCES]
    words = [_DIGIT.sub("0", fold) for sentence, _ in near for fold in sentence.folds]
    pairs = {f"{a} {b}" for sentence, _ in near for a, b in zip(sentence.folds, sentence.folds[1:], strict=False)}
    asked = {"?"} if any(sentence.question for sentence, _ in near) else set()
    concepts = {feature for sentence, hits in near for feature in _of_sentence(sentence, hits)}
    concepts |= _of_rules(found) | _of_shape(len(words), len(near), values)
    return Views(frozenset({*words, *pairs, *asked}), frozenset(g for word in set(words) for g in _grams(word)), frozenset(concepts))


def _grams(word: str) -> Iterable[str]:
    whole = f"_{word}_"
    return (whole[i : i + LETTERS] for i in range(len(whole) - LETTERS + 1))


def _of_sentence(sentence: Sentence, hits: Hits) -> Iterable[str]:
    """The concepts of a sentence, and ordered pairs of those that stand near each other."""
    yield from hits
    if sentence.question:
        yield from (f"?{concept}" for concept in hits)
    places = sorted((span[0], concept) for concept, spans in hits.items() for span in spans)
    for i, (at, concept) in enumerate(places):
        for j in range(i + 1, len(places)):
            other_at, other = places[j]
            if other_at - at > REACH:
                break
            if other != concept:
                yield f"{concept}>{other}"


def _of_rules(found: Found) -> set[str]:
    """Which rules matched, and which guards fired on them."""
    out: set[str] = set()
    for finding in found.findings:
        label = finding.rule.label.value
        out |= {f"r:{finding.rule.id}", f"l:{label}"}
        out |= {f"g:{guard.concept}" for guard, _ in finding.guards} | {f"g:{label}:{guard.concept}" for guard, _ in finding.guards}
        if not finding.asks:
            out.add(f"bare:{label}")
    return out | {f"m:{guard.concept}" for guard, _ in found.guards}


def _of_shape(words: int, sentences: int, values: Extraction) -> set[str]:
    """How long it is, and which values it holds."""
    out = {f"words:{words.bit_length()}", f"sentences:{sentences.bit_length()}"}
    out |= {f"new:{change.column.value}" for change in values.fields.changes}
    marks = {
        "changes": bool(values.fields.changes), "old": any(c.old for c in values.fields.changes), "doubtful": values.doubtful, "bank": values.bank,
        "named": values.fields.name is not None, "address": values.fields.email is not None, "number": values.fields.customer_number is not None,
    }  # fmt: skip
    return out | {f"has:{name}" for name, there in marks.items() if there}
