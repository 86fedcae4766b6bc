from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from worker.errors import ConfigurationError
from worker.newsletter.schedule import is_stale, planned_moment, wait_after


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-12-01 09:00", datetime(2026, 12, 1, 8, 0, tzinfo=UTC)),
        (" 2026-07-01 09:00 ", datetime(2026, 7, 1, 7, 0, tzinfo=UTC)),
        ("2026-10-25 02:30", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # shown twice: the first time
    ],
)
def test_a_time_is_local_time(written: str, moment: datetime) -> None:
    assert planned_moment(written, "Europe/Brussels") == moment


@pytest.mark.parametrize("written", ["tomorrow", "2026-12-01", "2026-02-30 09:00", "2026-12-01 25:00", ""])
def test_what_is_no_time_is_refused_with_the_mend(written: str) -> None:
    with pytest.raises(ConfigurationError, match="2026-12-01 09:00"):
        planned_moment(written, "Europe/Brussels")


def test_an_hour_that_the_clocks_skip_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="skip"):
        planned_moment("2026-03-29 02:30", "Europe/Brussels")


def test_the_waits_grow_and_then_stay() -> None:
    waits = [wait_after(attempt) for attempt in range(1, 12)]

    assert waits == sorted(waits)
    assert waits[0] == timedelta(minutes=1)
    assert waits[-1] == waits[-2] == timedelta(hours=4)


def test_news_is_stale_after_two_days_and_not_before() -> None:
    due = datetime(2026, 12, 1, tzinfo=UTC)

    assert not is_stale(due, due + timedelta(hours=47), timedelta(days=2))
    assert is_stale(due, due + timedelta(days=2), timedelta(days=2))
