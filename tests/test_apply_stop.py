"""An orderly stop while changes are carried out: the one in hand is reported, the others wait for nothing."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.desks import House, a_house
from worker import apply
from worker.casework import confirm, download, packing
from worker.engine import stopping
from worker.register.model import HeldTable
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


async def test_a_package_that_takes_long_is_broken_off_and_made_anew(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    began, texts = threading.Event(), packing._texts

    def slow(held: HeldTable) -> list[str]:
        began.set()
        time.sleep(0.5)
        return texts(held)

    with monkeypatch.context() as patched:
        patched.setattr(stopping, "MOMENT", 0.05)
        patched.setattr(packing, "_texts", slow)
        going = asyncio.create_task(apply.run(house.desk, []))
        await asyncio.to_thread(began.wait, 10)
        going.cancel()
        await asyncio.gather(going, return_exceptions=True)
    assert await house.desk.store.run(rows) == [("waiting", 1), *[("waiting", 0)] * 3]

    await house.carry_out()
    for customer in CUSTOMERS:
        ready = await house.last("package_ready", customer)
        assert (await download.open_package(house.desk, ready.link("d"), ready.code)).package is not None
