from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest

import worker.web
from worker.mail.words import TEMPLATES
from worker.rules.letters import LETTERS
from worker.rules.model import HoldReason, Language, Origin, RequestState, Right, Role
from worker.rules.reading.model import Label
from worker.web.wording import accepted, load_wording

#: Keys that code or templates put together from a member of a vocabulary.
CLOSED: dict[str, Iterable[str]] = {
    "state": RequestState, "state_text": RequestState, "hold": HoldReason, "label": Label, "role": Role, "origin": Origin, "does": Right, "language": Language,
    "letter": [each.name for each in LETTERS],
}  # fmt: skip


def tables(language: Language) -> dict[str, dict[str, str]]:
    return tomllib.loads((TEMPLATES / "words" / f"web.{language}.toml").read_text("utf-8"))


def sources() -> str:
    files = [*TEMPLATES.glob("web/*.html"), *Path(worker.web.__file__).parent.glob("*.py")]
    return "\n".join(file.read_text("utf-8") for file in files)


@pytest.mark.parametrize("language", [Language.NL, Language.FR, Language.DE])
def test_every_language_has_the_keys_and_fields_of_english(language: Language) -> None:
    def shape(words: dict[str, dict[str, str]]) -> dict[str, list[str]]:
        return {f"{table}.{key}": sorted(re.findall(r"{(\w+)}", text)) for table, texts in words.items() for key, text in texts.items()}

    assert shape(tables(language)) == shape(tables(Language.EN))


@pytest.mark.parametrize("language", list(Language))
def test_no_text_is_empty_or_carries_markup_or_stray_spaces(language: Language) -> None:
    for texts in tables(language).values():
        for key, text in texts.items():
            assert text == " ".join(text.split()), key
            assert text, key
            assert not re.search(r"[<>&]|TODO|lorem", text), key


@pytest.mark.parametrize("table", CLOSED)
def test_every_member_of_a_vocabulary_has_its_words(table: str) -> None:
    assert set(tables(Language.EN)[table]) == set(CLOSED[table])


def test_every_key_that_a_page_names_exists() -> None:
    named = set(re.findall(r"""\bt(?:\.count)?\(\s*["']([a-z_]+\.\w+)["']\s*[,)]""", sources()))
    assert len(named) > 100
    texts = load_wording(Language.EN).texts
    assert not {key for key in named if key not in texts and f"{key}_one" not in texts}


#: How keys are put together in code and templates: the table, and what stands around the part that varies.
BUILT = {
    "home": (r"step\d(_text)?", r"(access|correction|deletion|unsubscribe)(_text)?"),
    "case": (
        r"(confirm|new_address)_(title|lead)",
        r"(revoked|expired|locked)_(title|lead)",
        r"(cancelled|withdrawn|not_me|resent|later|there_too_sent)_(title|text)",
    ),
    "error": (r"(bad|foreign|not_found|method|too_large|broken)(_title)?",),
    "staff": (
        r"(done|do|check)_(approve|answer|refuse|close|again|reached)",
        r"kind_(mail|case)",
        r"need_\w+|cannot_answer",
        r"signed_out|expired|gone",
        r"check_approve_case",
    ),
}


def test_no_text_is_left_that_no_page_uses() -> None:
    named = set(re.findall(r"""["']([a-z_]+\.\w+)["']""", sources()))
    built = {table: re.compile("|".join(patterns)) for table, patterns in BUILT.items()}
    keys = [(table, key) for table, texts in tables(Language.EN).items() for key in texts if table not in CLOSED]
    left = [
        f"{table}.{key}"
        for table, key in keys
        if not {f"{table}.{key}", f"{table}.{re.sub('_(one|many)$', '', key)}"} & named
        and not (table in built and built[table].fullmatch(key))
    ]
    assert left == []


def test_values_are_escaped_and_texts_stay_text() -> None:
    t = load_wording(Language.EN)
    assert t("site.contact", contact="<a>{x}") == "Questions? Write to &lt;a&gt;{x}."
    with pytest.raises(KeyError):
        t("site.contact")
    with pytest.raises(KeyError):
        t("site.nothing_like_it")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("nl-BE,nl;q=0.9,en;q=0.8", "nl"), ("de;q=0.3, fr;q=0.7", "fr"), ("es, en;q=0.1", "en"), ("es", None), ("", None), ("*", None), ("nl;q=0", None),
        ("nl;q=abc", None), ("EN-us", "en"), ("en;level=1", "en"),
    ],
)  # fmt: skip
def test_the_browsers_language_is_read_with_its_weights(header: str, language: str | None) -> None:
    assert accepted(header, tuple(Language)) == language
