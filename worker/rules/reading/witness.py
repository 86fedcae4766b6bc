"""The witness: a linear model of the corpus that the rules do not know. Integers only, so that every machine agrees.

A mail's score for a head is the sum of the weights of its features, view by view, divided by the length of the view's
vector, plus a bias. All heads of a feature stand in one big integer, a field each: adding two features adds all heads.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isqrt
from typing import Any, Final

from worker.rules.reading.features import Views

SCALE: Final = 1000  # of a score: 1000 is the margin of the model
VIEWS: Final = ("words", "letters", "concepts")

_FIELD: Final = 32  # bits: 255 times 16 million features fill it
_MASK: Final = (1 << _FIELD) - 1
_OFFSET: Final = 128  # makes every field positive


class View:
    """One kind of features: each with its squared length (times 16) and its weights; ``step`` is what a weight of 1 is worth, in millionths.

    A feature is packed when it is met for the first time: a command that reads one mail needs a few hundred of twenty thousand.
    """

    def __init__(self, data: Mapping[str, Any], heads: int) -> None:
        self.step = int(data["step"])
        self._heads, self._squares, self._weights = heads, data["squares"], b64decode(data["weights"])
        self._place = {name: at for at, name in enumerate(data["features"])}
        self._packed: dict[str, int] = {}
        if len(self._weights) != len(self._place) * heads or len(self._squares) != len(self._place):
            msg = "the witness's table of weights has another size than its list of features"
            raise ValueError(msg)

    def weights(self, feature: str) -> bytes | None:
        """The weights of a feature for all heads, as bytes in two's complement; None if it is not known."""
        at = self._place.get(feature)
        return None if at is None else self._weights[at * self._heads : (at + 1) * self._heads]

    def packed(self, feature: str) -> int | None:
        """The feature as one big integer: its square, then a field a head; None if it is not known."""
        found = self._packed.get(feature)
        if found is None and (row := self.weights(feature)) is not None:
            found = self._packed[feature] = _packed(self._squares[self._place[feature]], row)
        return found


@dataclass(frozen=True, slots=True)
class Hearing:
    """What the witness says: a score for each head, in thousandths of the model's margin."""

    scores: Mapping[str, int]
    views: Views

    def __getitem__(self, head: str) -> int:
        return self.scores[head]


@dataclass(frozen=True, slots=True)
class Witness:
    """The model. Build it with :meth:`from_data`."""

    version: str
    heads: tuple[str, ...]
    bias: tuple[int, ...]
    views: Mapping[str, View]

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Witness:
        """Unpack a model as ``tests.corpus.train`` writes it. KeyError or ValueError if it is not one."""
        heads = tuple(data["heads"])
        views = {name: View(data["views"][name], len(heads)) for name in VIEWS}
        return cls(str(data["version"]), heads, tuple(data["bias"]), views)

    def hear(self, seen: Views) -> Hearing:
        """The scores of a mail."""
        totals = list(self.bias)
        for name, view in self.views.items():
            for at, part in enumerate(_scores(view, getattr(seen, name), len(self.heads))):
                totals[at] += part
        return Hearing(dict(zip(self.heads, totals, strict=True)), seen)

    def words_for(self, hearing: Hearing, head: str, most: int = 3) -> tuple[str, ...]:
        """The words and pairs of words that speak most for ``head``, strongest first."""
        at, view = self.heads.index(head), self.views["words"]
        said = [(_signed(row[at]), word) for word in hearing.views.words if (row := view.weights(word)) is not None]
        return tuple(word for weight, word in sorted(said, key=lambda pair: (-pair[0], pair[1]))[:most] if weight > 0)


def _scores(view: View, features: Iterable[str], heads: int) -> list[int]:
    known = [found for feature in features if (found := view.packed(feature)) is not None]
    total = sum(known)
    length = isqrt((total & _MASK) * 10_000)  # 400 times the length: the squares are sixteenfold
    if not length:
        return [0] * heads
    parts = ((total >> (_FIELD * (at + 1)) & _MASK) - _OFFSET * len(known) for at in range(heads))
    return [part * view.step * 400 // (length * SCALE) for part in parts]


def _signed(byte: int) -> int:
    return byte - 256 if byte > 127 else byte  # noqa: PLR2004 - two's complement


def _packed(square: int, row: bytes) -> int:
    out = square
    for at, byte in enumerate(row):
        out |= (_signed(byte) + _OFFSET) << (_FIELD * (at + 1))
    return out
