"""The legal clock: Regulation (EEC, Euratom) 1182/71, national holidays, GDPR 12(3)."""

from __future__ import annotations

import calendar
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def easter(year: int) -> date:
    """Easter Sunday of ``year`` in the Gregorian calendar (Meeus, Jones, Butcher)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)


def _moved(year: int, *days: int) -> set[date]:
    return {easter(year) + timedelta(days=d) for d in days}


def _fixed(year: int, *days: tuple[int, int]) -> set[date]:
    return {date(year, month, day) for month, day in days}


def _belgium(year: int) -> set[date]:
    """The ten public holidays of the Act of 4 January 1974 and its Royal Decree, Sundays apart."""
    return _fixed(year, (1, 1), (5, 1), (7, 21), (8, 15), (11, 1), (11, 11), (12, 25)) | _moved(year, 1, 39, 50)


def _germany(year: int) -> set[date]:
    """The nine days that are holidays by the law of every Land (3 October: Unification Treaty art. 2(2)); those of one Land do not count."""
    return _fixed(year, (1, 1), (5, 1), (10, 3), (12, 25), (12, 26)) | _moved(year, -2, 1, 39, 50)


def _france(year: int) -> set[date]:
    """The eleven fêtes légales of the Code du travail, art. L3133-1; the two more of Alsace and Moselle do not count."""
    return _fixed(year, (1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)) | _moved(year, 1, 39, 50)


def _luxembourg(year: int) -> set[date]:
    """The eleven jours fériés légaux of the Code du travail, art. L.232-2 (9 May since 2019)."""
    return _fixed(year, (1, 1), (5, 1), (5, 9), (6, 23), (8, 15), (11, 1), (12, 25), (12, 26)) | _moved(year, 1, 39, 50)


def _netherlands(year: int) -> set[date]:
    """The algemeen erkende feestdagen of the Algemene termijnenwet, art. 3(1).

    Good Friday, which art. 3(2) puts on a par with them for terms of that Act, does not count: a term of Union law ends
    rather a day too early than too late. The King's birthday is kept on 27 April, on a Sunday the day before (since 2014).
    """
    birthday = date(year, 4, 27)
    kept = birthday - timedelta(days=birthday.weekday() == calendar.SUNDAY)
    return _fixed(year, (1, 1), (5, 5), (12, 25), (12, 26)) | _moved(year, 1, 39, 50) | {kept}


#: Country (ISO 3166-1) to the days that are public holidays in all of it in a year. Another country is one more line here.
HOLIDAYS: Final[Mapping[str, Callable[[int], set[date]]]] = {
    "BE": _belgium,
    "DE": _germany,
    "FR": _france,
    "LU": _luxembourg,
    "NL": _netherlands,
}


@cache
def holidays(country: str, year: int) -> frozenset[date]:
    """Public holidays of ``country`` in ``year``; none for a country without a table: there Saturdays and Sundays alone move a day."""
    listed = HOLIDAYS.get(country)
    return frozenset(listed(year)) if listed else frozenset()


def is_working_day(day: date, country: str) -> bool:
    """Neither Saturday, Sunday nor public holiday (Reg. 1182/71 art. 2(2))."""
    return day.weekday() < calendar.SATURDAY and day not in holidays(country, day.year)


def roll_forward(day: date, country: str) -> date:
    """``day`` if it is a working day, else the next one (Reg. 1182/71 art. 3(4))."""
    while not is_working_day(day, country):
        day += timedelta(days=1)
    return day


def working_day_before(day: date, country: str, count: int = 1) -> date:
    """The ``count``-th working day before ``day``."""
    while count:
        day -= timedelta(days=1)
        count -= is_working_day(day, country)
    return day


def add_months(day: date, months: int) -> date:
    """The same-numbered day ``months`` later, else the last day of that month (Reg. 1182/71 art. 3(2)(c))."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def local_day(moment: datetime, timezone: str) -> date:
    """The calendar day of an aware ``moment`` where the controller is."""
    return moment.astimezone(ZoneInfo(timezone)).date()


def due_days(received: date, country: str, months: int = 1) -> tuple[date, date]:
    """The day to work to and the legal last day: ``months`` after receipt, unrolled and rolled (GDPR 12(3)).

    An extension counts from receipt as well: three months, not one and two.
    """
    due = add_months(received, months)
    return due, roll_forward(due, country)


class Standing(StrEnum):
    """How near a legal last day is."""

    IN_TIME = "in-time"
    SOON = "soon"
    OVERDUE = "overdue"


def standing(legal_last: date, today: date, country: str, alarm_days: int) -> Standing:
    """``SOON`` from the ``alarm_days``-th working day before the last day on, ``OVERDUE`` from the day behind it."""
    if today > legal_last:
        return Standing.OVERDUE
    return Standing.SOON if today >= working_day_before(legal_last, country, alarm_days) else Standing.IN_TIME


def end_of_day(day: date, timezone: str) -> datetime:
    """The last second of ``day`` where the controller is, aware."""
    return datetime.combine(day, time(23, 59, 59), tzinfo=ZoneInfo(timezone))


def grace_end(confirmed: datetime, grace: timedelta, legal_last: date, margin_days: int, country: str, timezone: str) -> datetime:
    """When an erasure may run: after ``grace``, but at the latest ``margin_days`` working days before the legal last day.

    Never before ``confirmed``: a confirmation on the last day is carried out at once.
    """
    latest = end_of_day(working_day_before(legal_last, country, margin_days), timezone)
    return max(confirmed, min(confirmed + grace, latest))


def invoice_kept_until(issued: date) -> date:
    """The last day on which an invoice must be kept.

    The later of VAT (Code art. 60: ten years from 1 January after the date, for tax due from 2023; before: seven) and
    accounting (Code of Economic Law III.86: seven years from 1 January after the year's end). To be confirmed by the
    company's accountant; the register's retention rule may name another number of years.
    """
    # Income tax (Code 1992 art. 315): ten years from 1 January of the assessment year, which is 2023 for income of 2022.
    years = 10 if issued.year >= 2022 else 7  # noqa: PLR2004
    return date(issued.year + years, 12, 31)
