"""A newsletter as its author writes it.

One file holds every language. ``+++ nl`` begins one, then its subject, an empty line, and the text in Markdown::

    +++ nl
    subject: Nieuws over uw hosting

    # Beste lezer
    ...

    +++ fr
    subject: Des nouvelles de votre hébergement

    ...

A folder holds one file per language instead, ``nl.md``, ``fr.md``, each beginning with its subject.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from worker.errors import ConfigurationError
from worker.rules.model import Language

if TYPE_CHECKING:
    from collections.abc import Mapping

_BEGIN: Final = re.compile(r"^\+\+\+[ \t]+(\S+)[ \t]*$", re.MULTILINE)
_SUBJECT: Final = re.compile(r"\A\s*subject:[ \t]*(\S.*?)[ \t]*\n[ \t]*\n", re.IGNORECASE)
_MEND: Final = 'Begin each language with a line "+++ nl", then "subject: ...", an empty line and the text.'


@dataclass(frozen=True, slots=True)
class Edition:
    """A newsletter in one language: its subject, one line, and its text in Markdown."""

    subject: str
    markdown: str


def parse_file(text: str, name: str) -> dict[Language, Edition]:
    """The editions in one file's text. ``name`` is the file's, for the errors.

    Raises ConfigurationError, which says where and how to mend it.
    """
    head, *rest = _BEGIN.split(_clean(text))
    if head.strip() or not rest:
        raise ConfigurationError(name, "the file does not begin with a language", _MEND)
    editions: dict[Language, Edition] = {}
    for code, body in zip(rest[::2], rest[1::2], strict=True):
        language = parse_language(code, name)
        if language in editions:
            raise ConfigurationError(name, f"{language} is there twice", "Keep one of them.")
        editions[language] = parse_edition(body, f"{name} ({language})")
    return editions


def parse_folder(texts: Mapping[str, str], name: str) -> dict[Language, Edition]:
    """The editions of a folder: ``nl`` to the text of its ``nl.md`` and so on. Raises ConfigurationError."""
    if not texts:
        raise ConfigurationError(name, "there is no .md file in this folder", "Put nl.md, fr.md, ... into it.")
    return {parse_language(code, name): parse_edition(text, f"{name}/{code}.md") for code, text in texts.items()}


def parse_language(code: str, name: str) -> Language:
    """One of the desk's languages, or ConfigurationError."""
    try:
        return Language(code.lower())
    except ValueError:
        raise ConfigurationError(name, f"unknown language {code!r}", f"Use one of {', '.join(Language)}.") from None


def parse_edition(text: str, name: str) -> Edition:
    """A subject, an empty line, a text. Raises ConfigurationError."""
    text = _clean(text)
    found = _SUBJECT.match(text)
    if found is None:
        raise ConfigurationError(name, "the subject is missing", _MEND)
    markdown = text[found.end() :].strip()
    if not markdown:
        raise ConfigurationError(name, "there is no text", _MEND)
    return Edition(" ".join(found[1].split()), markdown + "\n")


def _clean(text: str) -> str:
    """Without the byte order mark and the line ends of some editors."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n")
