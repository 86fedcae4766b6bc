"""``make eval``: what the reading reaches on families that it was not taught, with 95 % bounds, by language, right and group.

    python -m tests.corpus.evaluate [--taught] [--show] [--log]

``--taught`` measures the other families too, which says little; ``--show`` names the mails that went wrong there, for those
who mend the phrases (never of the held-out ones); ``--log`` appends the figures to ``docs/eval-log.csv``.
Exits 1 if a floor of ``floors.toml`` is not reached.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.corpus.corpus import Sample, load, message
from tests.corpus.measures import Measures, Read, measure
from worker.app import load_reader
from worker.mail.parse import parse
from worker.rules.reading.model import Exit

LOG: Final = Path("docs/eval-log.csv")
FLOORS: Final = Path(__file__).parent / "floors.toml"
FIELDS: Final = (
    "date", "commit", "mails", "attempts", "false", "coverage", "lost", "macro_f1", "idle_flagged", "values", "values_wrong", "language", "ms_per_mail",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Spent:
    """CPU seconds of reading a set, parsing included, one value a mail, ascending."""

    seconds: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Milliseconds a mail."""
        return 1000 * sum(self.seconds) / max(1, len(self.seconds))

    @property
    def p99(self) -> float:
        """Milliseconds below which 99 of 100 stay."""
        return 1000 * self.seconds[int(0.99 * (len(self.seconds) - 1))]


def read(samples: Sequence[Sample]) -> tuple[list[Read], Spent]:
    """Read every mail as the desk does."""
    reader, found, spent = load_reader(), [], []
    raws = [message(s) for s in samples]
    for raw in raws[:200]:  # what is compiled at first use is not the cost of a mail
        reader.read(parse(raw))
    for sample, raw in zip(samples, raws, strict=True):
        began = time.process_time()
        found.append(Read(sample, reader.read(parse(raw))))
        spent.append(time.process_time() - began)
    return found, Spent(tuple(sorted(spent)))


def lines(name: str, m: Measures) -> list[str]:
    """A group as text."""
    rights = " ".join(f"{label} {value:.2f}" for label, value in m.rights_f1.items())
    return [
        f"{name}: {m.mails} mails",
        f"  false automatic actions   {m.false}",
        f"  coverage                  {m.coverage}",
        f"  lost requests             {m.lost}",
        f"  authority, complaint seen {m.always}",
        f"  macro F1                  {m.macro_f1:.3f}  ({rights})",
        f"  idle mails flagged        {m.idle_flagged}",
        f"  values right, wrong       {m.values}, {m.values_wrong}",
        f"  language, from 40 letters {m.language}, {m.language_long}",
    ]


def by_group(found: Sequence[Read]) -> list[str]:
    """The short figures of each language and of each kind of mail."""
    groups = {lang: [r for r in found if r.sample.language == lang] for lang in ("en", "nl", "fr", "de")}
    groups |= {why: [r for r in found if why in r.sample.why] for why in sorted({w for r in found for w in r.sample.why})}
    return [_short(name, measure(chosen)) for name, chosen in groups.items()]


def _short(name: str, m: Measures) -> str:
    acts = f"false {m.false.hits}/{m.false.total}  coverage {m.coverage.value:.2f}  lost {m.lost.hits}  F1 {m.macro_f1:.2f}"
    return f"  {name:13} {m.mails:5} mails  {acts}"


def wrong(found: Sequence[Read]) -> list[str]:
    """What went wrong, mail by mail."""
    out = []
    for r in found:
        kind = "FALSE" if r.false else "LOST" if r.lost else "missed" if r.sample.exit is Exit.AUTOMATIC and not r.attempt else ""
        if kind:
            out.append(
                f"{kind:6} {r.sample.id} {[*r.sample.labels]} {[*r.sample.why]} -> {r.reading.exit} {[*r.reading.labels]} {[*r.reading.reasons]}"
            )
    return out


def below(m: Measures) -> list[str]:
    """The floors that are not reached."""
    floors = tomllib.loads(FLOORS.read_text("utf-8"))
    reached = {
        "coverage": m.coverage.value, "macro_f1": m.macro_f1, "values": m.values.value, "language": m.language.value, "always": m.always.value,
    }  # fmt: skip
    most = {"false": m.false.value, "lost": m.lost.value, "idle_flagged": m.idle_flagged.value, "values_wrong": m.values_wrong.value}
    out = [f"{name} {reached[name]:.3f} is below {floor}" for name, floor in floors["at_least"].items() if reached[name] < floor]
    return out + [f"{name} {most[name]:.3f} is above {bound}" for name, bound in floors["at_most"].items() if most[name] > bound]


def logged(m: Measures, spent: Spent) -> None:
    """One more line of the log."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    row = (
        f"{datetime.now(UTC):%Y-%m-%d}", commit, m.mails, m.false.total, m.false.hits, f"{m.coverage.value:.3f}", m.lost.hits, f"{m.macro_f1:.3f}",
        f"{m.idle_flagged.value:.3f}", f"{m.values.value:.3f}", f"{m.values_wrong.value:.3f}", f"{m.language.value:.3f}", f"{spent.mean:.2f}",
    )  # fmt: skip
    new = not LOG.exists()
    with LOG.open("a", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        if new:
            out.writerow(FIELDS)
        out.writerow(row)


def main() -> int:
    """Print all measures; 1 if a floor is not reached."""
    parser = argparse.ArgumentParser(prog="make eval", description="Measure the reading on the held-out families of the corpus.")
    for option, text in (
        ("--taught", "measure the other families too"),
        ("--show", "name what went wrong there"),
        ("--log", f"append to {LOG}"),
    ):
        parser.add_argument(option, action="store_true", help=text)
    chosen = parser.parse_args()
    samples = load()
    if chosen.taught or chosen.show:
        found, _ = read([s for s in samples if not s.held_out])
        print(*lines("taught", measure(found)), *by_group(found), *(wrong(found) if chosen.show else ()), sep="\n")
    found, spent = read([s for s in samples if s.held_out])
    held_out = measure(found)
    print(*lines("held out", held_out), *by_group(found), sep="\n")
    print(f"  CPU, parsing included: {spent.mean:.2f} ms a mail ({1000 / spent.mean:.0f} mails/s), p99 {spent.p99:.1f} ms")
    if chosen.log:
        logged(held_out, spent)
    missed = below(held_out)
    print(*(f"NOT REACHED: {text}" for text in missed), sep="\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
