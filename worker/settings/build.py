"""From what was written to the typed tree; every fault is found before the start is stopped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeGuard, TypeVar, cast, get_args, get_origin, get_type_hints

from worker.errors import ConfigurationError
from worker.settings.given import Given, Tree
from worker.settings.kinds import Kind, Mismatch, kind_of, placed
from worker.settings.tree import About, Section, Sections, key_of

_S = TypeVar("_S", bound=Section)
DEFAULT: Final = "default"


@dataclass
class Built:
    """The tree under way: what was found, and whence (dotted name to place).

    A setting that is wrong gets its default, or its example, so that the rest can be looked at; ``doubtful`` holds its name.
    """

    base: Path
    origins: dict[str, str] = field(default_factory=dict)
    problems: list[ConfigurationError] = field(default_factory=list)
    doubtful: set[str] = field(default_factory=set)

    def wrong(self, setting: str, problem: str, mend: str) -> None:
        """Note a fault and go on."""
        self.problems.append(ConfigurationError(setting, problem, mend))
        self.doubtful.add(setting)

    def sound(self, *names: str) -> bool:
        """True if none of these settings, nor a section around one, was wrong: what stands there was meant."""
        return not any(name == bad or name.startswith(f"{bad}.") for name in names for bad in self.doubtful)

    def section(self, kind: type[_S], tree: object, name: str) -> _S:
        """One section."""
        if not isinstance(tree, dict):
            self.wrong(name, "is a section, not a value", f"Write [{name}] on a line of its own, and its settings below it.")
            return Built(self.base).section(kind, {}, name)
        hints = resolved(kind)
        self._refuse_unknown(kind, tree, name)
        return kind(**{f.name: self._field(f, hints[f.name], tree, _dotted(name, key_of(f.name))) for f in settings_of(kind)})

    def _refuse_unknown(self, kind: type[Section], tree: Tree, name: str) -> None:
        known = [key_of(f.name) for f in settings_of(kind)]
        for key in tree:
            if key not in known:
                self.wrong(_dotted(name, key), f"is no setting ({_place(tree[key])})", _did_you_mean(key, name, known))

    def _field(self, about: Field[Any], hint: Any, tree: Tree, name: str) -> Any:
        given = tree.get(key_of(about.name))
        if is_section(hint):
            return self.section(hint, {} if given is None else given, name)
        if (repeated := repeated_section(hint)) is not None:
            return self._sections(repeated, given, name)
        return self._value(about, kind_of(hint), given, name)

    def _sections(self, kind: type[Section], given: object, name: str) -> tuple[Any, ...]:
        if given is None:
            return ()
        if not isinstance(given, list):
            self.wrong(name, "may stand several times", f"Write [[{name}]], with two brackets.")
            return ()
        return tuple(self.section(kind, tree, f"{name}.{number}") for number, tree in enumerate(given))

    def _value(self, about: Field[Any], kind: Kind, given: object, name: str) -> Any:
        if given is None:
            return self._not_given(about, kind, name)
        if not isinstance(given, Given):
            self.wrong(name, "is a setting, not a section", f"Write {name.rpartition('.')[2]} = {kind.form}.")
            return self._stand_in(about, kind)
        self.origins[name] = given.where
        said: About = about.metadata["about"]
        if said.only_environment and not given.text:
            mend = f"Write it to a file and name that with {key_of(about.name)}_file."
            self.wrong(name, f"is a secret and may not stand in this file ({given.where})", mend)
            return self._stand_in(about, kind)
        try:
            return self._read(about, kind, given)
        except Mismatch as mismatch:
            shown = "the value" if said.secret else repr(given.value)
            self.wrong(name, f"{shown} {mismatch.problem} ({given.where})", mismatch.mend)
            return self._stand_in(about, kind)

    def _read(self, about: Field[Any], kind: Kind, given: Given) -> Any:
        """The value; Mismatch if it is none or out of bounds. The default is always right, also one that is not of its kind: empty."""
        value = kind.text(str(given.value)) if given.text else given.value
        if about.default is not MISSING and value == about.default:
            return about.default
        return _bounded(kind.read(value, self.base), about.metadata["about"], kind)

    def _not_given(self, about: Field[Any], kind: Kind, name: str) -> Any:
        self.origins[name] = DEFAULT
        if about.default is MISSING:
            example = about.metadata["about"].example
            self.wrong(name, "is missing", f'Write {name.rpartition(".")[2]} = "{example}" in [{_header(name)}], with {kind.form}.')
        return self._stand_in(about, kind)

    def _stand_in(self, about: Field[Any], kind: Kind) -> Any:
        if about.default is MISSING:
            return kind.read(about.metadata["about"].example, self.base)
        return placed(about.default, self.base) if isinstance(about.default, Path) else about.default


def _bounded(value: Any, about: About, kind: Kind) -> Any:
    if about.least is not None and value < about.least:
        raise Mismatch("is too small", f"Write {kind.write(about.least)} or more.")
    if about.most is not None and value > about.most:
        raise Mismatch("is too large", f"Write {kind.write(about.most)} or less.")
    return value


def build(tree: Tree, base: Path) -> tuple[Sections, Built]:
    """The typed tree, to be used only if nothing was wrong, and what was noted. Relative paths begin at ``base``."""
    built = Built(base)
    return built.section(Sections, tree, ""), built


def resolved(kind: type[Section]) -> Mapping[str, Any]:
    """The resolved annotations of a section's settings."""
    return get_type_hints(kind)


def settings_of(kind: type[Section]) -> tuple[Field[Any], ...]:
    """The settings and sections of a section, in their order."""
    return fields(cast("Any", kind))


def is_section(hint: Any) -> TypeGuard[type[Section]]:
    """True for a section that stands once."""
    return isinstance(hint, type) and issubclass(hint, Section)


def repeated_section(hint: Any) -> type[Section] | None:
    """The section that ``hint`` repeats (``tuple[MailboxSection, ...]``), or None."""
    inner = get_args(hint)[0] if get_origin(hint) is tuple else None
    return inner if is_section(inner) else None


def _dotted(name: str, key: str) -> str:
    return f"{name}.{key}" if name else key


def _header(name: str) -> str:
    return ".".join(part for part in name.split(".")[:-1] if not part.isdecimal())


def _place(value: Given | Tree | list[Tree]) -> str:
    if isinstance(value, Given):
        return value.where
    below: Iterable[Any] = value.values() if isinstance(value, dict) else value
    return next((_place(item) for item in below), "an empty section")


def _did_you_mean(key: str, name: str, known: list[str]) -> str:
    if close := get_close_matches(key, known, n=1):
        return f"Did you mean {_dotted(name, close[0])}?"
    elsewhere = [full for full in _everything() if full.rpartition(".")[2] == key]
    return f"Did you mean {elsewhere[0]}?" if elsewhere else f"Remove it; known here: {', '.join(known)}."


@cache
def _everything() -> tuple[str, ...]:
    hints = resolved(Sections)
    return tuple(f"{section}.{key_of(f.name)}" for section, hint in hints.items() for f in settings_of(repeated_section(hint) or hint))
