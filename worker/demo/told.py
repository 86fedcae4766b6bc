"""The words of the demo page: what the desk did, in sentences."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from worker.rules.audit import Event

if TYPE_CHECKING:
    from worker.rules.audit import Entry


@cache
def words(table: str) -> Mapping[str, str]:
    """One table of ``data/told.toml``."""
    found: dict[str, dict[str, str]] = tomllib.loads((files(__package__) / "data" / "told.toml").read_text("utf-8"))
    return found[table]


def sentence(entry: Entry) -> str:
    """An audit entry in words; empty for one that tells a spectator nothing."""
    known = words("event")
    text = next((known[key] for key in (f"{entry.event}/{_about(entry)}", entry.event.value) if key in known), "")
    if entry.event is Event.CASE_OPENED:
        due = date.fromisoformat(str(entry.facts["legal_due"]))
        return text.format(reference=entry.facts["reference"], legal_due=f"{due:%-d %B %Y}")
    return text


def _about(entry: Entry) -> str:
    facts = entry.facts
    return str(facts.get("letter") or facts.get("kind") or facts.get("address") or facts.get("to") or "")


def day_in_words(counts: Mapping[tuple[Event, str], int], readers: int) -> str:
    """What was written in the audit log since a day was let pass."""
    known = words("day")
    found = [(known.get(f"{event}/{what}") or known.get(event.value), n) for (event, what), n in counts.items()]
    told = [text.format(n=n, readers=readers) for text, n in found if text]
    return ", ".join(told) or known["nothing"]
