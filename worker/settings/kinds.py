"""How the values of settings are written: from TOML or an environment variable to a Python value, and back."""

from __future__ import annotations

import ipaddress
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, NewType, get_args, get_origin
from urllib.parse import urlsplit

from worker.mail.addresses import ascii_domain
from worker.mail.addresses import mailbox as sound_mailbox

#: Texts and numbers of a narrower kind; at run time they are plain.
Words = NewType("Words", str)  # not empty
HostName = NewType("HostName", str)
EmailAddress = NewType("EmailAddress", str)
WebAddress = NewType("WebAddress", str)
DatabaseUrl = NewType("DatabaseUrl", str)
Network = NewType("Network", str)  # an IP address, or a network such as 10.0.0.0/8
Country = NewType("Country", str)  # ISO 3166-1 alpha-2
Port = NewType("Port", int)
Count = NewType("Count", int)  # from 1


class Mismatch(ValueError):
    """A value is not of its kind. ``problem`` says why without the value, ``mend`` what to write."""

    def __init__(self, problem: str, mend: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.mend = mend


@dataclass(frozen=True, slots=True)
class Listen:
    """An address to listen on, written ``host:port`` or ``[IPv6]:port``."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> Listen:
        """The address in ``text``; Mismatch if it is none. Port 0 lets the system choose."""
        host, colon, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not colon or not host or not port.isdecimal() or int(port) > _MAX_PORT:
            raise Mismatch("is not an address to listen on", 'Write host:port, for example "127.0.0.1:8080".')
        return cls(host, int(port))


@dataclass(frozen=True, slots=True, order=True)
class Bytes:
    """A size in bytes, written such as ``"25 MB"`` (1 MB = 1024 * 1024 bytes)."""

    count: int

    def __str__(self) -> str:
        for unit, size in reversed(list(_SIZES.items())):
            if self.count % size == 0 and self.count:
                return f"{self.count // size} {unit}"
        return f"{self.count} B"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of value. ``read`` takes what TOML gives, ``text`` an environment variable, ``write`` makes TOML again.

    ``form`` says in words what to write.
    """

    form: str
    read: Callable[[object, Path], Any]
    write: Callable[[Any], str]
    text: Callable[[str], object] = str  # from an environment variable to what TOML would have given


_MAX_PORT: Final = 65_535
_SIZES: Final[Mapping[str, int]] = {"B": 1, "kB": 1024, "MB": 1024**2, "GB": 1024**3}
_UNITS: Final[Mapping[str, timedelta]] = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
    "year": timedelta(days=365),
}
_ALIASES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("sec", "second", "seconds"), "s"),
    **dict.fromkeys(("m", "minute", "minutes"), "min"),
    **dict.fromkeys(("hour", "hours"), "h"),
    **dict.fromkeys(("d", "days"), "day"),
    **dict.fromkeys(("w", "weeks"), "week"),
    **dict.fromkeys(("y", "years"), "year"),
}
_POSTGRESQL: Final = re.compile(r"postgresql://(?:[^@]*@)?(?:\[[0-9A-Fa-f:.]+\]|[^:/@\s]*)(?::\d{1,5})?/[^/\s]\S*")
_AMOUNT: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)")
_DURATION_FORM: Final = 'a number with its unit (ms, s, min, h, days, weeks, years), for example "72h" or "14 days"'


def quoted(text: str) -> str:
    """``text`` as a TOML basic string."""
    return json.dumps(text, ensure_ascii=False)


def _text(value: object, _base: Path) -> str:
    if not isinstance(value, str):
        raise Mismatch("is not a text", "Write it in quotes.")
    return value


def _whole(value: object, _base: Path) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Mismatch("is not a whole number", "Write digits without quotes, for example 993.")
    return value


def _port(value: object, base: Path) -> int:
    number = _whole(value, base)
    if not 1 <= number <= _MAX_PORT:
        raise Mismatch("is no port", f"Write a number from 1 to {_MAX_PORT}.")
    return number


def _count(value: object, base: Path) -> int:
    number = _whole(value, base)
    if number < 1:
        raise Mismatch("is too small", "Write 1 or more.")
    return number


def _words(value: object, base: Path) -> str:
    text = _text(value, base)
    if not text.strip():
        raise Mismatch("is empty", "Write it.")
    return text


def _host(value: object, base: Path) -> str:
    text = _text(value, base)
    if not (_is_network(text) and "/" not in text) and ascii_domain(text) is None:
        raise Mismatch("is no name of a host", "Write its name or IP address alone; the port is a setting of its own.")
    return text


def _email(value: object, base: Path) -> str:
    text = _text(value, base)
    if sound_mailbox(text) is None:
        raise Mismatch("is no e-mail address", 'Write it alone, for example "privacy@example.com".')
    return text


def _web(value: object, base: Path) -> str:
    text = _text(value, base)
    try:
        url = urlsplit(text)
        sound = url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0 and not re.search(r"\s", text)
    except ValueError:  # a port that is none
        sound = False
    if not sound:
        raise Mismatch("is no web address", "Write https:// and the name of the host.")
    return text


def _database(value: object, base: Path) -> str:
    """The URL; a relative path of SQLite is placed as every other."""
    text = _text(value, base)
    file = text.removeprefix("sqlite:///")
    if file not in {"", ":memory:", text}:
        return f"sqlite:///{placed(Path(file), base)}"
    if not _POSTGRESQL.fullmatch(text):
        raise Mismatch("is no database that the desk can use", "Write sqlite:///PATH or postgresql://USER@HOST/DATABASE.")
    return text


def _network(value: object, base: Path) -> str:
    text = _text(value, base)
    if not _is_network(text):
        raise Mismatch("is no IP address or network", 'Write for example "10.0.0.5" or "10.0.0.0/8".')
    return text


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _country(value: object, base: Path) -> str:
    text = _text(value, base)
    if not re.fullmatch("[A-Z]{2}", text):
        raise Mismatch("is no country code", 'Write the two capital letters of ISO 3166-1, for example "BE".')
    return text


def _flag(value: object, _base: Path) -> bool:
    if not isinstance(value, bool):
        raise Mismatch("is neither true nor false", "Write true or false, without quotes.")
    return value


def _path(value: object, base: Path) -> Path:
    text = _text(value, base)
    if not text:
        raise Mismatch("is an empty path", "Write the path of a file, absolute or relative to this file.")
    return placed(Path(text).expanduser(), base)


def placed(path: Path, base: Path) -> Path:
    """``path``, if relative below ``base``, without ``..``; links are left as they are, for who keeps secrets behind them."""
    return Path(os.path.normpath(Path(base, path).absolute()))


def _day(value: object, _base: Path) -> date:
    if type(value) is date:
        return value
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise Mismatch("is not a date", "Write year-month-day, for example 2026-01-31.") from None


def duration(text: str) -> timedelta:
    """The duration in ``text``, such as ``72h``, ``10s``, ``14 days``; Mismatch if it is none. A year is 365 days."""
    found = _AMOUNT.fullmatch(text.strip())
    unit = found and (found[2] if found[2] in _UNITS else _ALIASES.get(found[2].lower()))
    if not found or not unit:
        raise Mismatch("is not a duration", f"Write {_DURATION_FORM}.")
    return float(found[1]) * _UNITS[unit]


def _duration(value: object, base: Path) -> timedelta:
    return duration(_text(value, base)) if isinstance(value, str) else duration("")


_WRITTEN: Final = (
    # unit, its length, the shortest duration written in it: what is shorter than a week is counted in hours, as in law
    (" years", timedelta(days=365), timedelta(days=730)),
    (" days", timedelta(days=1), timedelta(days=4)),
    ("h", timedelta(hours=1), timedelta(hours=1)),
    ("min", timedelta(minutes=1), timedelta(minutes=1)),
    ("s", timedelta(seconds=1), timedelta(seconds=1)),
    ("ms", timedelta(milliseconds=1), timedelta(milliseconds=1)),
)


def duration_text(value: timedelta) -> str:
    """``value`` in its largest whole unit; :func:`duration` reads it back."""
    for name, unit, least in _WRITTEN:
        if value >= least and value % unit == timedelta(0):
            return f"{value // unit}{name}"
    return "0s"


def _size(value: object, base: Path) -> Bytes:
    found = _AMOUNT.fullmatch(_text(value, base).strip()) if isinstance(value, str) else None
    unit = {name.lower(): size for name, size in _SIZES.items()}.get(found[2].lower()) if found else None
    if not found or not unit:
        raise Mismatch("is not a size", 'Write a number with its unit (B, kB, MB, GB), for example "25 MB".')
    return Bytes(int(float(found[1]) * unit))


def _listen(value: object, base: Path) -> Listen:
    return Listen.parse(_text(value, base))


def _member(kind: type[StrEnum], value: object, _base: Path) -> StrEnum:
    for member in kind:
        if member.value == value:
            return member
    raise Mismatch("is not one of the known words", f"Write {choices(kind)}.")


def choices(kind: type[StrEnum]) -> str:
    """The members of a closed vocabulary as a sentence's part."""
    words = [quoted(member) for member in kind]
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]


def _many(inner: Kind, value: object, base: Path) -> tuple[object, ...]:
    if not isinstance(value, list):
        raise Mismatch("is not a list", f"Write [ ... ], each {inner.form}.")
    return tuple(inner.read(item, base) for item in value)


def _list_of_text(inner: Kind, text: str) -> object:
    return [inner.text(part.strip()) for part in text.split(",") if part.strip()]


def _number_of_text(text: str) -> object:
    return int(text) if text.isdecimal() else text


def _flag_of_text(text: str) -> object:
    return {"true": True, "false": False}.get(text.lower(), text)


_PLAIN: Final[Mapping[Any, Kind]] = {
    str: Kind("a text", _text, quoted),
    Words: Kind("a text", _words, quoted),
    HostName: Kind("a host's name or IP address", _host, quoted),
    EmailAddress: Kind("an e-mail address", _email, quoted),
    WebAddress: Kind("a web address", _web, quoted),
    DatabaseUrl: Kind("sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE", _database, quoted),
    Network: Kind("an IP address or network", _network, quoted),
    Country: Kind("two capital letters", _country, quoted),
    int: Kind("a whole number", _whole, str, _number_of_text),
    Count: Kind("a whole number from 1", _count, str, _number_of_text),
    Port: Kind(f"a number from 1 to {_MAX_PORT}", _port, str, _number_of_text),
    bool: Kind("true or false", _flag, lambda value: str(value).lower(), _flag_of_text),
    Path: Kind("a path, absolute or relative to the folder of the settings file", _path, lambda value: quoted(str(value))),
    date: Kind("a date such as 2026-01-31", _day, str),
    timedelta: Kind(_DURATION_FORM, _duration, lambda value: quoted(duration_text(value))),
    Bytes: Kind('a size such as "25 MB"', _size, lambda value: quoted(str(value))),
    Listen: Kind('an address "host:port"', _listen, lambda value: quoted(str(value))),
}


def kind_of(annotation: Any) -> Kind:
    """The kind of a resolved annotation: a plain type, a StrEnum, a tuple of one of them, or one of them or None."""
    if get_origin(annotation) is tuple:
        inner = kind_of(get_args(annotation)[0])
        write = partial(_write_many, inner)
        return Kind(f"a list, each {inner.form}", partial(_many, inner), write, partial(_list_of_text, inner))
    if isinstance(annotation, UnionType):
        return kind_of(next(part for part in get_args(annotation) if part is not NoneType))
    if annotation not in _PLAIN and issubclass(annotation, StrEnum):
        return Kind(choices(annotation), partial(_member, annotation), quoted)
    return _PLAIN[annotation]


def _write_many(inner: Kind, values: tuple[object, ...]) -> str:
    return f"[{', '.join(inner.write(value) for value in values)}]"
