"""A change that failed is approved again: what its first run did is neither done twice nor forgotten."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.desks import House, a_house
from worker.casework import confirm, rule, status
from worker.casework.pages import Outcome
from worker.rules.model import Right
from worker.store import Tx
from worker.store.tables import effect

DELETE = "Please delete all my personal data."
STAFF = "staff:x"

DECLARED = """
[databases.customers]
builtin = true

[databases.shop]
url = "sqlite:///{folder}/shop.sqlite3"
own_tables = {own_tables}

[databases.shop.tables.account]
what = "email"
key = "id"
address = ["mail"]
category = "email"
purpose = "orders"
ground = "contract"
retention = "relation"
erasure = "delete"
[databases.shop.tables.account.columns]
mail = {{}}

[databases.shop.tables.purchase]
what = "contract"
key = "id"
parent = "account"
parent_key = "account_id"
category = "contract"
purpose = "orders"
ground = "contract"
retention = "relation"
erasure = "delete"
[databases.shop.tables.purchase.columns]
article = {{}}
"""

SHOP = """
CREATE TABLE account (id INTEGER PRIMARY KEY, mail VARCHAR(80));
CREATE TABLE purchase (id INTEGER PRIMARY KEY, account_id INTEGER REFERENCES account (id), article VARCHAR(80));
INSERT INTO account VALUES (7, 'ann@example.com');
INSERT INTO purchase VALUES (1, 7, 'lamp');
"""
REFUSE = "CREATE TRIGGER kept BEFORE DELETE ON account BEGIN SELECT RAISE(ABORT, 'ann@example.com stays'); END;"


def in_the_shop(folder: Path, statements: str) -> None:
    with closing(sqlite3.connect(folder / "shop.sqlite3")) as shop:
        shop.executescript(statements)


@pytest.fixture(params=["true", "false"], ids=["with journal", "untouched schema"])
async def house(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    """A desk of a company with two databases, both of which know Ann; the second one refuses to let her go."""
    declared = tmp_path / "register.toml"
    declared.write_text(DECLARED.format(folder=tmp_path, own_tables=request.param))
    in_the_shop(tmp_path, SHOP + REFUSE)
    async with a_house(database_url, tmp_path, declared=declared) as found:
        await found.customer()
        yield found


async def approved(house: House) -> None:
    (line,) = await rule.queue(house.desk, STAFF)
    assert await rule.approve(house.desk, STAFF, line.id)


async def failed(house: House) -> None:
    """Ann is erased from the first database only, and her case is before staff again."""
    await house.write(DELETE)
    letter = await house.last("confirm")
    await confirm.click(house.desk, letter.link("c"), code=letter.code, choices=(Right.DELETION,))
    house.clock.pass_(days=4)
    await house.carry_out()
    await approved(house)  # she is two persons: one in each database
    house.clock.pass_(days=4)
    await house.carry_out()
    assert await house.record() is None
    assert await house.requests() == {"deletion": "in_review"}
    assert [line.reasons for line in await rule.queue(house.desk, STAFF)] == [("failed",)]


def effects(tx: Tx) -> list[tuple[str, str | None]]:
    return [(row.state, row.failure) for row in tx.connection.execute(select(effect).order_by(effect.c.id))]


async def test_the_letter_of_an_erasure_approved_again_tells_what_its_first_run_erased(house: House, tmp_path: Path) -> None:
    await failed(house)
    in_the_shop(tmp_path, "DROP TRIGGER kept")
    await approved(house)
    await house.carry_out()
    told = await house.last("erased")
    erased = told.text.partition("This has been erased")[2].partition("This is kept")[0]
    assert "your customer details" in erased  # of the database in which the first run erased
    assert "your e-mail address" in erased
    assert "contract" in erased
    assert await house.requests() == {"deletion": "fulfilled"}
    assert await house.desk.store.run(effects) == [("done", None), ("done", None)]


async def test_an_erasure_that_had_begun_waits_for_no_second_grace(house: House) -> None:
    await failed(house)
    before = [each.name for each in await house.letters()]
    await approved(house)
    assert [each.name for each in await house.letters()] == before
    assert await house.requests() == {"deletion": "applying"}


async def test_an_erasure_that_was_refused_is_planned_anew_and_told_as_it_was_done(house: House, tmp_path: Path) -> None:
    await failed(house)
    in_the_shop(tmp_path, "DROP TRIGGER kept; INSERT INTO purchase VALUES (2, 7, 'desk')")
    await approved(house)
    await house.carry_out()
    assert "2 contracts" in (await house.last("erased")).text


async def test_an_erasure_of_which_a_part_is_done_cannot_be_taken_back(house: House) -> None:
    await failed(house)
    planned = [each for each in await house.letters() if each.name == "erasure_planned"][-1]
    assert (await status.withdraw(house.desk, planned.link("r"), not_me=False)).outcome is Outcome.CLOSED
    assert await house.requests() == {"deletion": "in_review"}


async def test_a_correction_that_the_database_refused_goes_on_under_its_id(house: House, tmp_path: Path) -> None:
    in_the_shop(tmp_path, "DELETE FROM purchase; DROP TRIGGER kept; DELETE FROM account")
    with closing(sqlite3.connect(tmp_path / "customers.sqlite3")) as customers:
        customers.executescript("CREATE TRIGGER still BEFORE UPDATE ON customer BEGIN SELECT RAISE(ABORT, 'no'); END;")
    await house.write("Hello, my new telephone number is +32 9 234 56 78. Could you change it?")
    letter = await house.last("confirm")
    shown = await confirm.click(house.desk, letter.link("c"), code=letter.code, choices=(Right.CORRECTION,))
    await confirm.click(house.desk, letter.link("c"), code=letter.code, choices=(Right.CORRECTION,), fingerprint=shown.fingerprint)
    await house.carry_out()
    assert await house.desk.store.run(effects) == [("failed", "refused")]
    with closing(sqlite3.connect(tmp_path / "customers.sqlite3")) as customers:
        customers.executescript("DROP TRIGGER still")
    await approved(house)
    await house.carry_out()
    await house.last("corrected")
    assert (await house.record() or {})["telephone"] == "+32 9 234 56 78"
    assert await house.desk.store.run(effects) == [("done", None)]
