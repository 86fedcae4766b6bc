"""Mails as people write them, and where they go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.rules.reading.conftest import Read, written
from worker.rules.reading.model import Exit, Reading

MAILS = written()


def names(reading: Reading) -> set[str]:
    return {label.value for label in reading.labels}


def read_written(read: Read, mail: dict[str, Any]) -> Reading:
    return read(mail["text"], mail.get("subject", ""), sender=mail.get("sender", "ann@example.com"))


def identify(mail: dict[str, Any]) -> str:
    return f"{mail['lang']}-{mail['exit']}-{mail['text'][:40]}"


def of(*exits: str) -> Callable[..., Any]:
    return pytest.mark.parametrize("mail", [m for m in MAILS if m["exit"] in exits and "missed" not in m], ids=identify)


@of("automatic")
def test_a_clear_request_is_understood_without_a_person(read: Read, mail: dict[str, Any]) -> None:
    reading = read_written(read, mail)
    assert (reading.exit, names(reading)) == (Exit.AUTOMATIC, set(mail["labels"])), reading.because


@pytest.mark.parametrize("mail", [m for m in MAILS if "missed" in m], ids=identify)
def test_a_clear_request_that_is_not_yet_understood_reaches_a_person(read: Read, mail: dict[str, Any]) -> None:
    reading = read_written(read, mail)
    assert reading.exit is Exit.STAFF
    assert set(mail["labels"]) <= names(reading)


@of("safe")
def test_a_mail_that_only_looks_like_a_request_starts_nothing(read: Read, mail: dict[str, Any]) -> None:
    assert read_written(read, mail).exit is not Exit.AUTOMATIC


@of("staff")
def test_what_a_person_must_decide_reaches_a_person_under_its_name(read: Read, mail: dict[str, Any]) -> None:
    reading = read_written(read, mail)
    assert (reading.exit, names(reading)) == (Exit.STAFF, set(mail["labels"])), reading.because
    assert reading.reasons


@of("quiet")
def test_ordinary_mail_bothers_nobody(read: Read, mail: dict[str, Any]) -> None:
    reading = read_written(read, mail)
    assert (reading.exit, names(reading)) == (Exit.QUIET, set(mail["labels"])), reading.because


@pytest.mark.parametrize("mail", [m for m in MAILS if {"name", "email", "customer_number", "changes"} & set(m)], ids=identify)
def test_values_are_read_as_they_were_written(read: Read, mail: dict[str, Any]) -> None:
    fields = read_written(read, mail).fields
    for key in {"name", "email", "customer_number"} & set(mail):
        assert getattr(fields, key) == mail[key]
    new = {change.column.value: change.new for change in fields.changes}
    for column, value in mail.get("changes", {}).items():
        assert new.get(column) == value


def test_the_answer_is_in_the_language_of_the_mail(read: Read) -> None:
    long = [m for m in MAILS if len(m["text"]) > 40]
    wrong = [m["text"] for m in long if read_written(read, m).language.value != m["lang"]]
    assert not wrong


def test_every_piece_of_evidence_points_at_its_own_words(read: Read) -> None:
    for mail in MAILS:
        for evidence in read_written(read, mail).because:
            text = mail.get("subject", "") if evidence.part.value == "subject" else mail["text"]
            assert text[slice(*evidence.span)] == evidence.text


def test_the_written_mails_are_many_and_half_of_them_ask_for_nothing_automatic() -> None:
    acting = sum(m["exit"] == "automatic" for m in MAILS)
    assert len(MAILS) >= 500
    assert acting < len(MAILS) / 2
