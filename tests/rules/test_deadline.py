"""The legal clock is right to the day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.rules.deadline import (
    add_months,
    due_days,
    easter,
    end_of_day,
    grace_end,
    holidays,
    invoice_kept_until,
    is_working_day,
    local_day,
    roll_forward,
    working_day_before,
)  # fmt: skip

DAYS = st.dates(date(2020, 1, 1), date(2060, 12, 31))


@pytest.mark.parametrize(
    ("received", "due", "legal"),
    [
        ("2025-03-05", "2025-04-05", "2025-04-07"),
        ("2025-08-31", "2025-09-30", "2025-09-30"),
        ("2026-01-31", "2026-02-28", "2026-03-02"),
        ("2026-03-06", "2026-04-06", "2026-04-07"),
        ("2026-04-01", "2026-05-01", "2026-05-04"),
        ("2026-11-25", "2026-12-25", "2026-12-28"),
    ],
)
def test_a_month_after_receipt_is_counted_as_the_regulation_says(received: str, due: str, legal: str) -> None:
    assert due_days(date.fromisoformat(received), "BE") == (date.fromisoformat(due), date.fromisoformat(legal))


def test_an_extension_counts_from_receipt() -> None:
    assert due_days(date(2026, 1, 31), "BE", months=3)[0] == date(2026, 4, 30)


@pytest.mark.parametrize(("issued", "until"), [("2021-06-10", "2028-12-31"), ("2022-06-10", "2032-12-31"), ("2024-03-15", "2034-12-31")])
def test_an_invoice_is_kept_until_the_latest_of_the_laws(issued: str, until: str) -> None:
    assert invoice_kept_until(date.fromisoformat(issued)) == date.fromisoformat(until)


@pytest.mark.parametrize(("year", "day"), [(2024, "03-31"), (2025, "04-20"), (2026, "04-05"), (2027, "03-28"), (2038, "04-25")])
def test_easter_is_where_the_calendar_has_it(year: int, day: str) -> None:
    assert easter(year) == date.fromisoformat(f"{year}-{day}")


def test_belgium_has_ten_public_holidays() -> None:
    assert len(holidays("BE", 2026)) == 10
    assert date(2026, 5, 14) in holidays("BE", 2026)  # Ascension
    assert date(2026, 5, 25) in holidays("BE", 2026)  # Whit Monday


#: The calendars of the years, written out.
CALENDARS = {
    ("DE", 2026): "01-01 04-03 04-06 05-01 05-14 05-25 10-03 12-25 12-26",
    ("DE", 2027): "01-01 03-26 03-29 05-01 05-06 05-17 10-03 12-25 12-26",
    ("FR", 2026): "01-01 04-06 05-01 05-08 05-14 05-25 07-14 08-15 11-01 11-11 12-25",
    ("FR", 2027): "01-01 03-29 05-01 05-06 05-08 05-17 07-14 08-15 11-01 11-11 12-25",
    ("LU", 2026): "01-01 04-06 05-01 05-09 05-14 05-25 06-23 08-15 11-01 12-25 12-26",
    ("LU", 2024): "01-01 04-01 05-01 05-09 05-20 06-23 08-15 11-01 12-25 12-26",  # Ascension on Europe Day
    ("NL", 2026): "01-01 04-06 04-27 05-05 05-14 05-25 12-25 12-26",
    ("NL", 2025): "01-01 04-21 04-26 05-05 05-29 06-09 12-25 12-26",  # 27 April is a Sunday
}


@pytest.mark.parametrize(("country", "year"), CALENDARS)
def test_a_countrys_holidays_are_those_of_its_calendar(country: str, year: int) -> None:
    assert sorted(f"{day:%m-%d}" for day in holidays(country, year)) == CALENDARS[country, year].split()


@pytest.mark.parametrize(
    ("country", "received", "legal"),
    [
        ("NL", "2026-03-27", "2026-04-28"),  # King's Day
        ("NL", "2026-04-05", "2026-05-06"),  # Liberation Day
        ("NL", "2026-03-03", "2026-04-03"),  # Good Friday does not move a term of Union law
        ("DE", "2026-03-03", "2026-04-07"),  # Good Friday and Easter Monday
        ("DE", "2026-02-28", "2026-03-30"),  # Saturday 28 March
        ("FR", "2026-04-08", "2026-05-11"),  # Friday 8 May, then a weekend
        ("FR", "2026-06-14", "2026-07-15"),
        ("LU", "2026-05-23", "2026-06-24"),
    ],
)
def test_a_last_day_moves_over_the_holidays_of_its_country(country: str, received: str, legal: str) -> None:
    assert due_days(date.fromisoformat(received), country)[1] == date.fromisoformat(legal)


def test_without_a_table_saturdays_and_sundays_alone_move_a_last_day() -> None:
    assert due_days(date(2026, 11, 25), "ZZ")[1] == date(2026, 12, 25)
    assert due_days(date(2026, 3, 5), "ZZ")[1] == date(2026, 4, 6)
    assert due_days(date(2026, 1, 28), "ZZ")[1] == date(2026, 3, 2)


@given(DAYS)
def test_a_legal_last_day_is_a_working_day_at_most_four_days_later(received: date) -> None:
    due, legal = due_days(received, "BE")
    assert is_working_day(legal, "BE")
    assert timedelta(0) <= legal - due <= timedelta(days=4)


@given(DAYS, st.integers(0, 36))
def test_a_month_later_is_the_same_day_or_the_months_last(day: date, months: int) -> None:
    later = add_months(day, months)
    assert later.day == day.day or (later + timedelta(days=1)).day == 1


@given(DAYS, st.integers(1, 5))
def test_working_days_before_are_working_days(day: date, count: int) -> None:
    before = working_day_before(day, "BE", count)
    assert before < day
    assert is_working_day(before, "BE")
    assert roll_forward(before, "BE") == before


def test_a_mail_of_late_evening_belongs_to_the_day_in_brussels() -> None:
    assert local_day(datetime(2026, 3, 5, 23, 30, tzinfo=UTC), "Europe/Brussels") == date(2026, 3, 6)


def test_grace_ends_two_working_days_before_the_legal_last_day() -> None:
    legal = date(2026, 4, 7)  # the Tuesday after Easter
    confirmed = datetime(2026, 4, 2, 8, 0, tzinfo=UTC)
    end = grace_end(confirmed, timedelta(hours=72), legal, 2, "BE", "Europe/Brussels")
    assert end == end_of_day(date(2026, 4, 2), "Europe/Brussels")


def test_grace_never_ends_before_the_confirmation() -> None:
    confirmed = datetime(2026, 4, 7, 8, 0, tzinfo=UTC)
    assert grace_end(confirmed, timedelta(hours=72), date(2026, 4, 7), 2, "BE", "Europe/Brussels") == confirmed
