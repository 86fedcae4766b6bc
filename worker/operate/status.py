"""``privacy-desk status``: what is waiting, in numbers; no personal data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from worker.casework import health

if TYPE_CHECKING:
    from worker.casework.desk import Desk


async def status(desk: Desk, *, as_json: bool) -> int:
    """Print the facts, for people or as JSON."""
    facts = await health.facts(desk)
    if as_json:
        print(json.dumps(facts, ensure_ascii=False, default=str))
    else:
        for line in _lines(facts):
            print(line)
    return 0


def _lines(facts: dict[str, Any]) -> list[str]:
    width = max((len(name) for name in facts), default=0)
    return [f"{name.replace('_', ' '):<{width}}  {_value(value)}" for name, value in facts.items()]


def _value(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_of(each)}" for key, each in value.items()) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def _of(value: object) -> str:
    """A number, or how a part is and since when."""
    return f"{value['state']} since {value['since'][:16]}" if isinstance(value, dict) else str(value)
