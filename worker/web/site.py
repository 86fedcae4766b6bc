"""What every page is drawn with: templates, words, the company's card, and the headers of every answer."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup
from starlette.responses import HTMLResponse

from worker.mail.words import TEMPLATES, authority
from worker.rules.model import Language
from worker.web.wording import OWN_NAMES, Wording, chosen, load_wording

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request

    from worker.rules.letters import DeskCard

#: On every answer. Nothing may run, nothing may be loaded from elsewhere, no page may be framed, kept or indexed.
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), interest-cohort=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "X-DNS-Prefetch-Control": "off",
}
#: Only where the desk itself is reached by https; two years, in seconds.
TRANSPORT_SECURITY: Final = "max-age=63072000"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do on a page: a link, or (``post``) a form with one button."""

    label: str
    url: str
    post: bool = False
    hint: str = ""
    tone: str = "main"  # main, quiet or danger


@dataclass(frozen=True, slots=True)
class Message:
    """A page that says one thing. ``tone`` is good, info, warn or bad."""

    tone: str
    title: str
    texts: tuple[str, ...] = ()
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True)
class Site:
    """The look and the words of one company's pages; put together by :func:`make_site`."""

    card: DeskCard
    offered: tuple[Language, ...]
    wordings: Mapping[Language, Wording] = field(repr=False)
    environment: Environment = field(repr=False)
    style: str = field(repr=False)
    style_path: str = ""
    policies: Mapping[Language, Markup] = field(default_factory=dict, repr=False)

    @property
    def secure(self) -> bool:
        """Whether the desk is reached by https."""
        return urlsplit(self.card.base_url).scheme == "https"

    @property
    def headers(self) -> dict[str, str]:
        """The headers of every answer."""
        return {**HEADERS, "Strict-Transport-Security": TRANSPORT_SECURITY} if self.secure else dict(HEADERS)

    def language(self, request: Request, known: Language | None = None) -> Language:
        """The language in which ``request`` is answered; ``known`` is that of its case or reader."""
        return chosen(request.query_params.get("lang"), known, request.headers.get("accept-language", ""), self.offered)

    def words(self, language: Language) -> Wording:
        """The words of ``language``."""
        return self.wordings[language]

    def render(self, template: str, language: Language, *, path: str = "/", **values: object) -> str:
        """Draw ``template``; ``path`` is where the page can be opened again, for its forms and the links that switch language."""
        t = self.wordings[language]
        zone = ZoneInfo(self.card.timezone)
        return self.environment.get_template(template).render(
            t=t,
            lang=language,
            card=self.card,
            style_path=self.style_path,
            here=path,
            switch=[(each, OWN_NAMES[each]) for each in self.offered],
            day=lambda moment: t.names.day(local_day(moment, zone)),
            moment=lambda moment: t.names.moment(moment.astimezone(zone)),
            authority=authority(self.card, t.names, (w.names for w in self.wordings.values())),
            **values,
        )

    def page(
        self, request: Request, template: str, language: Language, *, status: int = 200, path: str = "", **values: object
    ) -> HTMLResponse:
        """The answer to ``request`` with ``template`` drawn on it."""
        html = self.render(template, language, path=path or request.url.path, **values)
        return HTMLResponse(html, status, headers={"Content-Language": language.value})

    def say(self, request: Request, message: Message, language: Language, *, status: int = 200, path: str = "") -> HTMLResponse:
        """The answer to ``request`` that says one thing."""
        return self.page(request, "message.html", language, status=status, path=path, message=message)


def make_site(card: DeskCard, offered: Sequence[Language], policies: Mapping[Language, str] | None = None) -> Site:
    """Load words, templates and style once. ``policies`` are Markdown. Raises ConfigurationError for incomplete words."""
    style = (TEMPLATES / "web" / "desk.css").read_text(encoding="utf-8")
    digest = hashlib.sha256(style.encode()).hexdigest()[:16]
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    return Site(
        card=card,
        offered=tuple(offered),
        wordings={each: load_wording(each) for each in Language},
        environment=_environment(),
        style=style,
        style_path=f"/static/desk-{digest}.css",
        policies={each: Markup(markdown.render(text)) for each, text in (policies or {}).items()},  # noqa: S704 - HTML is off
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES / "web"), undefined=StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True,
        auto_reload=False, cache_size=-1,
    )  # fmt: skip
    environment.filters["sentence"] = sentence
    return environment


def sentence(text: str) -> str:
    """``text`` with a capital first letter; the rest stays as it is."""
    return text[:1].upper() + text[1:]


def local_day(moment: date, zone: ZoneInfo) -> date:
    """The day of a date, or of a moment as the clocks of ``zone`` show it."""
    return moment.astimezone(zone).date() if isinstance(moment, datetime) else moment
