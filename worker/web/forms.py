"""What a stranger posts: bounded before it is read, cleaned before it is used."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

MAX_BODY: Final = 64 * 1024  # bytes of a whole form
MAX_FIELDS: Final = 200
MAX_LINE: Final = 300  # characters of a one-line field
MAX_WORDS: Final = 8_000  # characters of somebody's own words

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of one form, as they came."""

    values: Mapping[str, list[str]] = field(default_factory=dict, repr=False)

    def line(self, name: str) -> str:
        """One line without control characters, at most MAX_LINE characters."""
        return " ".join(clean(self._first(name)).split())[:MAX_LINE]

    def words(self, name: str) -> str:
        """Several lines, uncut: the caller says when they are too long."""
        return clean(self._first(name)).strip()

    def secret(self, name: str) -> str:
        """A password exactly as typed, at most MAX_LINE characters."""
        return self._first(name)[:MAX_LINE]

    def many(self, name: str) -> tuple[str, ...]:
        """Every value of a field that may be ticked several times."""
        return tuple(self.values.get(name, ()))

    def _first(self, name: str) -> str:
        return next(iter(self.values.get(name, ())), "")


def clean(text: str) -> str:
    """``text`` in one normal form, with a line feed for every line end and without NUL and other control characters."""
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", _CONTROL.sub("", unified))


async def read_body(request: Request) -> bytes:
    """The body, as long as it is within MAX_BODY. Raises HTTPException 413 before more than that is kept."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY:
            raise HTTPException(413)
        parts.append(part)
    return b"".join(parts)


async def read_form(request: Request) -> Fields:
    """The fields of an ordinary form. Raises HTTPException 413, 415 for another content type, 400 for too many fields."""
    body = await read_body(request)
    kind = request.headers.get("content-type", _FORM).partition(";")[0].strip().lower()
    if kind != _FORM and body:
        raise HTTPException(415)
    try:
        return Fields(parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="replace"))
    except ValueError as error:
        raise HTTPException(400) from error


def refuse_foreign(request: Request, base_url: str) -> None:
    """Raise HTTPException 403 for a POST that another website sent.

    Our own pages send ``Origin: null``, because they send no referrer: so Sec-Fetch-Site decides where a browser has it.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin", "null")
    if site is not None:
        foreign = site not in {"same-origin", "none"}
    else:
        ours = {_host(base_url), request.headers.get("host", "").lower()}
        foreign = origin != "null" and _host(origin) not in ours
    if foreign:
        raise HTTPException(403)


def _host(url: str) -> str:
    return urlsplit(url).netloc.lower()
