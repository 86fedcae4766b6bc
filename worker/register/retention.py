"""Retention rules: how long the law or a contract keeps a value although its erasure was asked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from worker.errors import RegisterRefused
from worker.rules.deadline import add_months, invoice_kept_until
from worker.rules.letters import Reason
from worker.rules.model import Language


@dataclass(frozen=True, slots=True)
class Text:
    """Words of the declaration, shown to persons: one wording per language, or one for all."""

    wordings: Mapping[str, str]

    def of(self, language: Language) -> str:
        """The wording in ``language``, else the English one, else the first."""
        return self.wordings.get(language) or self.wordings.get(Language.EN) or next(iter(self.wordings.values()), "")


class RuleKind(StrEnum):
    """What ends the keeping of a value."""

    ASKED = "until asked"  # nothing keeps it once erasure is asked
    UNTIL = "until COLUMN"  # kept up to the day in that column; as long as it is empty there is no date yet
    YEARS = "N years after COLUMN"  # kept up to the same day N years later
    INVOICE = "invoice COLUMN"  # accounting and VAT law, from the day in that column on
    FOREVER = "forever"  # a law names no end


_GRAMMAR: Final[Mapping[RuleKind, re.Pattern[str]]] = {
    RuleKind.ASKED: re.compile(r"until asked"),
    RuleKind.UNTIL: re.compile(r"until (?P<column>\w+)"),
    RuleKind.YEARS: re.compile(r"(?P<years>\d{1,3}) years after (?P<column>\w+)"),
    RuleKind.INVOICE: re.compile(r"invoice (?P<column>\w+)"),
    RuleKind.FOREVER: re.compile(r"forever"),
}


@dataclass(frozen=True, slots=True)
class Keep:
    """A value must stay: why, and up to which day (None: no date yet)."""

    reason: Reason
    until: date | None


@dataclass(frozen=True, slots=True)
class Retention:
    """One named rule. ``column`` holds the day it counts from; ``text`` is its sentence in an access answer."""

    name: str
    kind: RuleKind
    reason: Reason | None
    text: Text
    column: str = ""
    years: int = 0

    @classmethod
    def parse(cls, name: str, rule: str, reason: Reason | None, text: Text) -> Retention | None:
        """The rule written as one of :class:`RuleKind`, or None if it is none of them."""
        for kind, pattern in _GRAMMAR.items():
            if found := pattern.fullmatch(rule.strip()):
                parts = found.groupdict()
                return cls(name, kind, reason, text, parts.get("column", ""), int(parts.get("years", 0)))
        return None

    def keeps(self, row: Mapping[str, object], today: date) -> Keep | None:
        """What keeps a value of ``row`` on ``today``, or None if it may go. A missing day keeps: nobody can say that it has passed."""
        if self.reason is None or self.kind is RuleKind.ASKED:
            return None
        start = _day(row.get(self.column)) if self.column else None
        until = self._last_day(start) if start else None
        return None if until is not None and until < today else Keep(self.reason, until)

    def _last_day(self, start: date) -> date:
        match self.kind:
            case RuleKind.INVOICE:
                return invoice_kept_until(start)
            case RuleKind.YEARS:
                return add_months(start, 12 * self.years)
            case RuleKind.UNTIL | RuleKind.FOREVER | RuleKind.ASKED:
                return start


def _day(value: object) -> date | None:
    """The calendar day of what a database gives for a date: a date, a moment or ISO text."""
    match value:
        case None | "":
            return None
        case datetime():
            return value.date()
        case date():
            return value
        case str():
            try:
                return date.fromisoformat(value[:10])
            except ValueError:
                raise RegisterRefused("a retention rule counts from a column that holds no date") from None
        case _:
            raise RegisterRefused("a retention rule counts from a column that holds no date")
