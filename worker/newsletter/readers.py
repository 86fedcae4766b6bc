"""A list of readers out of a table: what each line says, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from worker.errors import ConfigurationError
from worker.newsletter.guards import can_be_mailed
from worker.rules.mail import Address
from worker.rules.model import Language

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: The columns of the table; only ``email`` must be there.
COLUMNS: Final = ("email", "name", "language", "origin", "date")
_ORIGIN: Final = 64  # characters that the store keeps


@dataclass(frozen=True, slots=True)
class Line:
    """One reader of the list. ``since`` is None where the table has no date."""

    number: int  # in the file, from 1
    address: Address = field(repr=False)
    language: Language
    origin: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """What a table holds: its readers, each address once, and the numbers of lines that cannot be used, by reason."""

    lines: tuple[Line, ...]
    wrong: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds for a line that does not say."""

    language: Language
    origin: str
    timezone: str


def read(rows: Iterable[tuple[int, Mapping[str, str]]], defaults: Defaults) -> Listing:
    """Read numbered rows with the keys of :data:`COLUMNS`. Raises ConfigurationError for a list without origin."""
    lines: dict[str, Line] = {}
    wrong: dict[str, list[int]] = {}
    for number, row in rows:
        found = _line(number, row, defaults)
        if isinstance(found, Line) and found.address.key in lines:
            found = "the address is there twice"
        if isinstance(found, Line):
            lines[found.address.key] = found
        else:
            wrong.setdefault(found, []).append(number)
    return Listing(tuple(lines.values()), {reason: tuple(numbers) for reason, numbers in wrong.items()})


def delimiter(head: str) -> str:
    """What separates the columns of a table whose first line this is: spreadsheets here write semicolons."""
    return max(",;\t", key=head.count)


def _line(number: int, row: Mapping[str, str], defaults: Defaults) -> Line | str:
    mailbox = _mailbox(row.get("email", ""))
    if not can_be_mailed(mailbox):
        return "no address that can be mailed"
    code = row.get("language", "").strip().lower() or defaults.language.value
    if code not in tuple(Language):
        return "a language that the desk does not write"
    origin = row.get("origin", "").strip() or defaults.origin
    if not origin or len(origin) > _ORIGIN:
        raise ConfigurationError("--origin", "it must be known where the addresses come from", f"Say it in at most {_ORIGIN} characters.")
    try:
        since = _moment(row.get("date", ""), defaults.timezone)
    except ValueError:
        return "a date that is not written 2026-12-01"
    return Line(number, Address(mailbox, " ".join(row.get("name", "").split())), Language(code), origin, since)


def _mailbox(text: str) -> str:
    local, _, domain = text.strip().rpartition("@")
    return f"{local}@{domain.lower()}"


def _moment(text: str, timezone: str) -> datetime | None:
    if not text.strip():
        return None
    day = date.fromisoformat(text.strip())
    return datetime.combine(day, time(), tzinfo=ZoneInfo(timezone)).astimezone(UTC)
