"""The page behind ``/d/``: everything held about the person, against the code of the letter."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response
from starlette.routing import Route

from worker.casework import download
from worker.casework.pages import Download, LinkState, Outcome
from worker.web.forms import read_form, refuse_foreign
from worker.web.links import token_of, unknown_link
from worker.web.site import Action, Message

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import Request

    from worker.casework.desk import Desk
    from worker.web.site import Site

#: Rows of one table that the page shows; the file has them all.
MAX_ROWS: Final = 200


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
        if page.outcome is not Outcome.DONE or page.holdings is None:
            return self._closed(request, page)
        if fields.line("as") == "json":
            return _file(page)
        language = self.site.language(request, page.language)
        return self.site.page(request, "package.html", language, page=page, code=code, package=shown(page.holdings))

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


def _file(page: Download) -> Response:
    name = re.sub(r"[^A-Za-z0-9-]", "", page.reference) or "data"
    text = json.dumps(page.holdings, ensure_ascii=False, indent=2)
    return Response(text, media_type="application/json", headers={"Content-Disposition": f'attachment; filename="{name}.json"'})


def shown(holdings: Mapping[str, Any]) -> dict[str, Any]:
    """The package as the page shows it: tables without what is only for programs, and equal facts of columns told once."""
    return {
        "as_of": _moment(holdings.get("as_of")),
        "tables": [_table(table) for table in holdings.get("tables", ()) if table["rows"]],
        "recipients": holdings.get("recipients", ()),
    }


def _table(table: Mapping[str, Any]) -> dict[str, Any]:
    columns, rows = table["columns"], [_row(row) for row in table["rows"][:MAX_ROWS]]
    titles = [column["title"] for column in columns.values()]
    corrected = table["rows"][0].get("corrected_by_you_at", {})
    pairs = [(c["title"], table["rows"][0]["values"].get(name), name in corrected) for name, c in columns.items()]
    return {
        "title": table["title"],
        "titles": titles,
        "rows": rows,
        "pairs": pairs,
        "total": len(table["rows"]),
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
