"""Staff's door: sign in, the session behind the cookie, and the frame of every staff page."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.routing import Route

from worker.casework import health, staff
from worker.errors import StoreUnavailable
from worker.rules.model import Role
from worker.web.forms import read_form, refuse_foreign
from worker.web.limits import network_of
from worker.web.metrics import exposition
from worker.web.site import Action, Message

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from worker.casework.desk import Desk
    from worker.casework.staff import Session
    from worker.web.forms import Fields
    from worker.web.limits import Limit
    from worker.web.site import Site

LOGIN: Final = "/desk/login"
#: The only notes that the sign-in page shows.
_NOTES: Final = frozenset({"signed_out", "expired"})


class SignInFirst(Exception):
    """There is no live session."""


class StalePage(Exception):
    """A form without its session's own token: from an older session, or from somebody else."""


@dataclass(frozen=True, slots=True)
class Door:
    """Who is at a staff page. Handed to every staff page."""

    desk: Desk
    site: Site

    @property
    def cookie(self) -> str:
        """The cookie's name; browsers hold a ``__Host-`` cookie to https, this host and no sub-domain."""
        return "__Host-desk" if self.site.secure else "desk"

    async def session(self, request: Request) -> Session:
        """The live session of ``request``. Raises SignInFirst."""
        token = request.cookies.get(self.cookie, "")
        found = await staff.session(self.desk, token) if token else None
        if found is None:
            raise SignInFirst
        return found

    async def posted(self, request: Request) -> tuple[Session, Fields]:
        """Session and form of a POST. Raises SignInFirst, or StalePage without the session's own form token."""
        refuse_foreign(request, self.site.card.base_url)
        session = await self.session(request)
        fields = await read_form(request)
        if not hmac.compare_digest(fields.line("form_token").encode(), session.form_token.encode()):
            raise StalePage
        return session, fields

    def page(self, request: Request, session: Session, template: str, *, status: int = 200, **values: Any) -> Response:
        """A staff page with its frame."""
        return self.site.page(request, template, self.site.language(request), status=status, session=session, **values)

    async def stale(self, request: Request, error: Exception) -> Response:  # noqa: ARG002 - the shape of a handler
        """Nothing was done."""
        language = self.site.language(request)
        t = self.site.words(language)
        message = Message("bad", t("error.foreign_title"), (t("staff.stale"),), (Action(t("staff.back"), "/desk/", tone="quiet"),))
        return self.site.say(request, message, language, status=403, path="/desk/")

    async def to_login(self, request: Request, error: Exception) -> Response:  # noqa: ARG002 - the shape of a handler
        """Where a page without a session leads."""
        had_one = self.cookie in request.cookies
        response = RedirectResponse(f"{LOGIN}?note=expired" if had_one else LOGIN, 303)
        if had_one:
            response.delete_cookie(self.cookie, path="/", secure=self.site.secure, httponly=True, samesite="strict")
        return response


@dataclass(frozen=True, slots=True)
class StaffPages:
    """Sign in, sign out, health and metrics."""

    desk: Desk
    site: Site
    door: Door
    limit: Limit
    ready: Callable[[], bool]
    open_metrics: bool  # on a listener of their own; else a session is needed

    def routes(self) -> list[Route]:
        """The routes of these pages."""
        return [
            Route(LOGIN, self.show_login, methods=["GET"]),
            Route(LOGIN, self.login, methods=["POST"]),
            Route("/desk/logout", self.logout, methods=["POST"]),
            Route("/desk/health", self.health, methods=["GET"]),
            Route("/metrics", self.metrics, methods=["GET"]),
        ]

    async def show_login(self, request: Request) -> Response:
        """The form to sign in."""
        note = request.query_params.get("note", "")
        return self._login_page(request, note=note if note in _NOTES else "")

    async def login(self, request: Request) -> Response:
        """One page for every failure: unknown name, wrong password, resting account, too many tries."""
        refuse_foreign(request, self.site.card.base_url)
        fields = await read_form(request)
        allowed = self.limit.allows(network_of(request), self.desk.clock.now())
        session = await staff.login(self.desk, fields.line("login"), fields.secret("password")) if allowed else None
        if session is None:
            return self._login_page(request, name=fields.line("login"), failed=True)
        response = RedirectResponse("/desk/", 303)
        response.set_cookie(
            self.door.cookie, session.token, max_age=int(staff.SESSION.total_seconds()), path="/", secure=self.site.secure, httponly=True, samesite="strict"
        )  # fmt: skip
        return response

    def _login_page(self, request: Request, *, name: str = "", failed: bool = False, note: str = "") -> Response:
        language = self.site.language(request)
        return self.site.page(request, "desk_login.html", language, status=401 if failed else 200, login=name, failed=failed, note=note)

    async def logout(self, request: Request) -> Response:
        """End the session on the server and in the browser."""
        session, _ = await self.door.posted(request)
        await staff.logout(self.desk, session.token)
        response = RedirectResponse(f"{LOGIN}?note=signed_out", 303)
        response.delete_cookie(self.door.cookie, path="/", secure=self.site.secure, httponly=True, samesite="strict")
        return response

    async def health(self, request: Request) -> Response:
        """Counts and dates of the machine, for every role. Without the store nobody can sign in: then it says that alone."""
        try:
            session = await self.door.session(request)
            facts = await health.facts(self.desk)
        except StoreUnavailable:
            return self._no_store(request)
        except SignInFirst:
            if health.store_answers(self.desk):
                raise
            return self._no_store(request)
        return self.door.page(request, session, "desk_health.html", facts=flat(facts), is_ready=self.ready(), tab="health")

    def _no_store(self, request: Request) -> Response:
        language = self.site.language(request)
        t = self.site.words(language)
        return self.site.say(request, Message("bad", t("staff.no_store_title"), (t("staff.no_store"),)), language, status=503)

    async def metrics(self, request: Request) -> Response:
        """The same for Prometheus."""
        if not self.open_metrics:
            await self.door.session(request)
        return PlainTextResponse(exposition(await health.facts(self.desk), ready=self.ready()), media_type="text/plain; version=0.0.4")


def flat(facts: dict[str, object], prefix: str = "") -> list[tuple[str, object]]:
    """Nested facts as lines of one table."""
    lines: list[tuple[str, object]] = []
    for name, value in facts.items():
        full = f"{prefix}{name}".replace("_", " ")
        plain = ("yes" if value else "no") if isinstance(value, bool) else value
        lines.extend(flat(value, f"{full}: ") if isinstance(value, dict) else [(full, plain)])
    return lines


def sees_people(session: Session) -> bool:
    """Whether this role may look at personal data."""
    return session.role is not Role.ADMINISTRATOR
