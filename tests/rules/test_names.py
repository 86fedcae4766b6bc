"""A name in a mail and the name on record."""

from __future__ import annotations

import pytest

from worker.rules.names import same_person


@pytest.mark.parametrize(
    ("given", "on_record"),
    [
        ("Jan Peeters", "Jan Peeters"),
        ("PEETERS JAN", "Jan Peeters"),
        ("J. Peeters", "Jan Peeters"),
        ("Peeters", "Jan Peeters"),
        ("Jan", "Jan Peeters"),
        ("Mevr. An Van den Berghe", "Vandenberghe An"),
        ("Loïc Lefèvre", "Loic Lefevre"),
        ("Ann Maes-Peeters", "Ann Maes"),
        ("Jan Karel Peeters", "Jan Peeters"),
        ("Stefan Weiß", "Stefan Weiss"),
        ("Jan Peters", "Jan Peeters"),
        ("Els Desmet", "Els De Smet"),
        ("Sofie Claesen", "Sofie Caesen"),
        ("", "Jan Peeters"),
        ("Jan Peeters", ""),
        ("Herr Dr. Stefan Müller", "Müller, Stefan"),
    ],
)
def test_the_same_name_written_otherwise_is_the_same_person(given: str, on_record: str) -> None:
    assert same_person(given, on_record)
    assert same_person(on_record, given)


@pytest.mark.parametrize(
    ("given", "on_record"),
    [
        ("Jan Peeters", "Ann Peeters"),
        ("J. P.", "Jan Peeters"),
        ("Jo Anne", "Jan Peeters"),
        ("Karel Maes", "Jan Peeters"),
        ("A. Peeters", "Jan Peeters"),
        ("Jan Peeters", "Jan Claes"),
        ("Li Wu", "Lu Wi Chen"),
        ("Nora Dams", "Adam Norsan"),
    ],
)
def test_another_name_differs(given: str, on_record: str) -> None:
    assert not same_person(given, on_record)
    assert not same_person(on_record, given)
