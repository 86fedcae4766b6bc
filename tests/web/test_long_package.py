"""A package with a long table: the page shows its beginning, the files are sent part by part."""

from __future__ import annotations

import csv
import io
import json
from datetime import date

import httpx
import pytest
from sqlalchemy import delete

from tests.desks import START
from tests.web.conftest import Site
from worker.casework import confirm
from worker.casework.packing import SHOWN_ROWS
from worker.rules.model import Language, Right
from worker.store.tables import package_part

MANY = 1500


@pytest.fixture
async def ready(site: Site) -> tuple[str, str]:
    """Ann's package, with many contracts: its path and its code."""
    house = site.house
    await house.desk.register.add(
        "contract",
        [
            {"id": n + 1, "customer_id": 1, "title": f"=Hosting {n} " + "x" * 200, "started_on": date(2020, 1, 1), "ended_on": None, "origin": "shop",
             "recorded_at": START}
            for n in range(MANY)
        ],
    )  # fmt: skip
    await house.write("What data do you have about me?")
    letter = await house.last("confirm")
    await confirm.click(house.desk, letter.link("c"), code="", choices=(Right.ACCESS,))
    await house.carry_out()
    found = await house.last("package_ready")
    return f"/d/{found.link('d')}", found.code


@pytest.mark.parametrize(
    ("language", "says"),
    [
        (Language.EN, "Here you see the first 200. The JSON file has all of them."), (Language.NL, "Hier ziet u de eerste 200. In het JSON-bestand staan ze allemaal."),
        (Language.FR, "Vous voyez ici les 200 premiers. Le fichier JSON les contient tous."), (Language.DE, "Hier sehen Sie die ersten 200. In der JSON-Datei stehen alle."),
    ],
)  # fmt: skip
async def test_the_page_shows_the_first_rows_and_says_where_the_others_are(
    site: Site, ready: tuple[str, str], language: Language, says: str
) -> None:
    path, code = ready
    page = (await site.post(f"{path}?lang={language}", {"code": code})).text
    assert says in page
    assert page.count("=Hosting ") == SHOWN_ROWS
    assert f"{MANY} " in page
    assert page.count('name="as" value="json"') == page.count('name="as" value="1"') == 1


async def test_the_json_file_holds_every_row(site: Site, ready: tuple[str, str]) -> None:
    path, code = ready
    answer = await site.post(path, {"code": code, "as": "json"})
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    customer, contract = json.loads(answer.content)["tables"]
    assert (len(customer["rows"]), len(contract["rows"])) == (1, MANY)
    assert [row["values"]["title"].split()[1] for row in contract["rows"]] == [str(n) for n in range(MANY)]


async def test_the_spreadsheet_holds_every_row(site: Site, ready: tuple[str, str]) -> None:
    path, code = ready
    answer = await site.post(f"{path}?lang=nl", {"code": code, "as": "1"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].endswith('-2.csv"')
    title, *rows = csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""), delimiter=";")
    assert title == [
        "Subject",
        "Start",
        "End",
        "Waar het vandaan komt",
        "Sinds",
    ]  # the package speaks as its letter, the page as its reader
    assert len(rows) == MANY
    assert rows[7][0].startswith("'=Hosting 7")
    assert rows[7][1:4] == ["2020-01-01", "", "shop"]


@pytest.mark.parametrize("wanted", ["0", "2", "-1", "1.5", "²", "9" * 200, "csv"])
async def test_a_file_that_there_is_not_is_answered_with_the_page(site: Site, ready: tuple[str, str], wanted: str) -> None:
    path, code = ready
    answer = await site.post(path, {"code": code, "as": wanted})
    assert answer.headers["content-type"].startswith("text/html")


async def test_no_file_without_the_code(site: Site, ready: tuple[str, str]) -> None:
    path, _ = ready
    for wanted in ("json", "1"):
        answer = await site.post(path, {"code": "222222", "as": wanted})
        assert answer.status_code == 422
        assert "Hosting" not in answer.text


async def test_a_package_that_ends_during_its_download_leaves_no_file_that_looks_whole(site: Site, ready: tuple[str, str]) -> None:
    path, code = ready
    await site.house.desk.store.run(lambda tx: tx.connection.execute(delete(package_part).where(package_part.c.number == 1)))
    with pytest.raises(httpx.RemoteProtocolError):
        await site.post(path, {"code": code, "as": "json"})
    assert (await site.get(path)).status_code == 200
