"""Trains the witness on the corpus: ``python -m tests.corpus.train`` writes ``worker/rules/reading/data/witness.json``.

Deterministic: the same corpus, phrases and libraries give the same file. Held-out families are not looked at.
Thresholds come from folds split by family: no mail is judged by a model that saw one of its kind.
"""

from __future__ import annotations

import json
import sys
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.sparse import csr_matrix, diags, hstack
from sklearn.model_selection import GroupKFold
from sklearn.svm import LinearSVC

from tests.corpus.corpus import Sample, load, message
from tests.corpus.others import others
from worker.assembly import load_phrases
from worker.mail.parse import parse
from worker.rules.reading.features import Views
from worker.rules.reading.model import Exit, Label
from worker.rules.reading.reader import Reader
from worker.rules.reading.verdict import Seen
from worker.rules.reading.witness import VIEWS

OUT: Final = Path("worker/rules/reading/data/witness.json")
WEIGHT_OF_VIEW: Final = {"words": 1.0, "letters": 1.0, "concepts": 2.0}
KEPT: Final = {"words": 9_000, "letters": 5_000, "concepts": 9_000}  # features: with them the file stays below 1 MB
COST: Final = 0.7  # of the support vector machines: of 0.3, 0.7 and 2 the best on folds
FOLDS: Final = 8
LABELS: Final = tuple(label.value for label in Label if label is not Label.OTHER)
#: Beside the labels: whether a machine may act, and whether anybody must see the mail.
HEADS: Final = (*LABELS, "act", "seen")

Matrix = Any  # scipy's matrices carry no types
Array = Any


@dataclass(frozen=True)
class Lesson:
    """Mails with their features and what is right for them: one row a mail, one column a head."""

    samples: Sequence[Sample]
    views: Sequence[Views]

    @cached_property
    def truth(self) -> Array:
        """True where a head must speak."""
        rows = [[*(x in s.labels for x in LABELS), s.exit is Exit.AUTOMATIC, s.exit is not Exit.QUIET] for s in self.samples]
        return np.array(rows, dtype=bool)

    @property
    def families(self) -> list[str]:
        """The family of each mail."""
        return [s.family for s in self.samples]


def lesson(samples: Iterable[Sample], reader: Reader) -> Lesson:
    """Look at every mail as the desk does; what a machine's own headers give away needs no witness."""
    seen = [(s, reader.observe(parse(message(s)))) for s in samples]
    taught = [(s, each.views) for s, each in seen if isinstance(each, Seen)]
    return Lesson([s for s, _ in taught], [views for _, views in taught])


@dataclass(frozen=True)
class Space:
    """The features of one view that are known, each with its inverse document frequency."""

    view: str
    names: tuple[str, ...]
    idf: Array

    @classmethod
    def of(cls, view: str, seen: Sequence[Views]) -> Space:
        """Every feature of at least two mails."""
        counts = Counter(feature for each in seen for feature in getattr(each, view))
        names = tuple(sorted(feature for feature, n in counts.items() if n > 1))
        return cls(view, names, np.array([np.log((1 + len(seen)) / (1 + counts[name])) + 1 for name in names]))

    def only(self, kept: Array) -> Space:
        """The same with fewer features."""
        return Space(self.view, tuple(self.names[i] for i in kept), self.idf[kept])

    def matrix(self, seen: Sequence[Views]) -> Matrix:
        """One row a mail, of length 1 times the weight of the view."""
        place = {name: at for at, name in enumerate(self.names)}
        cells = [(row, place[f]) for row, each in enumerate(seen) for f in getattr(each, self.view) if f in place]
        rows, columns = np.array([c[0] for c in cells], dtype=int), np.array([c[1] for c in cells], dtype=int)
        made = csr_matrix((self.idf[columns], (rows, columns)), shape=(len(seen), len(self.names)))
        length = np.sqrt(np.asarray(made.multiply(made).sum(axis=1)).ravel())
        return diags(WEIGHT_OF_VIEW[self.view] / np.where(length == 0, 1, length)) @ made


@dataclass(frozen=True)
class Model:
    """Weights and biases of all heads over some spaces."""

    spaces: Sequence[Space]
    weights: Array  # heads x features, in the order of the spaces
    bias: Array

    @classmethod
    def fit(cls, spaces: Sequence[Space], seen: Sequence[Views], truth: Array) -> Model:
        """One support vector machine a head."""
        matrix = hstack([space.matrix(seen) for space in spaces]).tocsr()
        fitted = [_machine(matrix, truth[:, head]) for head in range(truth.shape[1])]
        return cls(spaces, np.array([weights for weights, _ in fitted]), np.array([bias for _, bias in fitted]))

    def scores(self, seen: Sequence[Views]) -> Array:
        """One row a mail, one column a head."""
        matrix = hstack([space.matrix(seen) for space in self.spaces]).tocsr()
        return np.asarray(matrix @ self.weights.T) + self.bias

    def pruned(self) -> list[Space]:
        """The features that weigh most in any head."""
        out, at = [], 0
        for space in self.spaces:
            strength = np.abs(self.weights[:, at : at + len(space.names)]).max(axis=0) * space.idf
            out.append(space.only(np.sort(np.argsort(-strength, kind="stable")[: KEPT[space.view]])))
            at += len(space.names)
        return out


def _machine(matrix: Matrix, wanted: Array) -> tuple[Array, float]:
    if not wanted.any():
        return np.zeros(matrix.shape[1]), -1.0
    fitted = LinearSVC(C=COST, class_weight="balanced", random_state=0).fit(matrix, wanted)
    return fitted.coef_[0], float(fitted.intercept_[0])


def trained(seen: Sequence[Views], truth: Array) -> Model:
    """Fit on everything, keep what weighs, fit again."""
    first = Model.fit([Space.of(view, seen) for view in VIEWS], seen, truth)
    return Model.fit(first.pruned(), seen, truth)


def out_of_fold(learnt: Lesson, folds: int = FOLDS) -> Array:
    """The score of each mail by a model that saw none of its family."""
    scores = np.zeros(learnt.truth.shape)
    for inner, outer in GroupKFold(folds).split(learnt.samples, groups=learnt.families):
        model = trained([learnt.views[i] for i in inner], learnt.truth[inner])
        scores[outer] = model.scores([learnt.views[i] for i in outer])
    return scores


def written(model: Model, version: str) -> dict[str, Any]:
    """The model as integers."""
    out, at = {}, 0
    for space in model.spaces:
        part = (model.weights[:, at : at + len(space.names)] * space.idf * WEIGHT_OF_VIEW[space.view]).T
        at += len(space.names)
        step = max(float(np.abs(part).max()) / 127, 1e-6)
        out[space.view] = {
            "step": round(step * 1_000_000),
            "features": list(space.names),
            "squares": [round(float(value) ** 2 * 16) for value in space.idf],
            "weights": b64encode(np.round(part / step).astype(np.int8).tobytes()).decode(),
        }
    return {"version": version, "heads": list(HEADS), "bias": [round(float(b) * 1000) for b in model.bias], "views": out}


def taught() -> list[Sample]:
    """What the witness learns from: the families that are not held out, and every other mail that the repository holds."""
    return [*(s for s in load() if not s.held_out), *others()]


def untaught() -> Reader:
    """The reader of this release with a witness that has heard nothing yet: what it looks at does not depend on what it says."""
    nothing = {"step": 1, "features": [], "squares": [], "weights": ""}
    return Reader.from_data({**load_phrases(), "witness": {"version": "", "heads": [], "bias": [], "views": dict.fromkeys(VIEWS, nothing)}})


def version_of(samples: Sequence[Sample]) -> str:
    """Changes with every mail, label and phrase that the witness is taught on."""
    told = [[s.id, s.body, [label.value for label in s.labels], s.exit.value] for s in samples]
    return sha256(json.dumps([told, load_phrases()], ensure_ascii=False, sort_keys=True).encode()).hexdigest()[:12]


def main() -> int:
    """Train on the families that are not held out, and write the file."""
    learnt = lesson(taught(), untaught())
    print(f"{len(learnt.samples)} mails of {len(set(learnt.families))} families")
    made = written(trained(learnt.views, learnt.truth), version_of(taught()))
    OUT.write_text(json.dumps(made, ensure_ascii=False, separators=(",", ":")) + "\n", "utf-8")
    print(f"{OUT}: {OUT.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
