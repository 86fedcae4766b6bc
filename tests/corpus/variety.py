"""How varied the corpus is: ``python -m tests.corpus.variety [FILE ...]`` prints it; without a file, of the whole corpus.

Exits 1 if a measure of ``WRITING.md`` is not kept.
"""

from __future__ import annotations

import re
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Final

from tests.corpus.corpus import MalformedCorpus, Sample, load, parse
from worker.rules.reading.model import Exit

NEAR: Final = 0.3  # word-5-gram Jaccard above which two families say the same
GRAM: Final = 5  # words
SHORT, LONG = 15, 250  # words of a body
OPENING: Final = 6  # words

_WORD: Final = re.compile(r"\w+(?:['’]\w+)?")


def words(sample: Sample) -> list[str]:
    """The words of subject and body, in small letters."""
    text = re.sub(r"<[^>]+>", " ", sample.body) if sample.html else sample.body
    return _WORD.findall(text.lower())


def grams(tokens: list[str]) -> frozenset[tuple[str, ...]]:
    """Runs of five words; of a shorter mail the whole."""
    if len(tokens) < GRAM:
        return frozenset()
    return frozenset(tuple(tokens[i : i + GRAM]) for i in range(len(tokens) - GRAM + 1))


def near_pairs(samples: list[Sample]) -> list[tuple[str, str, float]]:
    """Mails of different families that share too many runs of five words."""
    sets = [grams(words(s)) for s in samples]
    where: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for index, grammed in enumerate(sets):
        for gram in grammed:
            where[gram].append(index)
    shared: Counter[tuple[int, int]] = Counter()
    for holders in where.values():
        for i, a in enumerate(holders):
            for b in holders[i + 1 :]:
                if samples[a].family != samples[b].family:
                    shared[a, b] += 1
    found = [(samples[a].id, samples[b].id, n / (len(sets[a]) + len(sets[b]) - n)) for (a, b), n in shared.items()]
    return sorted((pair for pair in found if pair[2] > NEAR), key=lambda pair: -pair[2])


def openings(samples: list[Sample]) -> tuple[int, list[tuple[str, int]]]:
    """How many mails begin with the same six words as one of another family, and the commonest openings."""
    families: dict[str, set[str]] = defaultdict(set)
    count: Counter[str] = Counter()
    for sample in samples:
        tokens = words(sample)
        if len(tokens) >= OPENING:
            start = " ".join(tokens[:OPENING])
            count[start] += 1
            families[start].add(sample.family)
    same = {start for start, held in families.items() if len(held) > 1}
    return sum(count[s] for s in same), [(s, count[s]) for s in sorted(same, key=lambda s: -count[s])[:10]]


def main(arguments: list[str]) -> int:
    """Print the measures; 1 if one is not kept."""
    try:
        samples = [s for f in arguments for s in parse(Path(f).read_text("utf-8"), Path(f).name)] if arguments else load()
    except MalformedCorpus as error:
        print(error, file=sys.stderr)
        return 1
    if not samples:
        print("no mails", file=sys.stderr)
        return 1
    lengths = sorted(len(words(s)) for s in samples)
    total = len(samples)
    short, long_ = sum(n < SHORT for n in lengths) / total, sum(n > LONG for n in lengths) / total
    repeated, common = openings(samples)
    near = near_pairs(samples)
    negatives = sum(s.exit is not Exit.AUTOMATIC for s in samples) / total
    print(f"{total} mails in {len({s.family for s in samples})} families, median {lengths[total // 2]} words")
    for title, key in (
        ("language", lambda s: [s.language]),
        ("exit", lambda s: [s.exit]),
        ("label", lambda s: s.labels),
        ("why", lambda s: s.why),
    ):
        tally = Counter(str(x) for s in samples for x in key(s))
        print(f"{title}: " + ", ".join(f"{name} {n}" for name, n in tally.most_common()))
    checks = (
        (f"under {SHORT} words: {short:.1%} (at least 20 %)", short >= 0.195),
        (f"over {LONG} words: {long_:.1%} (at least 10 %)", long_ >= 0.095),
        (f"a machine must not act: {negatives:.1%} (at least 50 %)", negatives >= 0.5),
        (f"same first six words as another family: {repeated / total:.1%} (at most 5 %)", repeated / total <= 0.05),
        (f"pairs of families that say the same: {len(near)} (none)", not near),
    )
    for text, kept in checks:
        print(("     " if kept else "NOT  ") + text)
    for a, b, value in near[:15]:
        print(f"     {value:.2f} {a} {b}")
    for opening, n in common:
        print(f"     {n} x {opening}")
    return 0 if all(kept for _, kept in checks) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
