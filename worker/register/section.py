"""Reading one table of a TOML file with errors that name the setting and the mend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from worker.errors import ConfigurationError
from worker.register.retention import Text
from worker.rules.model import Language

_T = TypeVar("_T")
_E = TypeVar("_E", bound=StrEnum)


class Section:
    """One table: each getter takes a key once; :meth:`end` refuses whatever nobody took."""

    def __init__(self, data: Mapping[str, Any], path: str) -> None:
        self.data = data
        self.path = path
        self._taken: set[str] = set()

    def wrong(self, key: str, problem: str, mend: str) -> ConfigurationError:
        """The error that names ``key`` of this section."""
        return ConfigurationError(self._name(key), problem, mend)

    def raw(self, key: str) -> Any:
        """The value as it stands, taken."""
        self._taken.add(key)
        return self.data.get(key)

    def text(self, key: str, default: str | None = None) -> str:
        """A text; without a default it must be there and not be empty."""
        value = self.raw(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or (not value and default is None):
            raise self.wrong(key, "is missing" if value is None else "is no text", f'Write {key} = "..."')
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, empty if it is not there."""
        value = self.raw(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
            raise self.wrong(key, "is no list of texts", f'Write {key} = ["..."]')
        return tuple(value)

    def words(self, key: str, default: str | None = None) -> Text:
        """A wording: one text, or one per language."""
        value = self.raw(key)
        if value is None and default is not None:
            return Text({Language.EN: default})
        if isinstance(value, str) and value:
            return Text({Language.EN: value})
        languages = tuple(Language)
        if isinstance(value, Mapping) and value and all(k in languages and isinstance(v, str) and v for k, v in value.items()):
            return Text(dict(value))
        raise self.wrong(
            key, "is missing" if value is None else "is no wording", f'Write {key} = "..." or {key} = {{ en = "...", nl = "..." }}'
        )

    def flag(self, key: str, *, default: bool) -> bool:
        """True or false."""
        value = self.raw(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.wrong(key, "is neither true nor false", f"Write {key} = {str(default).lower()}")
        return value

    def choice(self, key: str, kind: type[_E]) -> _E:
        """A member of a closed vocabulary."""
        value = self.raw(key)
        if value not in tuple(kind):
            raise self.wrong(key, "is missing" if value is None else "is unknown", f"Write one of: {', '.join(kind)}")
        return kind(value)

    def maybe(self, key: str, kind: type[_E]) -> _E | None:
        """A member of a closed vocabulary, or None if the key is not there."""
        return None if self.raw(key) is None else self.choice(key, kind)

    def one_of(self, key: str, declared: Mapping[str, _T]) -> _T:
        """Something declared elsewhere, by its name."""
        value = self.text(key)
        if value not in declared:
            raise self.wrong(key, "is not declared", f"Declared: {', '.join(declared) or 'none'}")
        return declared[value]

    def known(self, key: str, declared: Mapping[str, object]) -> tuple[str, ...]:
        """Names of things declared elsewhere."""
        names = self.texts(key)
        if unknown := next((n for n in names if n not in declared), None):
            raise self.wrong(key, f"{unknown!r} is not declared", f"Declared: {', '.join(declared) or 'none'}")
        return names

    def sections(self, key: str) -> Iterator[tuple[str, Section]]:
        """The named tables below ``key``."""
        value = self.raw(key)
        if value is not None and not isinstance(value, Mapping):
            raise self.wrong(key, "is no table", f"Write [{self._name(key)}.NAME]")
        for name, data in (value or {}).items():
            if not isinstance(data, Mapping):
                raise self.wrong(f"{key}.{name}", "is no table", f"Write [{self._name(key)}.{name}]")
            yield name, Section(data, self._name(f"{key}.{name}"))

    def ended(self, result: _T) -> _T:
        """``result``, once every key of this section was taken."""
        self.end()
        return result

    def end(self) -> None:
        """Refuse a key that nobody took."""
        if unknown := next((k for k in self.data if k not in self._taken), None):
            raise self.wrong(unknown, "is unknown", f"Remove it; known here: {', '.join(sorted(self._taken))}")

    def _name(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key
