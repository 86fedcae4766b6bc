"""The newsletter that the demo has planned for the next morning, in four languages."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, time, timedelta
from importlib.resources import files
from typing import Final

from worker.rules.model import Language
from worker.store import Tx, campaigns, newsletters
from worker.store.campaigns import Text

_AT: Final = time(8, tzinfo=UTC)
_AWAY: Final = timedelta(hours=1)


def plan(tx: Tx, now: datetime) -> str:
    """Write the topics and plan the newsletter for the next morning; returns its id."""
    data = tomllib.loads((files(__package__) / "data" / "newsletter.toml").read_text("utf-8"))
    for name, titles in data["topics"].items():
        newsletters.add_topic(tx, name, {Language(key): title for key, title in titles.items()})
    texts = {Language(key): Text(each["subject"], each["text"]) for key, each in data["issue"].items()}
    return campaigns.plan(tx, "news", next_morning(now), texts, "demo")


def next_morning(now: datetime) -> datetime:
    """The next morning at eight; where that is less than an hour away or a whole day, in an hour. Always within a day."""
    today = datetime.combine(now.date(), _AT)
    morning = today if now < today else today + timedelta(days=1)
    return morning if _AWAY <= morning - now < timedelta(days=1) else now + _AWAY
