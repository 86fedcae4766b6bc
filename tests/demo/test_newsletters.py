from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from worker.demo.newsletters import next_morning


@pytest.mark.parametrize("minutes", range(0, 24 * 60, 30))
def test_whenever_the_demo_begins_its_newsletter_leaves_within_a_day_but_not_at_once(minutes: int) -> None:
    now = datetime(2026, 11, 24, tzinfo=UTC) + timedelta(minutes=minutes)
    assert timedelta(hours=1) <= next_morning(now) - now < timedelta(days=1)
