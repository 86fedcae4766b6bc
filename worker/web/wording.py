"""The words of the pages in one language, and the choice among the languages."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from markupsafe import Markup, escape

from worker.mail.words import TEMPLATES, Words, load_words
from worker.rules.model import Language

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Each language in its own words, for the links that switch.
OWN_NAMES: Final[Mapping[Language, str]] = {
    Language.EN: "English",
    Language.NL: "Nederlands",
    Language.FR: "Français",
    Language.DE: "Deutsch",
}

_MAX_HEADER: Final = 500  # characters of Accept-Language that are looked at


@dataclass(frozen=True, slots=True)
class Wording:
    """Called with a key such as ``case.yes``: the text with its ``{fields}`` filled in, ready to stand in HTML."""

    language: Language
    names: Words
    texts: Mapping[str, str] = field(repr=False)

    def __call__(self, key: str, /, **values: object) -> Markup:
        """The text of ``key``. Raises KeyError for an unknown key or a missing field."""
        return Markup(escape(self.texts[key])).format(**values)  # noqa: S704 - the text is escaped here, the values by format

    def count(self, key: str, n: int) -> Markup:
        """The text of ``key_one`` or ``key_many``, with ``{n}``."""
        return self(f"{key}_one" if n == 1 else f"{key}_many", n=n)


def load_wording(language: Language) -> Wording:
    """The page texts of ``language`` with the names that letters use too. Raises ConfigurationError for incomplete names."""
    names = load_words(language)
    tables = tomllib.loads((TEMPLATES / "words" / f"web.{language}.toml").read_text(encoding="utf-8"))
    return Wording(
        language, names, {f"{table}.{key}": names.typeset(text) for table, texts in tables.items() for key, text in texts.items()}
    )


def chosen(query: str | None, known: Language | None, header: str, offered: Sequence[Language]) -> Language:
    """The language of a page: asked for in the address, else the one of the case or reader, else the browser's, else the first offered."""
    if query is not None and query in offered:
        return Language(query)
    return known or accepted(header, offered) or offered[0]


def accepted(header: str, offered: Sequence[Language]) -> Language | None:
    """The offered language that an Accept-Language header wants most (RFC 9110 section 12.5.4), or None."""
    wanted = [_weighted(part) for part in header[:_MAX_HEADER].split(",")]
    fitting = [(weight, tag) for weight, tag in wanted if weight > 0 and tag in offered]
    return Language(max(fitting, key=lambda each: each[0])[1]) if fitting else None


def _weighted(part: str) -> tuple[float, str]:
    tag, _, parameters = part.partition(";")
    name, _, value = parameters.strip().partition("=")
    try:
        weight = float(value) if name.strip() == "q" else 1.0
    except ValueError:
        weight = 0.0
    return weight, tag.strip().lower()[:2]
