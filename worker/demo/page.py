"""The demo page: play a customer on the left, watch the desk on the right. It listens on loopback only and answers nobody else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from worker.demo.mails import Kind
from worker.demo.page_view import version
from worker.demo.stage import FORGER, STRANGER, Stage
from worker.demo.told import words
from worker.demo.world import LOGINS, PASSWORD, World
from worker.mail.words import TEMPLATES
from worker.rules.model import Language
from worker.web.forms import read_body
from worker.web.site import HEADERS, sentence
from worker.web.wording import OWN_NAMES

_MOST: Final = 20_000  # characters of a mail
_OPEN: Final = 2  # cards that are unfolded, the newest first
_LETTER_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)
_PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; frame-src 'self'; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})


@dataclass(frozen=True, slots=True)
class OnlyHere:
    """ASGI middleware: refuses what was not asked of this machine by name, or comes from another website; sets the headers."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 403. What an answer says of itself stays."""

        async def with_headers(event: Message) -> None:
            if event["type"] == "http.response.start":
                found = MutableHeaders(scope=event)
                for name, value in {**HEADERS, "Content-Security-Policy": _PAGE_POLICY}.items():
                    found.setdefault(name, value)
            await send(event)

        if scope["type"] == "http" and not _ours(Request(scope)):
            await PlainTextResponse("Only from this machine.\n", HTTPStatus.FORBIDDEN)(scope, receive, with_headers)
        else:
            await self.app(scope, receive, with_headers)


def _ours(request: Request) -> bool:
    """The Host is loopback (else another name was pointed at it), and no other website sent the request."""
    if request.headers.get("host", "").rpartition(":")[0] not in _HOSTS:
        return False
    if request.method != "POST":
        return True
    return (
        request.headers.get("sec-fetch-site", "same-origin") == "same-origin" and request.headers.get("content-type") == "application/json"
    )


@dataclass(frozen=True, slots=True)
class DemoPage:
    """The page and what it asks for. ``stage`` gives the world of now, None while one is being made; ``reset`` asks for another."""

    stage: Callable[[], Stage | None]
    reset: Callable[[], None]
    environment: Environment

    def routes(self) -> list[Route]:
        """The routes of the page."""
        return [
            Route("/", self.page, methods=["GET"]),
            Route("/demo.css", self.file, methods=["GET"]),
            Route("/demo.js", self.file, methods=["GET"]),
            Route("/favicon.ico", self.nothing, methods=["GET"]),
            Route("/state", self.state, methods=["GET"]),
            Route("/ready", self.ready, methods=["GET"]),
            Route("/letter/{number:int}", self.letter, methods=["GET"]),
            Route("/send", self.send, methods=["POST"]),
            Route("/later", self.later, methods=["POST"]),
            Route("/reset", self.again, methods=["POST"]),
        ]

    async def page(self, request: Request) -> Response:  # noqa: ARG002 - the shape of a route
        """The page around what changes."""
        stage = self._stage()
        html = self.environment.get_template("page.html").render(
            people=_people(stage.world), victim=stage.who(FORGER).customer, stranger=STRANGER, forger=FORGER, languages=OWN_NAMES, ready=words("ready"),
            url=stage.world.url, logins=LOGINS, password=PASSWORD, world=stage.world,
        )  # fmt: skip
        return HTMLResponse(html)

    async def file(self, request: Request) -> Response:
        """The style and the script."""
        name = request.url.path.removeprefix("/")
        kind = "text/css" if name.endswith(".css") else "text/javascript"
        return Response((TEMPLATES / "demo" / name).read_text("utf-8"), media_type=kind)

    async def nothing(self, request: Request) -> Response:  # noqa: ARG002
        """Browsers ask for an icon unasked."""
        return Response(status_code=HTTPStatus.NO_CONTENT)

    async def state(self, request: Request) -> Response:
        """All that changes: pieces of HTML, each with a key and a version."""
        scene = await self._stage().scene(request.query_params.get("who", ""))
        pieces = {
            "facts": [self._piece("facts", "facts.html", scene=scene)],
            "mailbox": [self._piece(each.key, "letter.html", line=each) for each in scene.mailbox],
            "stream": [self._piece(each.key, "card.html", card=each, open=n < _OPEN) for n, each in enumerate(scene.cards)],
            "days": [self._piece(key, "day.html", moment=moment, told=told) for key, moment, told in scene.days],
            "news": [self._piece("news", "news.html", issue=scene.issue)],
        }
        return JSONResponse({"now": scene.now, "held": scene.held, "entries": scene.entries, "reads": scene.who.reads, "pieces": pieces})

    def _piece(self, key: str, template: str, **values: object) -> dict[str, str]:
        html = self.environment.get_template(template).render(**values).strip()
        return {"key": key, "version": version(html), "html": html}

    async def ready(self, request: Request) -> Response:
        """A mail to begin with."""
        asked, stage = request.query_params, self._stage()
        try:
            kind, language, number = Kind(asked["kind"]), Language(asked["language"]), int(asked["number"])
        except (KeyError, ValueError) as error:
            raise HTTPException(HTTPStatus.BAD_REQUEST) from error
        subject, text = stage.ready_mail(stage.who(asked.get("who", "")), kind, language, number)
        return JSONResponse({"subject": subject, "text": text})

    async def letter(self, request: Request) -> Response:
        """One letter of the desk as its reader sees it; its links open beside the demo."""
        found = next((x for x in self._stage().world.post.letters if x.number == request.path_params["number"]), None)
        if found is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        html = found.html.replace("<head>", '<head><base target="_blank">', 1)
        return HTMLResponse(html, headers={"Content-Security-Policy": _LETTER_POLICY, "X-Frame-Options": "SAMEORIGIN"})

    async def send(self, request: Request) -> Response:
        """Send a mail of the customer."""
        asked, stage = await _json(request), self._stage()
        subject, text = " ".join(str(asked.get("subject", "")).split())[:300], str(asked.get("text", ""))[:_MOST]
        if not text.strip():
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY)
        await stage.send(stage.who(str(asked.get("who", ""))), subject, text, robot=asked.get("kind") == Kind.AUTOMATIC.value)
        return JSONResponse({})

    async def later(self, request: Request) -> Response:  # noqa: ARG002
        """Let a day pass."""
        return JSONResponse({"told": sentence(await self._stage().a_day_later())})

    async def again(self, request: Request) -> Response:  # noqa: ARG002
        """Begin anew, with other customers; answers when the new world stands."""
        before = self._stage()
        self.reset()
        while (now := self.stage()) is None or now is before:  # noqa: ASYNC110 - a matter of seconds, once
            await asyncio.sleep(0.05)
        return JSONResponse({})

    def _stage(self) -> Stage:
        stage = self.stage()
        if stage is None:
            raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE)
        return stage


async def _json(request: Request) -> dict[str, Any]:
    try:
        found = json.loads(await read_body(request))
    except ValueError as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST) from error
    if not isinstance(found, dict):
        raise HTTPException(HTTPStatus.BAD_REQUEST)
    return found


def _people(world: World) -> list[tuple[str, list[Any]]]:
    """The customers by language, in the language's own name."""
    return [(OWN_NAMES[language], [each for each in world.people if each.language is language]) for language in Language]


def demo_app(stage: Callable[[], Stage | None], reset: Callable[[], None]) -> Starlette:
    """The demo page as an application of its own."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES / "demo"), undefined=StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["sentence"] = sentence
    return Starlette(routes=DemoPage(stage, reset, environment).routes(), middleware=[Middleware(OnlyHere)])
