"""The pages of newsletter readers: stop at once, choose, sign up. The link is all that is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.routing import Route

from worker.casework import unsubscribe
from worker.casework.pages import LinkState
from worker.mail.addresses import mailbox as sound_mailbox
from worker.store import newsletters
from worker.web.forms import read_body, read_form, refuse_foreign
from worker.web.home import too_many
from worker.web.limits import network_of
from worker.web.links import token_of, unknown_link
from worker.web.site import Action, Message

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from worker.casework.desk import Desk
    from worker.casework.pages import ReaderPage
    from worker.rules.model import Language
    from worker.web.limits import Limit
    from worker.web.site import Site


@dataclass(frozen=True, slots=True)
class ReaderPages:
    """``/u/``, ``/p/``, ``/n`` and ``/o/``."""

    desk: Desk
    site: Site
    limit: Limit

    def routes(self) -> list[Route]:
        """The routes of these pages."""
        return [
            Route("/u/{token}", self.leave, methods=["GET"]),
            Route("/u/{token}", self.stop, methods=["POST"]),
            Route("/p/{token}", self.preferences, methods=["GET"]),
            Route("/p/{token}", self.choose, methods=["POST"]),
            Route("/p/{token}/undo", self.undo, methods=["POST"]),
            Route("/p/{token}/erase", self.erase, methods=["POST"]),
            Route("/n", self.sign_up, methods=["GET"]),
            Route("/n", self.signed_up, methods=["POST"]),
            Route("/o/{token}", self.invited, methods=["GET"]),
            Route("/o/{token}", self.opt_in, methods=["POST"]),
        ]

    async def leave(self, request: Request) -> Response:
        """One button. Opening the page stops nothing: scanners open every link."""
        page = await unsubscribe.view(self.desk, token_of(request))
        if page.state is LinkState.UNKNOWN or page.suppressed:
            return self._stopped(request, page)
        language = self.site.language(request, page.language)
        t = self.site.words(language)
        actions = (Action(t("newsletter.stop"), f"/u/{token_of(request)}", post=True), self._to_preferences(request, language))
        return self.site.say(request, Message("unsubscribe", t("newsletter.stop_title"), (t("newsletter.stop_lead"),), actions), language)

    async def stop(self, request: Request) -> Response:
        """Stop at once: the button, and what mail programs send by themselves (RFC 8058, from wherever they are)."""
        await read_body(request)
        return self._stopped(request, await unsubscribe.stop(self.desk, token_of(request)))

    def _stopped(self, request: Request, page: ReaderPage) -> Response:
        if page.state is LinkState.UNKNOWN:
            return unknown_link(self.site, request)
        language = self.site.language(request, page.language)
        t, token = self.site.words(language), token_of(request)
        undo = (
            (Action(t("newsletter.undo"), f"/p/{token}/undo", post=True, hint=t("newsletter.undo_hint"), tone="quiet"),)
            if page.can_undo
            else ()
        )
        erase = Action(t("newsletter.erase"), f"/p/{token}/erase", post=True, hint=t("newsletter.erase_hint"), tone="quiet")
        message = Message("good", t("newsletter.stopped_title"), (t("newsletter.stopped_lead"),), (*undo, erase))
        return self.site.say(request, message, language, path=f"/u/{token}")

    async def preferences(self, request: Request) -> Response:
        """The topics, and which of them run."""
        return self._preferences(request, await unsubscribe.preferences(self.desk, token_of(request)))

    async def choose(self, request: Request) -> Response:
        """Have none but these topics run; a new one is asked for by letter."""
        refuse_foreign(request, self.site.card.base_url)
        fields = await read_form(request)
        page = await unsubscribe.choose(self.desk, token_of(request), fields.many("topic"))
        return self._preferences(request, page, saved=True)

    async def undo(self, request: Request) -> Response:
        """Take back a stop."""
        refuse_foreign(request, self.site.card.base_url)
        page = await unsubscribe.undo(self.desk, token_of(request))
        if page.state is LinkState.UNKNOWN or page.suppressed:
            return self._stopped(request, page)
        language = self.site.language(request, page.language)
        t = self.site.words(language)
        message = Message("good", t("newsletter.undone_title"), (t("newsletter.undone_lead"),), (self._to_preferences(request, language),))
        return self.site.say(request, message, language, path=f"/p/{token_of(request)}")

    async def erase(self, request: Request) -> Response:
        """Ask for erasure: a letter goes out, and nothing else happens here."""
        refuse_foreign(request, self.site.card.base_url)
        page = await unsubscribe.erase_too(self.desk, token_of(request))
        if page.state is LinkState.UNKNOWN:
            return unknown_link(self.site, request)
        language = self.site.language(request, page.language)
        t = self.site.words(language)
        message = Message("info", t("newsletter.erase_title"), (t("newsletter.erase_lead"),))
        return self.site.say(request, message, language, path=f"/p/{token_of(request)}")

    def _preferences(self, request: Request, page: ReaderPage, *, saved: bool = False) -> Response:
        if page.state is LinkState.UNKNOWN:
            return unknown_link(self.site, request)
        language = self.site.language(request, page.language)
        return self.site.page(request, "preferences.html", language, page=page, token=token_of(request), saved=saved)

    def _to_preferences(self, request: Request, language: Language) -> Action:
        return Action(self.site.words(language)("newsletter.change"), f"/p/{token_of(request)}", tone="quiet")

    async def sign_up(self, request: Request) -> Response:
        """The form for the newsletter."""
        return await self._sign_up(request)

    async def signed_up(self, request: Request) -> Response:
        """Take the form: the same page whatever is known of the address."""
        refuse_foreign(request, self.site.card.base_url)
        fields = await read_form(request)
        language = self.site.language(request)
        t, topics = self.site.words(language), fields.many("topic")
        mailbox = sound_mailbox(fields.line("address"))
        errors = {} if topics else {"topics": t("newsletter.choose_one")}
        if mailbox is None:
            return await self._sign_up(request, topics, fields.line("address"), {**errors, "address": t("home.bad_address")})
        if errors:
            return await self._sign_up(request, topics, mailbox, errors)
        if not self.limit.allows(network_of(request), self.desk.clock.now()):
            return too_many(self.site, request, language)
        await unsubscribe.sign_up(self.desk, mailbox=mailbox, language=language, topics=topics)
        return self.site.say(
            request, Message("info", t("newsletter.signed_title"), (t("newsletter.signed_lead", address=mailbox),)), language
        )

    async def _sign_up(
        self, request: Request, chosen: tuple[str, ...] = (), address: str = "", errors: Mapping[str, str] | None = None
    ) -> Response:
        language = self.site.language(request)
        topics = [(topic.name, topic.title(language)) for topic in await self.desk.store.run(newsletters.topics)]
        if not topics:
            t = self.site.words(language)
            return self.site.say(request, Message("info", t("newsletter.signup_title"), (t("newsletter.no_topics"),)), language)
        return self.site.page(
            request,
            "signup.html",
            language,
            status=422 if errors else 200,
            topics=topics,
            chosen=chosen,
            address=address,
            errors=errors or {},
        )

    async def invited(self, request: Request) -> Response:
        """The button that ends a sign-up."""
        return self._invitation(request, await unsubscribe.view(self.desk, token_of(request)))

    async def opt_in(self, request: Request) -> Response:
        """The owner of the address wants it."""
        refuse_foreign(request, self.site.card.base_url)
        return self._invitation(request, await unsubscribe.opt_in(self.desk, token_of(request)))

    def _invitation(self, request: Request, page: ReaderPage) -> Response:
        language = self.site.language(request, page.language)
        t, token = self.site.words(language), token_of(request)
        if page.state is LinkState.UNKNOWN:
            return unknown_link(self.site, request)
        if page.state is LinkState.OPEN:
            texts = (t("newsletter.optin_lead"), *(f"· {topic.title}" for topic in page.topics))
            message = Message("info", t("newsletter.optin_title"), texts, (Action(t("newsletter.optin"), f"/o/{token}", post=True),))
        elif page.state is LinkState.USED:
            message = Message("good", t("newsletter.opted_title"), (t("newsletter.opted_lead"),))
        else:
            message = Message(
                "warn", t("case.expired_title"), (t("newsletter.expired_lead"),), (Action(t("newsletter.signup_again"), "/n"),)
            )
        return self.site.say(request, message, language, path=f"/o/{token}")
