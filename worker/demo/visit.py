"""A small browser: opens a page, fills in a form of it, presses its button. It runs no scripts and keeps no cookies."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from selectolax.lexbor import LexborHTMLParser, LexborNode

from worker.errors import PrivacyDeskError

_TIMEOUT: Final = 30.0  # seconds for one page
#: Nothing leaves this machine, whatever proxy its user has.
_OPENER: Final = build_opener(ProxyHandler({}))


class PageMissing(PrivacyDeskError):
    """A page, a form or a button that should be there is not."""


@dataclass(frozen=True, slots=True)
class Form:
    """A form as a person finds it: its ``fields`` hold what is filled in or ticked already."""

    action: str
    fields: tuple[tuple[str, str], ...]
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Page:
    """An answer of the desk."""

    url: str
    status: int
    body: str = field(repr=False)

    @property
    def forms(self) -> tuple[Form, ...]:
        """The forms, as they stand on the page."""
        return tuple(_form(node, self.url) for node in LexborHTMLParser(self.body).css("form"))

    def form(self, *, ending: str = "", having: str = "") -> Form:
        """The first form whose address ends in ``ending`` and that has the field ``having``. PageMissing if there is none."""
        for each in self.forms:
            if urlsplit(each.action).path.endswith(ending) and (not having or having in each.names):
                return each
        msg = f"the page /{urlsplit(self.url).path.split('/')[1]}/ ({self.status}) has no form {ending or having}"
        raise PageMissing(msg)


async def opened(url: str) -> Page:
    """GET."""
    return await asyncio.to_thread(_fetch, Request(url))  # noqa: S310 - a link of our own desk


async def pressed(form: Form, typed: Mapping[str, str] | None = None) -> Page:
    """Fill in ``typed`` and press the form's button."""
    fields = [(name, value) for name, value in form.fields if name not in (typed or {})] + list((typed or {}).items())
    return await asyncio.to_thread(_fetch, Request(form.action, urlencode(fields).encode()))  # noqa: S310 - as above


def _fetch(request: Request) -> Page:
    try:
        with _OPENER.open(request, timeout=_TIMEOUT) as answer:
            return Page(answer.url, answer.status, answer.read().decode("utf-8"))
    except HTTPError as error:
        with error:
            return Page(request.full_url, error.code, error.read().decode("utf-8", "replace"))


def _form(node: LexborNode, url: str) -> Form:
    inputs = [each.attributes for each in node.css("input")]
    names = frozenset(each.get("name") or "" for each in inputs)
    kept = [each for each in inputs if each.get("type") not in {"checkbox", "radio"} or "checked" in each]
    fields = tuple((each.get("name") or "", each.get("value") or "") for each in kept)
    return Form(urljoin(url, node.attributes.get("action") or url), fields, names)
