"""What the reading reaches on a set of mails: counts first, then shares with their 95 % bounds."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

from tests.corpus.corpus import Sample
from worker.rules.model import Column
from worker.rules.reading.model import Exit, Label, Reading

RIGHTS: Final = (Label.ACCESS, Label.CORRECTION, Label.DELETION, Label.UNSUBSCRIBE, Label.OBJECTION, Label.RESTRICTION, Label.PORTABILITY)
#: Mails of these labels ask a person's time for nothing.
IDLE: Final = frozenset({Label.OTHER, Label.SPAM, Label.AUTO_REPLY, Label.BOUNCE})
#: These must reach staff whatever else a mail says.
ALWAYS_STAFF: Final = frozenset({Label.AUTHORITY, Label.COMPLAINT})
LONG_ENOUGH: Final = 40  # characters from which the language must be sure
_PHONES: Final = frozenset({Column.TELEPHONE, Column.MOBILE, Column.FAX})
_Z: Final = 1.96  # of the normal distribution, for 95 %


@dataclass(frozen=True, slots=True)
class Read:
    """One mail of the corpus and what the desk made of it."""

    sample: Sample
    reading: Reading

    @property
    def rights(self) -> frozenset[Label]:
        """The rights that were read."""
        return frozenset(self.reading.labels) & set(RIGHTS)

    @property
    def asked(self) -> frozenset[Label]:
        """The rights that are asked."""
        return frozenset(self.sample.labels) & set(RIGHTS)

    @property
    def attempt(self) -> bool:
        """The desk would act by itself."""
        return self.reading.exit is Exit.AUTOMATIC

    @property
    def false(self) -> bool:
        """It would act on a mail that must not be acted on, or on a wrong right."""
        return self.attempt and (self.sample.exit is not Exit.AUTOMATIC or self.rights != self.asked)

    @property
    def lost(self) -> bool:
        """Somebody must see it, and nobody will."""
        must = self.sample.exit is not Exit.QUIET or bool(ALWAYS_STAFF & set(self.sample.labels))
        return must and self.reading.exit is Exit.QUIET

    @property
    def values_right(self) -> bool:
        """Every corrected value was read, and no other."""
        wanted = {(v.column, plain(v.column, v.new)) for v in self.sample.values}
        return wanted == {(c.column, plain(c.column, c.new)) for c in self.reading.fields.changes}


def plain(column: Column, value: str) -> str:
    """A value without what its writing does not change: case, accents, spaces; of a telephone number the last nine digits."""
    if column in _PHONES:
        return re.sub(r"\D", "", value)[-8:]
    folded = "".join(c for c in unicodedata.normalize("NFKD", value.casefold()) if not unicodedata.combining(c))
    return re.sub(r"[\W_]+", "", folded)


@dataclass(frozen=True, slots=True)
class Share:
    """``hits`` of ``total``."""

    hits: int
    total: int

    @property
    def value(self) -> float:
        """Between 0 and 1; 0 of nothing is 0."""
        return self.hits / self.total if self.total else 0.0

    @property
    def bounds(self) -> tuple[float, float]:
        """The 95 % bounds: Clopper and Pearson's for the ends, where Wilson's are too narrow."""
        if not self.total:
            return 0.0, 1.0
        if self.hits in {0, self.total}:
            edge = 0.05 ** (1 / self.total)
            return (0.0, 1 - edge) if self.hits == 0 else (edge, 1.0)
        centre = (self.value + _Z**2 / (2 * self.total)) / (1 + _Z**2 / self.total)
        half = _Z * sqrt(self.value * (1 - self.value) / self.total + _Z**2 / (4 * self.total**2)) / (1 + _Z**2 / self.total)
        return max(0.0, centre - half), min(1.0, centre + half)

    def __str__(self) -> str:
        low, high = self.bounds
        return f"{self.hits}/{self.total} = {self.value:.3f} [{low:.3f}, {high:.3f}]"


def share(found: Iterable[Read], of: Callable[[Read], bool], hit: Callable[[Read], bool]) -> Share:
    """How many of the mails that are ``of`` a kind are a ``hit``."""
    chosen = [r for r in found if of(r)]
    return Share(sum(map(hit, chosen)), len(chosen))


def f1(found: Sequence[Read], label: Label) -> float:
    """The harmonic mean of precision and recall of one label; 1 where it neither occurs nor is read."""
    hit = sum(label in r.sample.labels and label in r.reading.labels for r in found)
    wanted, read = sum(label in r.sample.labels for r in found), sum(label in r.reading.labels for r in found)
    return 2 * hit / (wanted + read) if wanted + read else 1.0


@dataclass(frozen=True, slots=True)
class Measures:
    """All figures of one set."""

    mails: int
    false: Share
    coverage: Share
    lost: Share
    always: Share  # authority and complaint that reached staff
    rights_f1: dict[Label, float]
    idle_flagged: Share
    values: Share
    values_wrong: Share  # on mails that were not flagged
    language: Share
    language_long: Share

    @property
    def macro_f1(self) -> float:
        """The mean over the seven rights."""
        return sum(self.rights_f1.values()) / len(self.rights_f1)


def measure(found: Sequence[Read]) -> Measures:
    """All figures of these mails."""
    return Measures(
        mails=len(found),
        false=share(found, lambda r: r.attempt, lambda r: r.false),
        coverage=share(found, lambda r: r.sample.exit is Exit.AUTOMATIC, lambda r: r.attempt and not r.false),
        lost=share(found, lambda r: r.sample.exit is not Exit.QUIET, lambda r: r.lost),
        always=share(found, lambda r: bool(ALWAYS_STAFF & set(r.sample.labels)), lambda r: r.reading.exit is Exit.STAFF),
        rights_f1={label: f1(found, label) for label in RIGHTS},
        idle_flagged=share(found, lambda r: r.sample.exit is Exit.QUIET and set(r.sample.labels) <= IDLE, lambda r: r.reading.exit is Exit.STAFF),
        values=share(found, lambda r: bool(r.sample.values) and r.sample.exit is Exit.AUTOMATIC, lambda r: r.values_right),
        values_wrong=share(found, lambda r: r.attempt and Label.CORRECTION in r.rights, lambda r: not r.values_right),
        language=share(found, lambda r: r.sample.language != "xx", lambda r: r.reading.language == r.sample.language),
        language_long=share(
            found, lambda r: r.sample.language != "xx" and len(r.sample.body.strip()) >= LONG_ENOUGH, lambda r: r.reading.language == r.sample.language
        ),
    )  # fmt: skip
