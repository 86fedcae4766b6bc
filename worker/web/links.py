"""The pages behind ``/c/`` and ``/r/``: confirm, see where a request is, stop it. A GET changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from starlette.routing import Route

from worker.casework import confirm, status
from worker.casework.pages import CasePage, Click, LinkState, Outcome
from worker.rules.model import RequestState, Right
from worker.web.forms import read_form, refuse_foreign
from worker.web.site import Action, Message

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from worker.casework.desk import Desk
    from worker.web.site import Site

_AWAITS: Final = frozenset({RequestState.AWAITING_CONFIRMATION, RequestState.AWAITING_INFORMATION})
#: A token is 43 characters of base64url; anything longer is not even looked up.
MAX_TOKEN: Final = 100
MAX_CHOICES: Final = 50  # ticks of one form

Told = Literal["cancelled", "withdrawn", "not_me", "resent", "there_too_sent"]


@dataclass(frozen=True, slots=True)
class CasePages:
    """The pages of a person's own request."""

    desk: Desk
    site: Site

    def routes(self) -> list[Route]:
        """The routes of these pages."""
        return [
            Route("/c/{token}", self.confirm, methods=["GET"]),
            Route("/c/{token}", self.click, methods=["POST"]),
            Route("/r/{token}", self.status, methods=["GET"]),
            Route("/r/{token}/resend", self.resend, methods=["POST"]),
            Route("/r/{token}/cancel", self.cancel, methods=["POST"]),
            Route("/r/{token}/withdraw", self.withdraw, methods=["POST"]),
            Route("/r/{token}/not-me", self.not_me, methods=["POST"]),
            Route("/r/{token}/there-too", self.there_too, methods=["POST"]),
        ]

    async def confirm(self, request: Request) -> Response:
        """What was asked, and the button."""
        token = token_of(request)
        return self._case(request, token, await confirm.view(self.desk, token))

    async def click(self, request: Request) -> Response:
        """The button: with the code where one is needed, and twice for a correction."""
        refuse_foreign(request, self.site.card.base_url)
        fields = await read_form(request)
        token, code = token_of(request), fields.line("code")
        choices = tuple(fields.many("right"))[:MAX_CHOICES]
        if not choices:
            return self._case(request, token, await confirm.view(self.desk, token), error="none")
        click = await confirm.click(self.desk, token, code=code, choices=choices, fingerprint=fields.line("fingerprint"))
        return self._clicked(request, token, click, code, choices)

    def _clicked(self, request: Request, token: str, click: Click, code: str, choices: tuple[str, ...]) -> Response:
        match click.outcome:
            case Outcome.WRONG_CODE:
                return self._case(request, token, click.page, error="code")
            case Outcome.REVIEW:
                return self._review(request, token, click, code, choices)
            case Outcome.DONE:
                return self._status(request, token, click.page, done=True)
            case Outcome.CLOSED | Outcome.LATER:
                return self._case(request, token, click.page)

    async def status(self, request: Request) -> Response:
        """Where every request of the link is."""
        token = token_of(request)
        page = await status.view(self.desk, token)
        return self._unknown(request) if page.state is LinkState.UNKNOWN else self._status(request, token, page)

    async def resend(self, request: Request) -> Response:
        """A fresh letter to the same address."""
        refuse_foreign(request, self.site.card.base_url)
        return self._left(request, await status.resend(self.desk, token_of(request)), "resent")

    async def cancel(self, request: Request) -> Response:
        """Stop an erasure in its grace."""
        refuse_foreign(request, self.site.card.base_url)
        return self._left(request, await status.cancel(self.desk, token_of(request)), "cancelled")

    async def withdraw(self, request: Request) -> Response:
        """The person no longer wants it."""
        refuse_foreign(request, self.site.card.base_url)
        return self._left(request, await status.withdraw(self.desk, token_of(request), not_me=False), "withdrawn")

    async def not_me(self, request: Request) -> Response:
        """Somebody else had asked."""
        refuse_foreign(request, self.site.card.base_url)
        return self._left(request, await status.withdraw(self.desk, token_of(request), not_me=True), "not_me")

    async def there_too(self, request: Request) -> Response:
        """The same request for another address of the person."""
        refuse_foreign(request, self.site.card.base_url)
        fields = await read_form(request)
        return self._left(request, await status.there_too(self.desk, token_of(request), fields.line("address")), "there_too_sent")

    def _case(self, request: Request, token: str, page: CasePage, *, error: str = "") -> Response:
        """The page behind ``/c/`` as its link stands: open, done, or closed with a way on."""
        open_lines = tuple(line for line in page.lines if line.state in _AWAITS)
        match page.state:
            case LinkState.UNKNOWN:
                return self._unknown(request)
            case LinkState.REVOKED | LinkState.EXPIRED | LinkState.LOCKED:
                return self._closed(request, token, page)
            case LinkState.OPEN if open_lines:
                return self._open(request, token, page, error)
            case LinkState.USED | LinkState.OPEN:
                return self._status(request, token, page)

    def _open(self, request: Request, token: str, page: CasePage, error: str) -> Response:
        language = self.site.language(request, page.language)
        return self.site.page(
            request,
            "confirm.html",
            language,
            status=422 if error else 200,
            page=page,
            token=token,
            error=error,
            open_lines=[line for line in page.lines if line.state in _AWAITS],
            other_lines=[line for line in page.lines if line.state not in _AWAITS],
        )

    def _review(self, request: Request, token: str, click: Click, code: str, choices: tuple[str, ...]) -> Response:
        others = tuple(choice for choice in choices if not choice.endswith(Right.CORRECTION))
        return self.site.page(
            request, "review.html", self.site.language(request, click.page.language), token=token, review=click.review, code=code,
            choices=choices, others=others, fingerprint=click.fingerprint,
        )  # fmt: skip

    def _status(self, request: Request, token: str, page: CasePage, *, done: bool = False) -> Response:
        language = self.site.language(request, page.language)
        return self.site.page(request, "status.html", language, path=f"/r/{token}", page=page, token=token, done=done)

    def _closed(self, request: Request, token: str, page: CasePage) -> Response:
        language = self.site.language(request, page.language)
        t = self.site.words(language)
        message = Message(
            "warn",
            t(f"case.{page.state}_title"),
            (t(f"case.{page.state}_lead"),),
            (resend_action(self.site, request, token, page),) if page.can_resend else (self._to_status(request, token, page),),
        )
        return self.site.say(request, message, language)

    def _to_status(self, request: Request, token: str, page: CasePage) -> Action:
        return Action(self.site.words(self.site.language(request, page.language))("case.to_status"), f"/r/{token}", tone="quiet")

    def _left(self, request: Request, click: Click, told: Told) -> Response:
        """After a button on the status page: what was done, or how things stand if it could not be."""
        token, page = token_of(request), click.page
        if page.state is LinkState.UNKNOWN:
            return self._unknown(request)
        if click.outcome is Outcome.CLOSED:
            return self._status(request, token, page)
        language = self.site.language(request, page.language)
        t = self.site.words(language)
        key = "later" if click.outcome is Outcome.LATER else told
        tone = {"later": "warn", "resent": "info", "there_too_sent": "info"}.get(key, "good")
        return self.site.say(request, Message(tone, t(f"case.{key}_title"), (t(f"case.{key}_text"),)), language, path=f"/r/{token}")

    def _unknown(self, request: Request) -> Response:
        return unknown_link(self.site, request)


def token_of(request: Request) -> str:
    """The token in the address, cut: an overlong one is unknown anyway."""
    return str(request.path_params["token"])[:MAX_TOKEN]


def resend_action(site: Site, request: Request, token: str, page: CasePage) -> Action:
    """The button that has a fresh letter sent."""
    t = site.words(site.language(request, page.language))
    return Action(t("case.resend"), f"/r/{token}/resend", post=True, hint=t("case.resend_hint"))


def unknown_link(site: Site, request: Request) -> Response:
    """A token that is none of ours: says what to do, and names nobody."""
    language = site.language(request)
    t = site.words(language)
    texts = (t("case.unknown_lead"), t("case.unknown_help", contact=site.card.contact))
    return site.say(
        request, Message("asks", t("case.unknown_title"), texts, (Action(t("site.home"), "/", tone="quiet"),)), language, status=404
    )
