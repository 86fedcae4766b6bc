"""The start page with the form, the privacy policy, and the style sheet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from worker.casework import ask
from worker.mail.addresses import mailbox as sound_mailbox
from worker.rules.model import Right
from worker.web.forms import MAX_WORDS, read_form, refuse_foreign
from worker.web.limits import network_of
from worker.web.site import Message

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from worker.casework.desk import Desk
    from worker.rules.model import Language
    from worker.web.limits import Limit
    from worker.web.site import Site

#: What the form offers; the other rights are asked in one's own words and read by a person.
WISHES: Final[tuple[Right, ...]] = (Right.ACCESS, Right.CORRECTION, Right.DELETION, Right.UNSUBSCRIBE)
_KEEP: Final = "public, max-age=31536000, immutable"  # the name holds the hash: another style has another name


@dataclass(frozen=True, slots=True)
class HomePages:
    """``/`` and ``/privacy``."""

    desk: Desk
    site: Site
    limit: Limit

    def routes(self) -> list[Route]:
        """The routes of these pages."""
        return [
            Route("/", self.home, methods=["GET"]),
            Route("/", self.send, methods=["POST"]),
            Route("/privacy", self.policy, methods=["GET"]),
        ]

    async def home(self, request: Request) -> Response:
        """The rights in plain words, and the form."""
        return self._form(request, self.site.language(request))

    async def send(self, request: Request) -> Response:
        """Take the form, of which only the address is required. The page is the same for a known, an unknown and an over-used one."""
        refuse_foreign(request, self.site.card.base_url)
        fields = await read_form(request)
        language = self.site.language(request)
        rights = tuple(right for right in WISHES if right in fields.many("right"))
        words, address = fields.words("words"), fields.line("address")
        mailbox = sound_mailbox(address)
        errors = self._errors(language, words, mailbox)
        if errors or mailbox is None:
            return self._form(request, language, rights=rights, words=words[:MAX_WORDS], address=address, errors=errors)
        if not self.limit.allows(network_of(request), self.desk.clock.now()):
            return too_many(self.site, request, language)
        await ask.by_form(self.desk, mailbox=mailbox, language=language, rights=rights, words=words)
        return self.site.page(request, "sent.html", language, address=mailbox, stops=Right.UNSUBSCRIBE in rights)

    def _errors(self, language: Language, words: str, mailbox: str | None) -> dict[str, str]:
        t = self.site.words(language)
        errors = {
            "words": t("home.too_long", limit=MAX_WORDS) if len(words) > MAX_WORDS else "",
            "address": "" if mailbox else t("home.bad_address"),
        }
        return {name: text for name, text in errors.items() if text}

    def _form(
        self,
        request: Request,
        language: Language,
        *,
        rights: tuple[Right, ...] = (),
        words: str = "",
        address: str = "",
        errors: dict[str, str] | None = None,
    ) -> Response:
        return self.site.page(
            request, "home.html", language, status=422 if errors else 200, wishes=WISHES, chosen=rights, words=words, address=address, errors=errors or {}
        )  # fmt: skip

    async def policy(self, request: Request) -> Response:
        """The privacy policy in force."""
        language = self.site.language(request)
        text = self.site.policies.get(language) or next(iter(self.site.policies.values()), None)
        if text is None:
            t = self.site.words(language)
            return self.site.say(
                request, Message("warn", t("policy.title"), (t("policy.missing", contact=self.site.card.contact),)), language
            )
        return self.site.page(request, "policy.html", language, policy=text)


@dataclass(frozen=True, slots=True)
class Plumbing:
    """What has no words: the style sheet, and the answers for a load balancer."""

    site: Site
    ready: Callable[[], bool]

    def routes(self) -> list[Route]:
        """The routes of these."""
        return [
            Route(self.site.style_path, self.style, methods=["GET"]),
            Route("/favicon.ico", self.nothing, methods=["GET"]),
            Route("/robots.txt", self.robots, methods=["GET"]),
            Route("/healthz", self.alive, methods=["GET"]),
            Route("/readyz", self.readiness, methods=["GET"]),
        ]

    async def style(self, request: Request) -> Response:  # noqa: ARG002 - the shape of a route
        """The one style sheet."""
        return Response(self.site.style, media_type="text/css", headers={"Cache-Control": _KEEP})

    async def nothing(self, request: Request) -> Response:  # noqa: ARG002
        """Browsers ask for it unasked."""
        return Response(status_code=204)

    async def robots(self, request: Request) -> Response:  # noqa: ARG002
        """No page here belongs in a search engine."""
        return PlainTextResponse("User-agent: *\nDisallow: /\n")

    async def alive(self, request: Request) -> Response:  # noqa: ARG002
        """200 as long as the process answers."""
        return PlainTextResponse("ok\n")

    async def readiness(self, request: Request) -> Response:  # noqa: ARG002
        """200 or 503, without details: those are for staff."""
        return PlainTextResponse("ready\n") if self.ready() else PlainTextResponse("not ready\n", 503)


def too_many(site: Site, request: Request, language: Language) -> Response:
    """One network sent too much. Nothing is said about any address."""
    t = site.words(language)
    return site.say(request, Message("warn", t("error.many_title"), (t("error.many", contact=site.card.contact),)), language, status=429)
