"""An orderly stop while changes are carried out: the one in hand is reported, the others wait for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.desks import House, a_house
from worker import apply
from worker.casework import confirm
from worker.rules.model import Right
from worker.store import Tx
from worker.store.tables import effect

CUSTOMERS = [f"customer{number}@example.com" for number in range(4)]


@pytest.fixture
async def house(database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    """A desk with four packages to gather."""
    async with a_house(database_url, tmp_path) as found:
        for number, customer in enumerate(CUSTOMERS):
            await found.customer(id=number + 1, customer_number=f"C-{number}", email=customer)
            await found.write("What data do you have about me?", sender=customer)
            await confirm.click(found.desk, (await found.last("confirm", customer)).link("c"), code="", choices=(Right.ACCESS,))
        yield found


def rows(tx: Tx) -> list[tuple[str, int]]:
    """State and attempts of every effect."""
    return [(r.state, r.attempt) for r in tx.connection.execute(select(effect).order_by(effect.c.id))]


@pytest.mark.parametrize("after", [0.001, 0.004, 0.015, 0.03])
async def test_what_has_begun_is_reported_and_the_rest_goes_on_in_the_next_process(house: House, after: float) -> None:
    going = asyncio.create_task(apply.run(house.desk, []))
    await asyncio.sleep(after)
    going.cancel()
    await asyncio.gather(going, return_exceptions=True)

    found = await house.desk.store.run(rows)
    told = [each.name for each in await house.letters()].count("package_ready")
    assert found == [("done", 1)] * told + [("waiting", 0)] * (4 - told)

    await house.carry_out()
    assert await house.desk.store.run(rows) == [("done", 1)] * 4
    for customer in CUSTOMERS:
        await house.last("package_ready", customer)
