"""What was written, before it is understood: the TOML file and the environment as one tree, each value with its place."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from worker.errors import ConfigurationError

#: Every environment variable of ours begins so; the parts of a setting's name follow, in capitals, joined the same way.
PREFIX: Final = "PRIVACY_DESK__"


@dataclass(frozen=True, slots=True)
class Given:
    """One value as it was written. ``text`` is True for an environment variable: everything there is text."""

    value: object = field(repr=False)
    where: str
    text: bool = False


Tree = dict[str, "Given | Tree | list[Tree]"]

_HEADER: Final = re.compile(r"\s*(\[{1,2})\s*([^\[\]]+?)\s*\]{1,2}\s*(?:#.*)?$")
_KEY: Final = re.compile(r"\s*([A-Za-z0-9_.-]+)\s*=")


def from_file(path: Path) -> Tree:
    """The settings in a TOML file; ConfigurationError if it cannot be read."""
    try:
        text = path.read_text("utf-8")
        data = tomllib.loads(text)
    except FileNotFoundError:
        raise ConfigurationError(
            str(path), "the settings file does not exist", "Run `privacy-desk init`, or name it with --config."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            str(path), f"the settings file cannot be read ({type(error).__name__})", "Make it UTF-8 and readable."
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(str(path), f"the settings file is not TOML: {error}", "Mend that line.") from None
    lines = dict(_lines(text))
    return _tree(data, "", lambda name: f"{path}:{lines[name]}" if name in lines else str(path))


def _lines(text: str) -> Iterator[tuple[str, int]]:
    """(dotted name, line) of each key; an array's tables are counted from 0. The last line of a name wins, as nothing may stand twice."""
    table, counts = "", dict[str, int]()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = re.sub(r"\s*\.\s*", ".", header[2])
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = f"{table}.{counts[table]}"
        elif key := _KEY.match(line):
            yield f"{table}.{key[1]}".removeprefix("."), number


def _tree(data: Mapping[str, Any], name: str, where: Any) -> Tree:
    return {key: _node(value, f"{name}.{key}".removeprefix("."), where) for key, value in data.items()}


def _node(value: Any, name: str, where: Any) -> Given | Tree | list[Tree]:
    if isinstance(value, dict):
        return _tree(value, name, where)
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        return [_tree(item, f"{name}.{number}", where) for number, item in enumerate(value)]
    return Given(value, where(name))


def overlay(tree: Tree, environment: Mapping[str, str]) -> Tree:
    """``tree`` with what the environment says instead: ``PRIVACY_DESK__SMTP__HOST``, ``PRIVACY_DESK__MAILBOX__0__HOST``."""
    for variable in sorted(environment):
        if variable.startswith(PREFIX):
            parts = variable.removeprefix(PREFIX).lower().split("__")
            _put(tree, parts, Given(environment[variable], f"environment {variable}", text=True))
    return tree


def _put(tree: Tree, parts: list[str], given: Given) -> None:
    wrong = ConfigurationError(given.where.removeprefix("environment "), "names no setting", "Write PRIVACY_DESK__SECTION__KEY.")
    if len(parts) == 1:
        tree[parts[0]] = given
        return
    below: object = tree.setdefault(parts[0], [] if parts[1].isdecimal() else {})
    if isinstance(below, list) and parts[1].isdecimal() and len(parts) > 2:  # noqa: PLR2004 - name, number, key
        number, parts = int(parts[1]), parts[1:]
        if number > len(below):
            raise ConfigurationError(
                wrong.setting, f"there is no number {len(below)} before it", f"Count from 0: the next one is {len(below)}."
            )
        below.extend([{}] * (number == len(below)))
        below = below[number]
    if not isinstance(below, dict):
        raise wrong
    _put(below, parts[1:], given)
