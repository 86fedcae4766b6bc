"""The applications: the public's pages, staff's pages, or both on one listener."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware

from worker.web.home import HomePages, Plumbing
from worker.web.limits import Limit
from worker.web.links import CasePages
from worker.web.packages import PackagePages
from worker.web.protect import ErrorPages, Shield
from worker.web.queue import QueuePages
from worker.web.readers import ReaderPages
from worker.web.site import make_site
from worker.web.staff import Door, SignInFirst, StaffPages, StalePage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.routing import Route

    from worker.casework.desk import Desk
    from worker.rules.model import Language
    from worker.web.settings import WebSettings
    from worker.web.site import Site


def public_app(desk: Desk, settings: WebSettings, ready: Callable[[], bool], policies: Mapping[Language, str] | None = None) -> Starlette:
    """The public's pages. ``policies`` are the privacy policy in Markdown by language; ``ready`` answers ``/readyz``."""
    site = make_site(desk.card, desk.languages, policies)
    return _app(site, [*Plumbing(site, ready).routes(), *_public(desk, site, settings)])


def staff_app(desk: Desk, settings: WebSettings, ready: Callable[[], bool]) -> Starlette:
    """Staff's pages on a listener of their own, where ``/metrics`` needs no session."""
    site = make_site(desk.card, desk.languages)
    door = Door(desk, site)
    return _app(site, [*Plumbing(site, ready).routes(), *_staff(desk, site, door, settings, ready, open_metrics=True)], door)


def combined_app(desk: Desk, settings: WebSettings, ready: Callable[[], bool], policies: Mapping[Language, str] | None = None) -> Starlette:
    """Both, for a desk without ``staff_listen``."""
    site = make_site(desk.card, desk.languages, policies)
    door = Door(desk, site)
    routes = [
        *Plumbing(site, ready).routes(),
        *_public(desk, site, settings),
        *_staff(desk, site, door, settings, ready, open_metrics=False),
    ]
    return _app(site, routes, door)


def _public(desk: Desk, site: Site, settings: WebSettings) -> list[Route]:
    limit = Limit(settings.form_per_network_hour, timedelta(hours=1))
    pages = (HomePages(desk, site, limit), CasePages(desk, site), PackagePages(desk, site), ReaderPages(desk, site, limit))
    return [route for each in pages for route in each.routes()]


def _staff(desk: Desk, site: Site, door: Door, settings: WebSettings, ready: Callable[[], bool], *, open_metrics: bool) -> list[Route]:
    limit = Limit(settings.logins_per_network, timedelta(minutes=15))
    return [*StaffPages(desk, site, door, limit, ready, open_metrics).routes(), *QueuePages(desk, site, door).routes()]


def _app(site: Site, routes: list[Route], door: Door | None = None) -> Starlette:
    handlers = ErrorPages(site).handlers()
    if door is not None:
        handlers |= {SignInFirst: door.to_login, StalePage: door.stale}
    app = Starlette(routes=routes, middleware=[Middleware(Shield, site=site)], exception_handlers=handlers)
    app.router.redirect_slashes = False
    return app
