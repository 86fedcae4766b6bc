"""Forty invented Belgian customers, made from a seed: people, contracts, invoices, newsletters.

Their mailboxes are at example.com, example.org and .test (RFC 2606), their telephone numbers in the 555 01 block that nobody has.
"""

from __future__ import annotations

import random
import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from importlib.resources import files
from typing import Any, Final

from worker.rules.model import Column, Language

#: How many customers speak which language.
SPEAKERS: Final[Mapping[Language, int]] = {Language.NL: 16, Language.FR: 13, Language.EN: 6, Language.DE: 5}
TOPICS: Final = ("news", "security")
_DOMAINS: Final = ("example.com", "example.org")
_ORIGINS: Final = ("contract", "web form", "telephone call")
_FIRST_INVOICE: Final = 2016  # years back to which invoices go: some may be erased, some must stay
_ODD_LETTERS: Final = str.maketrans({"ß": "ss", "ø": "o", "æ": "ae", "œ": "oe"})


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer as the register holds it. ``values`` are the correctable columns; ``topics`` the newsletters."""

    id: int
    customer_number: str
    language: Language
    first: str = field(repr=False)
    last: str = field(repr=False)
    values: Mapping[Column, str] = field(repr=False)
    origin: str = "contract"
    recorded_at: datetime = datetime(2020, 1, 1, tzinfo=UTC)
    contracts: tuple[Mapping[str, object], ...] = field(default=(), repr=False)
    invoices: tuple[Mapping[str, object], ...] = field(default=(), repr=False)
    topics: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """First and last name."""
        return self.values[Column.NAME]

    @property
    def email(self) -> str:
        """The mailbox on record."""
        return self.values[Column.EMAIL]

    def row(self) -> dict[str, object]:
        """The row of the table ``customer``."""
        columns: dict[str, object] = {column.value: self.values.get(column) or None for column in Column}
        return {"id": self.id, "customer_number": self.customer_number, **columns, "origin": self.origin, "recorded_at": self.recorded_at}


def customers(seed: int, today: date) -> tuple[Customer, ...]:
    """The forty customers of a seed. Among them two that share a mailbox, one whose mailbox is a role, and one known by no name."""
    return tuple(_Maker(random.Random(seed), today).people())


@dataclass(slots=True)
class _Maker:
    chance: random.Random
    today: date
    taken: set[str] = field(default_factory=set)
    invoice_numbers: int = 0

    def people(self) -> Iterator[Customer]:
        words = tomllib.loads((files(__package__) / "data" / "people.toml").read_text("utf-8"))
        languages = [language for language, count in SPEAKERS.items() for _ in range(count)]
        for number, language in enumerate(languages, start=1):
            yield self._person(number, language, words[language.value])

    def _person(self, number: int, language: Language, words: Mapping[str, Any]) -> Customer:
        first, last, mailbox = self._name(number, words)
        place = self._place(words)
        at_work = self.chance.random() < 0.4  # noqa: PLR2004 - a little less than half are companies
        values = place | {
            Column.NAME: f"{first} {last}",
            Column.EMAIL: mailbox,
            Column.COMPANY: self.chance.choice(words["companies"]) if at_work else "",
            Column.FUNCTION: self.chance.choice(words["functions"]) if at_work else "",
            Column.MOBILE: f"0470 55 01 {self.chance.randrange(100):02}",
            Column.FAX: self._telephone("02") if self.chance.random() < 0.2 else "",  # noqa: PLR2004 - few still have one
        }
        since = self._day(2016, 2024)
        return Customer(
            number, f"K-{10_000 + number}", language, first, last, values, self.chance.choice(_ORIGINS),
            datetime.combine(since, time(9), UTC), tuple(self._contracts(number, words)), tuple(self._invoices(number, values, words)),
            TOPICS if self.chance.random() < 0.5 else TOPICS[:1],  # noqa: PLR2004 - half of them
        )  # fmt: skip

    def _name(self, number: int, words: Mapping[str, Any]) -> tuple[str, str, str]:
        """First name, last name, and a mailbox that nobody has yet."""
        if number == SHARED[1]:  # the partner of the one before: same mailbox
            first = self._other(words["first"])
            return first, self.last, self.mailbox
        for _ in range(1_000):
            first, last = self.chance.choice(words["first"]), self.chance.choice(words["last"])
            mailbox = f"{_plain(first)}.{_plain(last)}@{self.chance.choice(_DOMAINS)}"
            if number == SHARED[0]:
                mailbox = f"familie.{_plain(last)}@example.com"
            if number == ROLE:
                mailbox = f"info@{_plain(words['companies'][0])}.test"
            if mailbox.partition("@")[0] not in self.taken:
                break
        self.taken.add(mailbox.partition("@")[0])
        self.last, self.mailbox = last, mailbox
        return first, last, mailbox
