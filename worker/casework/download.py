"""The package behind its link: shown only against the code, until it expires."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker.casework import ask
from worker.casework.commit import typed_code
from worker.casework.confirm import link_state, locked
from worker.casework.package_file import pieces, rows_of
from worker.casework.pages import Download, LinkState, Outcome
from worker.rules.audit import Event
from worker.rules.model import LinkKind, Right
from worker.rules.policy import CODE_TRIES
from worker.rules.trigger import Asked
from worker.store import audit, cases, links, packages

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from datetime import datetime

    from worker.casework.desk import Desk
    from worker.store import Tx
    from worker.store.links import StoredLink
    from worker.store.packages import Package


async def view(desk: Desk, token: str) -> Download:
    """GET: that there is a package, and until when. Never what is in it."""
    return await desk.store.run(_view, token)


def _view(tx: Tx, token: str) -> Download:
    return _page(tx, links.find(tx, token, LinkKind.DOWNLOAD), Outcome.CLOSED)


def _state(link: StoredLink, now: datetime) -> LinkState:
    """As of any link; but when the package is gone, a fresh code or a newer letter opens nothing either."""
    over = link.expires_at is not None and link.expires_at <= now
    return LinkState.EXPIRED if over else link_state(link, now)


def _page(tx: Tx, link: StoredLink | None, outcome: Outcome, package: Package | None = None) -> Download:
    case = cases.load(tx, link.case_id) if link is not None and link.case_id else None
    if link is None or case is None:
        return Download(Outcome.CLOSED, LinkState.UNKNOWN)
    return Download(outcome, _state(link, tx.now), case.language, case.reference, max(0, CODE_TRIES - link.tries), link.expires_at, package)


async def ask_again(desk: Desk, token: str) -> Download:
    """A fresh request for what an expired link no longer opens: its letter goes to the case's own address, within the daily limit.

    Anybody may hold an old link: what comes of it is not told.
    """
    return await desk.store.run(_ask_again, desk, token)


def _ask_again(tx: Tx, desk: Desk, token: str) -> Download:
    link, case = locked(tx, token, LinkKind.DOWNLOAD)
    page = _page(tx, link, Outcome.DONE)
    if case is not None and page.state is LinkState.EXPIRED:
        again = Asked((Right.ACCESS,), case.origin, case.language, tx.now, given_name=case.given_name)
        ask.ask(tx, desk, case.address, again, actor="person")
    return page


async def open_package(desk: Desk, token: str, code: str) -> Download:
    """POST: the package against the right code, as often as wanted until it expires; each fetch is recorded."""
    return await desk.store.run(_open, token, code)


def _open(tx: Tx, token: str, code: str) -> Download:
    link = links.find(tx, token, LinkKind.DOWNLOAD, lock=True)
    if link is None or link.case_id is None or link_state(link, tx.now) is not LinkState.OPEN:
        return _page(tx, link, Outcome.CLOSED)
    if not links.code_fits(tx, link, typed_code(code)):
        audit.record(tx, link.case_id, Event.CODE_WRONG, "person", {"link": link.id})
        return _page(tx, links.find(tx, token, LinkKind.DOWNLOAD), Outcome.WRONG_CODE)
    package = packages.fetch(tx, link.subject_id) if link.subject_id else None
    audit.record(tx, link.case_id, Event.PACKAGE_FETCHED, "person", {"package": link.subject_id})
    return _page(tx, link, Outcome.DONE if package is not None else Outcome.CLOSED, package)


async def json_file(desk: Desk, package: Package) -> AsyncGenerator[bytes]:
    """The whole of a package that was opened, as a JSON file, piece by piece; SealBroken in the middle if it expires meanwhile."""
    for piece in pieces(package):
        text = await desk.store.run(packages.part, package.id, piece) if isinstance(piece, int) else piece
        yield text.encode()


async def rows(desk: Desk, package: Package, place: int) -> AsyncGenerator[list[dict[str, Any]]]:
    """All rows of one table of a package that was opened, a bounded number at a time."""
    yield package.document["tables"][place]["rows"]
    for number in package.further[place].parts if place in package.further else ():
        yield rows_of(await desk.store.run(packages.part, package.id, number))
