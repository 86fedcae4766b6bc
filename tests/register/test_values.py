from __future__ import annotations

import pytest

from worker.register.values import normalise
from worker.rules.model import Column


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("0470 12 34 56", "+32 470 12 34 56"),
        ("0032 470/12.34.56", "+32 470 12 34 56"),
        ("+32 2 555 01 23", "+32 2 555 01 23"),
        ("09 123 45 67", "+32 9 123 45 67"),
        ("+33 6 12 34 56 78", "+33 6 12 34 56 78"),
        ("BE 0123.456.789", None),
        ("012", None),
        ("none", None),
    ],
)
def test_belgian_numbers_are_kept_in_one_form(written: str, kept: str | None) -> None:
    assert normalise(Column.TELEPHONE, written) == kept


def test_a_number_without_a_country_is_of_the_persons_country() -> None:
    assert normalise(Column.MOBILE, "06 12345678", "Nederland") == "+31 6 12345678"


@pytest.mark.parametrize(
    ("written", "country", "kept"),
    [
        ("B-9000", "", "9000"),
        ("1012 ab", "NL", "1012 AB"),
        ("75001", "France", "75001"),
        ("0999", "BE", None),
        ("EC1A 1BB", "Utopia", "EC1A 1BB"),
    ],
)
def test_a_postcode_is_one_of_its_country(written: str, country: str, kept: str | None) -> None:
    assert normalise(Column.POSTCODE, written, country) == kept


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Ann@EXAMPLE.com", "Ann@example.com"),
        ("o'neil+x@sub.example.com", "o'neil+x@sub.example.com"),
        ("ann@localhost", None),
        ("a@b@example.com", None),
        (".ann@example.com", None),
        ("ann..b@example.com", None),
        ("ann@example..com", None),
        ("ann@example.com\nBcc: all@example.com", None),
        ("x" * 65 + "@example.com", None),
    ],
)
def test_an_address_is_one_that_can_receive_mail(written: str, kept: str | None) -> None:
    assert normalise(Column.EMAIL, written) == kept


def test_spaces_and_composed_letters_are_put_right() -> None:
    assert normalise(Column.NAME, "  Zoe\u0308   De  Smet ") == "Zo\u00eb De Smet"


def test_a_name_needs_a_letter_and_text_has_no_control_characters() -> None:
    assert normalise(Column.NAME, "12345") is None
    assert normalise(Column.OFFICE, "Gent\x00") is None
