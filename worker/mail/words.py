"""The words of one language: dates, and the names of rights, columns, items and reasons.

They stand in ``worker/templates/words/<language>.toml``, one closed table each: a missing or surplus key stops the start.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from worker.errors import ConfigurationError
from worker.rules.letters import DeskCard, Item, Reason
from worker.rules.model import Column, Language, Right

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date, datetime

#: Where the packaged texts are: ``mail``, ``words`` and the rest.
TEMPLATES: Final = Path(__file__).parent.parent / "templates"


@dataclass(frozen=True, slots=True)
class Words:
    """One language's tables. ``items`` maps an item's key to its words for one and for several."""

    language: Language
    dates: Mapping[str, Any]
    rights: Mapping[str, str]
    columns: Mapping[str, str]
    reasons: Mapping[str, str]
    laws: Mapping[str, Mapping[str, str]]
    items: Mapping[str, tuple[str, str]]
    authorities: Mapping[str, str]
    courts: Mapping[str, str]
    typography: tuple[tuple[str, str], ...]

    def right(self, right: Right) -> str:
        """What is asked, as a line of a list."""
        return self.rights[right]

    def column(self, column: Column) -> str:
        """The name of a column, as a line of a list."""
        return self.columns[column]

    def reason(self, reason: Reason, country: str) -> str:
        """Why something was refused or kept, in whole sentences, with the law of ``country`` where it has one."""
        return " ".join(filter(None, (self.reasons[reason], self.laws.get(country, {}).get(reason))))

    def item(self, item: Item) -> str:
        """How many of what. A key that is not ours, from a declared register, is shown as it is."""
        one, many = self.items.get(item.what) or self.items["other"]
        return (one if item.count == 1 else many).format(count=item.count, what=item.what)

    def day(self, day: date) -> str:
        """A date in words, with its weekday."""
        number = self.dates["first"] if day.day == 1 else day.day
        weekday, month = self.dates["weekdays"][day.weekday()], self.dates["months"][day.month - 1]
        return str(self.dates["day"].format(weekday=weekday, day=number, month=month, year=day.year))

    def moment(self, moment: datetime) -> str:
        """A date and a time of day, as the clock of ``moment``'s own zone shows it."""
        return str(self.dates["moment"].format(day=self.day(moment), hour=f"{moment:%H}", minute=f"{moment:%M}"))

    def court(self, country: str) -> str:
        """The competent court of ``country`` in this language, or nothing where it is not known."""
        return self.courts.get(country, "")

    def typeset(self, text: str) -> str:
        """``text`` with the spaces that this language's typography wants before its marks."""
        for plain, set_ in self.typography:
            text = text.replace(plain, set_)
        return text


def load_words(language: Language) -> Words:
    """The tables of ``language``. Raises ConfigurationError if one is not complete."""
    path = TEMPLATES / "words" / f"{language}.toml"
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    for table, keys in (("right", Right), ("column", Column), ("reason", Reason)):
        _complete(path.name, table, data[table], keys)
    return Words(
        language=language,
        dates=data["date"],
        rights=data["right"],
        columns=data["column"],
        reasons=data["reason"],
        laws=data["law"],
        items={what: _forms(words) for what, words in data["item"].items()},
        authorities=data["authority"],
        courts=data["court"],
        typography=tuple((plain, set_) for plain, set_ in data.get("typography", {}).get("replace", ())),
    )


def _forms(words: str | list[str]) -> tuple[str, str]:
    """The forms for one and for several; words without a count are the same for both."""
    return (words, words) if isinstance(words, str) else (words[0], words[1])


def _complete(file: str, table: str, found: Mapping[str, str], keys: Iterable[str]) -> None:
    wrong = set(found) ^ set(keys)
    if wrong:
        raise ConfigurationError(f"words/{file} [{table}]", f"missing or unknown: {', '.join(sorted(wrong))}", "Give each key one line")


def authority(card: DeskCard, words: Words, all_words: Iterable[Words]) -> str:
    """The supervisory authority, in the language of ``words`` if the settings name the country's own in any of ours."""
    named = _plain(card.authority)
    known = {_plain(name) for each in all_words if (name := each.authorities.get(card.country))}
    return words.authorities[card.country] if named in known else card.authority


def _plain(name: str) -> str:
    """A name without its abbreviation in brackets, for comparison."""
    return re.sub(r"\s*\(.*\)\s*$", "", name).strip().casefold()
