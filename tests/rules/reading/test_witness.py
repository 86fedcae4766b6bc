"""The witness: integers, the same on every machine, and never alone."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.corpus.train import taught, version_of
from tests.rules.reading.conftest import Read, a_mail
from worker.rules.reading import verdict
from worker.rules.reading.features import Views
from worker.rules.reading.model import Exit, Label, Part
from worker.rules.reading.reader import Reader
from worker.rules.reading.witness import Hearing, Witness

FILE = Path(__file__).parents[3] / "worker" / "rules" / "reading" / "data" / "witness.json"


def a_view(features: dict[str, tuple[int, ...]], step: int = 10_000) -> dict[str, Any]:
    weights = bytes(byte % 256 for row in features.values() for byte in row)
    return {"step": step, "features": list(features), "squares": [16] * len(features), "weights": b64encode(weights).decode()}


def a_witness(words: dict[str, tuple[int, ...]]) -> Witness:
    nothing = a_view({})
    return Witness.from_data(
        {
            "version": "t",
            "heads": ["deletion", "act"],
            "bias": [-100, 50],
            "views": {"words": a_view(words), "letters": nothing, "concepts": nothing},
        }
    )


def heard(witness: Witness, *words: str) -> dict[str, int]:
    return dict(witness.hear(Views(frozenset(words), frozenset(), frozenset())).scores)


def test_a_score_is_the_weights_over_the_length_plus_the_bias() -> None:
    witness = a_witness({"delete": (100, 10), "please": (-20, 127), "not": (-128, 0)})
    assert heard(witness) == {"deletion": -100, "act": 50}
    assert heard(witness, "delete") == {"deletion": -100 + 1000, "act": 50 + 100}
    assert heard(witness, "delete", "unknown") == heard(witness, "delete")
    # Two features: the sum, over the root of two.
    assert heard(witness, "delete", "please") == {"deletion": -100 + 566, "act": 50 + 969}
    assert heard(witness, "not")["deletion"] == -100 - 1280


def test_the_words_that_speak_for_it_are_told_strongest_first() -> None:
    witness = a_witness({"delete": (100, 0), "data": (30, 0), "not": (-90, 0)})
    said = witness.hear(Views(frozenset({"not", "data", "delete"}), frozenset(), frozenset()))
    assert witness.words_for(said, "deletion") == ("delete", "data")


def test_a_table_of_another_size_is_refused() -> None:
    broken = a_view({"delete": (1, 2)}) | {"features": ["delete", "erase"]}
    with pytest.raises(ValueError, match="another size"):
        Witness.from_data(
            {"version": "t", "heads": ["a", "b"], "bias": [0, 0], "views": dict.fromkeys(("words", "letters", "concepts"), broken)}
        )


def test_the_model_holds_integers_only_and_is_smaller_than_a_megabyte() -> None:
    data = json.loads(FILE.read_text("utf-8"))
    assert FILE.stat().st_size <= 1_000_000
    assert all(isinstance(value, int) for value in (*data["bias"], *(v["step"] for v in data["views"].values())))
    assert all(isinstance(square, int) for view in data["views"].values() for square in view["squares"])


def test_the_model_was_taught_on_the_mails_and_phrases_of_this_tree() -> None:
    assert json.loads(FILE.read_text("utf-8"))["version"] == version_of(taught()), "type: make train"


def test_without_the_witness_no_request_is_automatic(reader: Reader) -> None:
    seen = reader.observe(a_mail("Please delete all my personal data."))
    assert isinstance(seen, verdict.Seen)
    said = reader.witness.hear(seen.views)
    limits = reader.rules.thresholds
    assert verdict.decide(seen, said, limits, {}).exit is Exit.AUTOMATIC
    for head, score in (("act", limits.act_sure - 1), ("deletion", -1), ("access", 0)):
        other = verdict.decide(seen, Hearing({**said.scores, head: score}, said.views), limits, {})
        assert other.exit is Exit.STAFF


def test_what_only_the_witness_hears_reaches_a_person(reader: Reader) -> None:
    seen = reader.observe(a_mail("The weather is fine today."))
    assert isinstance(seen, verdict.Seen)
    said = reader.witness.hear(seen.views)
    assert verdict.decide(seen, replace(said, scores={**said.scores, "deletion": 10}), reader.rules.thresholds, {}).exit is Exit.STAFF


def test_the_witness_points_into_the_text(read: Read) -> None:
    text = "Please delete all my personal data."
    found = [e for e in read(text).because if e.rule == "witness.deletion"]
    assert found
    assert all(text[slice(*e.span)] == e.text and e.part is Part.BODY for e in found)


def test_rights_of_a_mail_are_those_that_the_witness_hears(reader: Reader) -> None:
    assert reader.read(a_mail("Please delete all my personal data.")).labels == (Label.DELETION,)
