"""The desk's counts as Prometheus reads them (text exposition format 0.0.4). References and persons never are in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def exposition(facts: Mapping[str, object], *, ready: bool) -> str:
    """Every number among ``facts`` as a gauge; a table of numbers as one gauge with a label."""
    lines = [_gauge("ready", int(ready))]
    for name, value in facts.items():
        lines.extend(_gauges(_name(name), value))
    return "\n".join(lines) + "\n"


def _gauges(name: str, value: object) -> Iterator[str]:
    if isinstance(value, int | float):
        yield _gauge(name, value)
    elif isinstance(value, dict):
        numbers = {str(key): each for key, each in value.items() if isinstance(each, int | float)}
        if numbers:
            yield f"# TYPE privacy_desk_{name} gauge"
        for key, each in numbers.items():
            yield f'privacy_desk_{name}{{state="{_label(key)}"}} {float(each):g}'


def _gauge(name: str, value: float) -> str:
    return f"# TYPE privacy_desk_{name} gauge\nprivacy_desk_{name} {float(value):g}"


def _name(name: str) -> str:
    return re.sub(r"[^a-z0-9_]", "_", name.lower())


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
