"""Forty invented Belgian customers, made from a seed: people, contracts, invoices, newsletters.

Their mailboxes are at example.com, example.org and .test (RFC 2606); their telephone numbers begin with 55 01, as invented ones do.
"""

from __future__ import annotations

import random
import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from importlib.resources import files
from typing import Any, Final

from worker.rules.model import Column, Language

#: How many customers speak which language.
SPEAKERS: Final[Mapping[Language, int]] = {Language.NL: 13, Language.FR: 10, Language.EN: 8, Language.DE: 9}
TOPICS: Final = ("news", "security")
#: Customers 3 and 4 are a couple with one mailbox; the mailbox of customer 9 belongs to a role, not to a person.
COUPLE: Final = (3, 4)
ROLE: Final = 9
_DOMAINS: Final = ("example.com", "example.org")
_ORIGINS: Final = ("contract", "web form", "telephone call")
_ODD_LETTERS: Final = str.maketrans({"ß": "ss", "ø": "o", "æ": "ae", "œ": "oe"})
_FIRST_YEAR: Final = 2016  # invoices of this year may go, later ones must stay


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer as the register holds it. ``values`` are the correctable columns; ``topics`` the newsletters."""

    id: int
    customer_number: str
    language: Language
    first: str = field(repr=False)
    last: str = field(repr=False)
    values: Mapping[Column, str] = field(repr=False)
    origin: str
    recorded_at: datetime
    contracts: tuple[Mapping[str, object], ...] = field(repr=False)
    invoices: tuple[Mapping[str, object], ...] = field(repr=False)
    topics: tuple[str, ...]

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


@dataclass(frozen=True, slots=True)
class _Identity:
    language: Language
    first: str
    last: str
    email: str


def customers(seed: int, today: date) -> tuple[Customer, ...]:
    """The forty customers of a seed; with the same seed and day always the same."""
    chance, words = random.Random(seed), vocabulary()
    return tuple(
        _customer(number, identity, words[identity.language.value], chance, today)
        for number, identity in enumerate(_identities(chance, words), start=1)
    )


def vocabulary() -> dict[str, Any]:
    """What people are made of, by language."""
    return tomllib.loads((files(__package__) / "data" / "people.toml").read_text("utf-8"))


def _identities(chance: random.Random, words: Mapping[str, Any]) -> list[_Identity]:
    """Who they are; every mailbox once, but for the couple's."""
    found: list[_Identity] = []
    taken: set[str] = set()
    for language in (language for language, count in SPEAKERS.items() for _ in range(count)):
        names = words[language.value]
        free = [(first, last) for first in names["first"] for last in names["last"] if f"{plain(first)}.{plain(last)}" not in taken]
        first, last = chance.choice(free)
        taken.add(f"{plain(first)}.{plain(last)}")
        found.append(_Identity(language, first, last, f"{plain(first)}.{plain(last)}@{chance.choice(_DOMAINS)}"))
    one, other = (found[number - 1] for number in COUPLE)
    shared = f"familie.{plain(one.last)}@example.com"
    partner = chance.choice([first for first in words["nl"]["first"] if first != one.first])
    found[COUPLE[0] - 1] = _Identity(one.language, one.first, one.last, shared)
    found[COUPLE[1] - 1] = _Identity(other.language, partner, one.last, shared)
    role = found[ROLE - 1]
    found[ROLE - 1] = _Identity(role.language, role.first, role.last, f"info@{plain(words['nl']['companies'][0])}.test")
    return found


def _customer(number: int, who: _Identity, words: Mapping[str, Any], chance: random.Random, today: date) -> Customer:
    since = date(chance.randint(_FIRST_YEAR, today.year - 1), chance.randint(1, 12), chance.randint(1, 28))
    values = {Column.NAME: f"{who.first} {who.last}", Column.EMAIL: who.email, **_work(words, chance), **address(words, chance)}
    return Customer(
        id=number,
        customer_number=f"K-{10_000 + number}",
        language=who.language,
        first=who.first,
        last=who.last,
        values=values,
        origin=chance.choice(_ORIGINS),
        recorded_at=datetime.combine(since, time(9), UTC),
        contracts=tuple(_contracts(number, since, words, chance, today)),
        invoices=tuple(_invoices(number, since, values, words, chance, today)),
        topics=chance.choice((TOPICS, TOPICS[:1])),
    )


def address(words: Mapping[str, Any], chance: random.Random) -> dict[Column, str]:
    """A place to live, and the telephone numbers that belong to it."""
    postcode, town, zone = chance.choice(words["towns"])
    block = {"02": "555 01", "03": "255 01", "04": "255 01", "09": "255 01"}.get(zone, "55 01")  # what each zone's numbers begin with
    return {
        Column.STREET: chance.choice(words["streets"]),
        Column.NUMBER: str(chance.randint(1, 180)),
        Column.BOX: chance.choice(("", "", "", "2", "3B")),
        Column.POSTCODE: postcode,
        Column.TOWN: town,
        Column.COUNTRY: "BE",
        Column.TELEPHONE: f"{zone} {block} {chance.randrange(100):02}",
        Column.MOBILE: f"0470 55 01 {chance.randrange(100):02}",
    }


def _work(words: Mapping[str, Any], chance: random.Random) -> dict[Column, str]:
    """Half of them write for a company; few of those still have a fax."""
    if chance.random() < 0.5:  # noqa: PLR2004 - half
        return {}
    fax = f"02 555 01 {chance.randrange(100):02}" if chance.random() < 0.3 else ""  # noqa: PLR2004 - few
    return {
        Column.COMPANY: chance.choice(words["companies"]),
        Column.FUNCTION: chance.choice(words["functions"]),
        Column.FAX: fax,
        Column.OFFICE: chance.choice(("", "1.04", "B2")),
    }


def _contracts(number: int, since: date, words: Mapping[str, Any], chance: random.Random, today: date) -> Iterator[dict[str, object]]:
    """One or two; about half of the customers have one that still runs, which keeps their name at erasure."""
    for title in chance.sample(words["contracts"], chance.randint(1, 2)):
        ended = chance.choice((None, date(chance.randint(since.year, today.year - 1), 12, 31)))
        yield {
            "customer_id": number,
            "title": title,
            "started_on": since,
            "ended_on": ended,
            "origin": "contract",
            "recorded_at": datetime.combine(since, time(9), UTC),
        }


def _invoices(
    number: int, since: date, values: Mapping[Column, str], words: Mapping[str, Any], chance: random.Random, today: date
) -> Iterator[dict[str, object]]:
    """One a year from the beginning on, at most six: the oldest may go, the others must stay."""
    years = sorted(chance.sample(range(since.year, today.year), min(6, today.year - since.year)))
    for year in years:
        issued = max(since, date(year, chance.randint(1, 12), 15))
        yield {
            "customer_id": number,
            "invoice_number": f"{issued.year}-{number:03}-{year % 100}",
            "issued_on": issued,
            "amount_cents": chance.randrange(4_900, 240_000, 50),
            "currency": "EUR",
            "description": words["invoice"],
            "billing_name": values.get(Column.COMPANY) or values[Column.NAME],
            "billing_address": f"{values[Column.STREET]} {values[Column.NUMBER]}, {values[Column.POSTCODE]} {values[Column.TOWN]}",
            "origin": "contract",
            "recorded_at": datetime.combine(issued, time(9), UTC),
        }


def plain(words: str) -> str:
    """Words as the left side of a mailbox: no accents, spaces or apostrophes."""
    bare = unicodedata.normalize("NFKD", words.lower().translate(_ODD_LETTERS)).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9-]", "", bare)
