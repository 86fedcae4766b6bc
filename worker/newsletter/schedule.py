"""When a newsletter leaves, and when a message that was put off is tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from worker.errors import ConfigurationError

#: Waits after the first, second, ... time that a message was put off; the last one repeats (RFC 5321, section 4.5.4.1).
WAITS: Final = (
    timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=30), timedelta(hours=1), timedelta(hours=2),
    timedelta(hours=4),
)  # fmt: skip


def planned_moment(text: str, timezone: str) -> datetime:
    """``2026-12-01 09:00`` on the clocks of ``timezone``, as a moment in UTC.

    An hour that the clocks show twice in autumn means the first time. Raises ConfigurationError for text that is no such
    time, and for an hour that the clocks skip in spring.
    """
    try:
        written = datetime.strptime(text.strip(), "%Y-%m-%d %H:%M")  # noqa: DTZ007 - its zone comes in the next line
    except ValueError:
        raise ConfigurationError("--at", f"{text!r} is not a time", 'Write it as "2026-12-01 09:00", in local time.') from None
    zone = ZoneInfo(timezone)
    moment = written.replace(tzinfo=zone).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) != written:
        raise ConfigurationError("--at", f"the clocks of {timezone} skip {text}", "Take an hour later.")
    return moment


def wait_after(attempt: int) -> timedelta:
    """How long to wait after attempt number ``attempt`` (from 1) was put off."""
    return WAITS[min(max(attempt, 1), len(WAITS)) - 1]


def is_stale(due: datetime, now: datetime, give_up: timedelta) -> bool:
    """True if a message of a newsletter planned for ``due`` is no longer worth another attempt."""
    return now - due >= give_up
