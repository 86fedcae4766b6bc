from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from worker.demo.newsletters import next_morning

MIDNIGHT = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.mark.parametrize("minutes", range(0, 24 * 60, 20))
def test_the_demos_newsletter_is_not_due_at_once_and_is_within_a_day(minutes: int) -> None:
    now = MIDNIGHT + timedelta(minutes=minutes)
    assert timedelta(hours=1) <= next_morning(now) - now <= timedelta(days=1)
