"""One customer: sends a mail, reads the letters, opens the pages, clicks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin
from urllib.request import ProxyHandler, Request, build_opener

from selectolax.lexbor import LexborHTMLParser, LexborNode

from worker.demo.mails import Kind, SampleMail
from worker.demo.world import DESK
from worker.rules.model import Column, LinkKind

if TYPE_CHECKING:
    from worker.demo.postoffice import Letter
    from worker.demo.world import World

_OPENER: Final = build_opener(ProxyHandler({}))  # everything is on this machine
_PATIENCE: Final = 20.0  # seconds for one page
_FIRST_BUTTON: Final = "main form"
_NOT_ME: Final = "form[action*='/not-me']"


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it was answered."""

    url: str
    status: int
    tree: LexborHTMLParser = field(repr=False)

    @property
    def text(self) -> str:
        """Its visible words."""
        return self.tree.body.text(separator=" ", strip=True) if self.tree.body else ""

    def form(self, selector: str) -> LexborNode | None:
        """The first form that fits."""
        return self.tree.css_first(selector)


async def look(url: str) -> Page:
    """GET."""
    return await asyncio.to_thread(_fetch, url, None)


async def press(page: Page, selector: str = _FIRST_BUTTON, code: str = "") -> Page:
    """Send the first form that fits as a browser would, with ``code`` in its field if it asks for one."""
    form = page.form(selector)
    if form is None:
        return page
    fields = [(str(i.attributes.get("name") or ""), str(i.attributes.get("value") or "")) for i in form.css("input") if _is_sent(i)]
    if form.css_first("input[name=code]") is not None:
        fields.append(("code", code))
    return await asyncio.to_thread(_fetch, urljoin(page.url, form.attributes.get("action") or page.url), urlencode(fields).encode())


def _is_sent(field: LexborNode) -> bool:
    kind = field.attributes.get("type")
    return kind == "hidden" or (kind in {"checkbox", "radio"} and "checked" in field.attributes)


def _fetch(url: str, data: bytes | None) -> Page:
    request = Request(url, data=data, headers={"Accept-Language": "en"})  # noqa: S310 - our own pages, on loopback
    try:
        with _OPENER.open(request, timeout=_PATIENCE) as answer:
            return Page(answer.url, answer.status, LexborHTMLParser(answer.read()))
    except HTTPError as error:
        return Page(url, error.code, LexborHTMLParser(error.read()))


@dataclass(slots=True)
class Customer:
    """Plays one sample mail: sends it, and does with each letter what its reader would do."""

    world: World
    mail: SampleMail
    seen: int = 0  # the number of the last letter that was read
    opened: list[str] = field(default_factory=list)  # what the packages showed

    @property
    def mailboxes(self) -> tuple[str, ...]:
        """Where this customer reads mail."""
        new = self.mail.changes.get(Column.EMAIL)
        return (self.mail.sender, new) if new else (self.mail.sender,)

    async def send(self) -> None:
        """Let the mail go."""
        await self.world.send(self.mail.raw(DESK, self.world.clock.now()), self.mail.sender)

    async def read(self) -> list[Letter]:
        """Read the letters that are new and act on each."""
        found = [letter for letter in self.world.office.letters if letter.number > self.seen and letter.recipient in self.mailboxes]
        for letter in found:
            self.seen = letter.number
            await self._act(letter)
        return found

    async def _act(self, letter: Letter) -> None:
        if (package := letter.link(LinkKind.DOWNLOAD)) and letter.code:
            shown = await press(await look(package), code=letter.code)
            self.opened.append(shown.text)
        elif confirm := letter.link(LinkKind.CONFIRM):
            if self.mail.kind is Kind.FORGED:
                await press(await look(confirm), _NOT_ME)
            else:
                await confirm_all(confirm, letter.code)


async def confirm_all(url: str, code: str) -> Page:
    """Press the button of a confirmation page, and once more if it shows what will change."""
    page = await press(await look(url), code=code)
    if page.form("input[name=fingerprint]") is not None:
        page = await press(page, "form:has(input[name=fingerprint])", code=code)
    return page


def values_on_record(rows: tuple[Mapping[str, Any], ...], customer_number: str) -> Mapping[str, Any] | None:
    """The customer's row as the company sees it, or None once it is gone."""
    return next((row for row in rows if row["customer_number"] == customer_number), None)
