"""What each threshold of the verdict costs: ``python -m tests.corpus.calibrate`` judges the corpus out of fold.

Every mail of the families that are not held out is heard by a witness that saw none of its family, and judged by the desk's
own verdict under many thresholds. The best are printed; they are set by hand in ``shared.toml``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from tests.corpus.corpus import Sample, message
from tests.corpus.evaluate import lines
from tests.corpus.measures import Read, measure
from tests.corpus.train import HEADS, Lesson, out_of_fold, taught
from worker.app import load_reader
from worker.mail.parse import parse
from worker.rules.reading import verdict
from worker.rules.reading.model import Reading
from worker.rules.reading.rules import Thresholds
from worker.rules.reading.verdict import Seen
from worker.rules.reading.witness import Hearing

Heard = tuple[Sample, Seen, Hearing]


def heard_out_of_fold(seen: Sequence[tuple[Sample, Seen]]) -> list[Heard]:
    """Each mail with what a witness of other families says of it."""
    scores: Any = out_of_fold(Lesson([s for s, _ in seen], [each.views for _, each in seen]))
    said = [{head: round(float(score) * 1000) for head, score in zip(HEADS, row, strict=True)} for row in scores]
    return [(sample, each, Hearing(heads, each.views)) for (sample, each), heads in zip(seen, said, strict=True)]


def judged(heard: Sequence[Heard], limits: Thresholds) -> list[Read]:
    """The desk's verdict on each."""
    return [Read(sample, verdict.decide(each, hearing, limits, {})) for sample, each, hearing in heard]


def tried(limits: Thresholds) -> Iterator[Thresholds]:
    """Thresholds worth a look."""
    for act, other in product(range(-200, 1001, 100), (-100, 100, 300, 500, 700)):
        yield replace(limits, act_sure=act, other_sure=other)


def main() -> int:
    """Print the thresholds that act most for each number of false acts, and what the present ones reach."""
    reader = load_reader()
    looked = [(s, reader.observe(parse(message(s)))) for s in taught()]
    heard = heard_out_of_fold([(s, each) for s, each in looked if isinstance(each, Seen)])
    machines = [Read(s, each) for s, each in looked if isinstance(each, Reading)]
    best: dict[int, tuple[int, Thresholds]] = {}
    for limits in tried(reader.rules.thresholds):
        found = measure(judged(heard, limits))
        if found.coverage.hits > best.get(found.false.hits, (0, limits))[0]:
            best[found.false.hits] = (found.coverage.hits, limits)
    most, total = 0, sum(s.exit == "automatic" for s, _ in looked)
    for false in sorted(best):
        covered, limits = best[false]
        if covered > most:
            most = covered
            print(f"{false:3} false, coverage {covered / total:.3f}: act {limits.act_sure} other {limits.other_sure}")
    for bound in range(-600, 601, 200):
        m = measure([*machines, *judged(heard, replace(reader.rules.thresholds, seen=bound))])
        print(f"seen {bound}: lost {m.lost}, idle mails flagged {m.idle_flagged}")
    print(*lines("out of fold, present thresholds", measure([*machines, *judged(heard, reader.rules.thresholds)])), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
