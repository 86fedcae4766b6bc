"""The page behind ``/d/``: everything held about the person, against the code of the letter."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from worker.casework import download
from worker.casework.packing import SHOWN_ROWS
from worker.casework.pages import Download, LinkState, Outcome
from worker.rules.model import Language
from worker.web.forms import read_form, refuse_foreign
from worker.web.links import token_of, unknown_link
from worker.web.site import Action, Message

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence

    from starlette.requests import Request

    from worker.casework.desk import Desk
    from worker.store.packages import Further, Package
    from worker.web.site import Site

_KINDS: Final = {"json": "application/json", "csv": "text/csv; charset=utf-8"}
#: What begins a formula in a spreadsheet; a sign before nothing but a number, also a telephone number, does not.
_FORMULA: Final = re.compile(r"[=@\t\r]|[+-](?![\d ()./,-]*$)")


@dataclass(frozen=True, slots=True)
class PackagePages:
    """The package: a form for the code, then the page or the file."""

    desk: Desk
    site: Site

    def routes(self) -> list[Route]:
        """The routes of these pages."""
        return [
            Route("/d/{token}", self.ask, methods=["GET"]),
            Route("/d/{token}", self.open, methods=["POST"]),
            Route("/d/{token}/again", self.again, methods=["POST"]),
        ]

    async def ask(self, request: Request) -> Response:
        """That there is a package, and the field for the code."""
        return self._closed(request, await download.view(self.desk, token_of(request)))

    async def open(self, request: Request) -> Response:
        """The package as a page, or as a JSON file."""
        refuse_foreign(request, self.site.card.base_url)
        fields = await read_form(request)
        code = fields.line("code")
        page = await download.open_package(self.desk, token_of(request), code)
        if page.outcome is Outcome.WRONG_CODE:
            return self._closed(request, page, wrong=True)
        if page.outcome is not Outcome.DONE or page.package is None:
            return self._closed(request, page)
        language = self.site.language(request, page.language)
        wanted = fields.line("as")
        if wanted == "json":
            return _file(download.json_file(self.desk, page.package), page, "json")
        place = int(wanted) if wanted.isascii() and wanted.isdecimal() else -1
        if place in page.package.further:
            return _file(self._csv(page.package, place, language), page, "csv", f"-{place + 1}")
        return self.site.page(request, "package.html", language, page=page, code=code, package=shown(page.package))

    async def _csv(self, package: Package, place: int, language: Language) -> AsyncGenerator[bytes]:
        t = self.site.words(language)
        titles = [column["title"] for column in package.document["tables"][place]["columns"].values()]
        yield lines([[*titles, t("download.origin"), t("download.since")]], language, first=True)
        async for rows in download.rows(self.desk, package, place):
            cells = [[*row["values"].values(), row.get("origin"), row.get("recorded_at")] for row in rows]
            yield await asyncio.to_thread(lines, cells, language)

    async def again(self, request: Request) -> Response:
        """Ask anew for what an expired link no longer opens; one page, whatever comes of it."""
        refuse_foreign(request, self.site.card.base_url)
        page = await download.ask_again(self.desk, token_of(request))
        if page.state is LinkState.UNKNOWN:
            return unknown_link(self.site, request)
        language = self.site.language(request, page.language)
        t = self.site.words(language)
        return self.site.say(request, Message("info", t("download.again_title"), (t("download.again_text"),)), language)

    def _closed(self, request: Request, page: Download, *, wrong: bool = False) -> Response:
        """The page without the package: the field for the code, or why there is none."""
        language = self.site.language(request, page.language)
        t, token = self.site.words(language), token_of(request)
        fresh = Action(t("case.resend"), f"/r/{token}/resend", post=True, hint=t("case.resend_hint"))
        if page.state is LinkState.UNKNOWN:
            return unknown_link(self.site, request)
        if page.state is LinkState.OPEN:
            return self.site.page(request, "download.html", language, status=422 if wrong else 200, page=page, wrong=wrong)
        if page.state in {LinkState.LOCKED, LinkState.REVOKED}:
            message = Message("warn", t(f"case.{page.state}_title"), (t(f"case.{page.state}_lead"),), (fresh,))
        else:
            again = Action(t("download.ask_again"), f"/d/{token}/again", post=True, hint=t("case.resend_hint"))
            message = Message("warn", t("download.expired_title"), (t("download.expired_lead"),), (again,))
        return self.site.say(request, message, language)


def _file(content: AsyncGenerator[bytes], page: Download, kind: str, which: str = "") -> Response:
    """A file that is read while it is sent: of a long package only a part is in memory."""
    name = re.sub(r"[^A-Za-z0-9-]", "", page.reference) or "data"
    headers = {"Content-Disposition": f'attachment; filename="{name}{which}.{kind}"'}
    return StreamingResponse(content, media_type=_KINDS[kind], headers=headers)


def lines(cells: Iterable[Sequence[object]], language: Language, *, first: bool = False) -> bytes:
    """Lines of a CSV file as the spreadsheets of that language open it; ``first`` ones say that it is UTF-8."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter="," if language is Language.EN else ";").writerows([_harmless(cell) for cell in line] for line in cells)
    return text.getvalue().encode("utf-8-sig" if first else "utf-8")


def _harmless(cell: object) -> object:
    """A text that a spreadsheet would take for a formula is marked as text; a telephone number or an amount is none."""
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell


def shown(package: Package) -> dict[str, Any]:
    """The package as the page shows it: tables without what is only for programs, and equal facts of columns told once."""
    held, further = package.document, package.further
    return {
        "as_of": _moment(held.get("as_of")),
        "tables": [_table(table, place, further.get(place)) for place, table in enumerate(held.get("tables", ())) if table["rows"]],
        "recipients": held.get("recipients", ()),
        "own": _own(held.get("desk", {})),
    }


def _own(desk: Mapping[str, Any]) -> dict[str, Any]:
    """What the desk itself holds: subscriptions to newsletters, and the requests that were made here."""
    newsletters = desk.get("newsletters", {})
    return {
        "address": newsletters.get("address", ""),
        "stopped": _moment(newsletters.get("stopped")),
        "sent": newsletters.get("received", 0),
        "topics": [
            each | {"since": _moment(each["since"]), "ended": _moment(each["ended"])} for each in newsletters.get("subscriptions", ())
        ],
        "requests": [each | {"received": _moment(each["received"])} for each in desk.get("requests", ())],
    }


def _table(table: Mapping[str, Any], place: int, further: Further | None) -> dict[str, Any]:
    columns, rows = table["columns"], [_row(row) for row in table["rows"][:SHOWN_ROWS]]
    titles = [column["title"] for column in columns.values()]
    corrected = table["rows"][0].get("corrected_by_you_at", {})
    pairs = [(c["title"], table["rows"][0]["values"].get(name), name in corrected) for name, c in columns.items()]
    return {
        "title": table["title"],
        "titles": titles,
        "rows": rows,
        "pairs": pairs,
        "total": further.rows if further else len(table["rows"]),
        "file": place if further else None,
        "facts": _facts(list(columns.values())),
    }


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"values": list(row["values"].values()), "origin": row.get("origin", ""), "recorded": _moment(row.get("recorded_at"))}


def _facts(columns: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Purpose, ground, retention and recipients, with the titles of the columns that share them."""
    together: dict[tuple[Any, ...], list[str]] = {}
    for column in columns:
        key = (column["purpose"], column["legal_ground"], column["retention"], tuple(column["recipients"]))
        together.setdefault(key, []).append(column["title"])
    return [
        {"titles": titles, "purpose": purpose, "ground": ground, "retention": retention, "recipients": recipients}
        for (purpose, ground, retention, recipients), titles in together.items()
    ]


def _moment(text: str | None) -> date | None:
    return datetime.fromisoformat(text) if text else None
