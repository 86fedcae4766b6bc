"""A person of whom much is held: read a bounded number of rows at a time, and still as it stood at one moment."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import aclosing, closing
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tests.register.conftest import an_invoice, person
from worker.register.model import HeldTable, PersonKey
from worker.register.reading import BATCH
from worker.register.register import Register
from worker.register.settings import RegisterSettings
from worker.rules.letters import Item

NOW = datetime(2026, 11, 22, tzinfo=UTC)
MANY = 3 * BATCH + 7


@pytest.fixture
async def full(register: Register) -> Register:
    """Ann has many invoices."""
    await register.add("invoice", [an_invoice(n, 1, date(2024, 3, 15)) for n in range(1, MANY + 1)])
    return register


async def slices_of(register: Register, *persons: PersonKey) -> list[HeldTable]:
    return [held async for held in register.slices(persons or (person(1),))]


async def test_a_long_table_comes_in_slices_and_each_row_once(full: Register) -> None:
    found = await slices_of(full)
    assert [(held.table, len(held.rows)) for held in found] == [("customer", 1), *[("invoice", BATCH)] * 3, ("invoice", 7)]
    assert [row.key for held in found[1:] for row in held.rows] == [str(n) for n in range(1, MANY + 1)]


async def test_the_slices_hold_what_reading_at_once_holds(full: Register) -> None:
    whole = await full.read([person(1)], as_of=NOW)
    slices = await slices_of(full)
    assert [row for table in whole.tables for row in table.rows] == [row for held in slices for row in held.rows]
    assert [len(table.rows) for table in whole.tables] == [1, MANY]


async def test_what_changes_while_it_is_read_is_shown_as_it_was_before(full: Register) -> None:
    rows = 0
    async with aclosing(full.slices([person(1)])) as slices:
        async for held in slices:
            if held.table == "customer":
                await full.add("invoice", [an_invoice(MANY + 1, 1, date(2026, 1, 1))])
            rows += len(held.rows)
    assert rows == 1 + MANY
    assert sum(len(held.rows) for held in await slices_of(full)) == 1 + MANY + 1


async def test_who_leaves_early_or_is_cancelled_leaves_nothing_open(full: Register) -> None:
    for _ in range(8):  # more often than there are connections
        async with aclosing(full.slices([person(1)])) as slices:
            assert (await anext(slices)).table == "customer"
        reading = asyncio.create_task(slices_of(full))
        await asyncio.sleep(0.002)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    assert Item("customer") in (await full.erase("e1", [person(1)], today=NOW.date())).erased


NESTED = """
[databases.shop]
url = "sqlite:///{folder}/shop.sqlite3"
[databases.shop.tables.line]
key = "id"
parent = "purchase"
parent_key = "purchase_id"
WHY
columns.article = {{}}
[databases.shop.tables.account]
key = "id"
address = ["mail"]
WHY
columns.mail = {{}}
[databases.shop.tables.purchase]
key = "id"
parent = "account"
parent_key = "account_id"
WHY
columns.bought_on = {{}}
""".replace("WHY", 'category = "contract"\npurpose = "orders"\nground = "contract"\nretention = "relation"\nerasure = "delete"')
SHOP = """
CREATE TABLE account (id INTEGER PRIMARY KEY, mail VARCHAR(80));
CREATE TABLE purchase (id INTEGER PRIMARY KEY, account_id INTEGER, bought_on DATE);
CREATE TABLE line (id INTEGER PRIMARY KEY, purchase_id INTEGER, article VARCHAR(80));
INSERT INTO account VALUES (1, 'ann@example.com'), (2, 'ann@example.com'), (3, 'bob@example.com');
WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
INSERT INTO purchase SELECT i, 1 + i % 3, '2024-02-29' FROM n;
INSERT INTO line SELECT id, id, 'lamp' FROM purchase;
"""


async def test_what_hangs_from_many_rows_is_found_below_its_own_person_only(
    tmp_path: Path, opened: Callable[[RegisterSettings], Register]
) -> None:
    with closing(sqlite3.connect(tmp_path / "shop.sqlite3")) as shop:
        shop.executescript(SHOP)
    (tmp_path / "register.toml").write_text("[databases.customers]\nbuiltin = true\n" + NESTED.format(folder=tmp_path))
    shop_of = opened(RegisterSettings(f"sqlite:///{tmp_path}/home.sqlite3", tmp_path / "register.toml"))
    ann = [m.person for m in await shop_of.find("ann@example.com")]
    found = await shop_of.read(ann, as_of=NOW)
    assert [(table.table, len(table.rows)) for table in found.tables] == [("line", 2000), ("account", 2), ("purchase", 2000)]
    assert {int(row.key) % 3 for row in found.tables[0].rows} == {0, 1}
    assert len({row.key for row in found.tables[0].rows}) == 2000
