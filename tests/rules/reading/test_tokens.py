"""Phrases are cut as mails are cut, also where the cutting is spared."""

from __future__ import annotations

import tomllib
from importlib import resources
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from worker.rules.reading.model import Part
from worker.rules.reading.tokens import sentences, squeeze, words_of


def _cut(text: str) -> tuple[str, ...]:
    return tuple(word.fold for sentence in sentences(text, [(0, len(text))], Part.BODY) for word in sentence.words)


def _phrases(found: object) -> list[str]:
    if isinstance(found, dict):
        return [each for value in found.values() for each in _phrases(value)]
    return [each for value in found for each in _phrases(value)] if isinstance(found, list) else [found] if isinstance(found, str) else []


def test_every_phrase_of_the_data_is_cut_as_in_a_mail() -> None:
    folder = resources.files("worker.rules.reading") / "data"
    phrases = [
        each for file in folder.iterdir() if file.name.endswith(".toml") for each in _phrases(tomllib.loads(file.read_text("utf-8")))
    ]
    assert len(phrases) > 5000
    assert [each for each in phrases if words_of(each) != _cut(each)] == []


@given(st.text(st.sampled_from("abéÉßœÄ İıøº ʰ-.'0\u0301\u00ad한中"), max_size=70))
def test_any_text_is_cut_as_in_a_mail(text: str) -> None:
    assert words_of(text) == _cut(text)


@given(st.text("aabbß", max_size=12))
def test_doubled_letters_are_made_single(text: str) -> None:
    single = squeeze(text)
    assert all(first != second for first, second in pairwise(single))
    assert squeeze(single) == single
    assert set(single) == set(text)
