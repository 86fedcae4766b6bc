"""What stands around every page: headers, and the pages for what went wrong, which give nothing away."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import structlog
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from worker.errors import TemporaryError
from worker.web.site import Action, Message

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, ExceptionHandler, Receive, Scope, Send
    from starlette.types import Message as Event

    from worker.web.site import Site

log = structlog.get_logger(__name__)

#: The words of [error] for a status.
_WORDS: Final[Mapping[int, str]] = {
    HTTPStatus.BAD_REQUEST: "bad",
    HTTPStatus.FORBIDDEN: "foreign",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too_large",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "bad",
}


@dataclass(frozen=True, slots=True)
class Shield:
    """ASGI middleware: sets our headers on every answer, and answers for a defect of ours.

    The server behind it would log a defect with its message, which can hold a person's data; here its type and place are logged.
    """

    app: ASGIApp
    site: Site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and add the headers to its answer; a page's own Cache-Control stays."""
        begun = False

        async def send_with_headers(event: Event) -> None:
            nonlocal begun
            if event["type"] == "http.response.start":
                begun = True
                found = MutableHeaders(scope=event)
                for name, value in self.site.headers.items():
                    found.setdefault(name, value)
            await send(event)

        try:
            await self.app(scope, receive, send_with_headers)
        except Exception:
            request = Request(scope)
            log.exception("page failed", route=route_of(request))
            if not begun:
                await error_page(self.site, request, HTTPStatus.INTERNAL_SERVER_ERROR, "broken")(scope, receive, send_with_headers)


@dataclass(frozen=True, slots=True)
class ErrorPages:
    """The pages for 400, 403, 404, 405, 413, 415 and 503."""

    site: Site

    def handlers(self) -> dict[type[Exception], ExceptionHandler]:
        """For Starlette's ``exception_handlers``."""
        return {HTTPException: self.refused, TemporaryError: self.unavailable, ClientDisconnect: self.gone}

    async def refused(self, request: Request, error: Exception) -> Response:
        """A request that is wrong in itself."""
        status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.BAD_REQUEST
        response = error_page(self.site, request, status, _WORDS.get(status, "bad"))
        allow = (error.headers or {}).get("Allow") if isinstance(error, HTTPException) else None
        if allow:
            response.headers["Allow"] = allow
        return response

    async def unavailable(self, request: Request, error: Exception) -> Response:
        """A database does not answer for now."""
        log.warning("page unavailable", route=route_of(request), error=type(error).__name__)
        return error_page(self.site, request, HTTPStatus.SERVICE_UNAVAILABLE, "broken")

    async def gone(self, request: Request, error: Exception) -> Response:  # noqa: ARG002 - nobody is left to read it
        """The client hung up in the middle of its form."""
        return Response(status_code=400)


def error_page(site: Site, request: Request, status: int, key: str) -> Response:
    """The page with the words ``key`` of [error]. It gives nothing away."""
    language = site.language(request)
    t = site.words(language)
    text = t(f"error.{key}", contact=site.card.contact)
    message = Message(
        "asks" if status == HTTPStatus.NOT_FOUND else "bad", t(f"error.{key}_title"), (text,), (Action(t("site.home"), "/", tone="quiet"),)
    )
    return site.say(request, message, language, status=status, path="/")


def route_of(request: Request) -> str:
    """The address for a log: its first part only, because the second may be a token."""
    return "/" + request.url.path.lstrip("/").partition("/")[0][:20]
