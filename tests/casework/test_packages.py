"""A package of many rows: made in parts, opened by nobody before its letter, and gone with every part of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from tests.desks import START, House
from worker.casework import applied, confirm, download
from worker.casework.packing import SHOWN_ROWS, packed
from worker.errors import SealBroken
from worker.rules.model import Right
from worker.store import Tx, effects, packages, retention
from worker.store.effects import Effect
from worker.store.packages import Package
from worker.store.tables import package, package_part, vault_key

ACCESS = "What data do you have about me?"
MANY = 1000
STALE = timedelta(minutes=5)


@pytest.fixture
async def full(house: House) -> House:
    """Ann has many contracts."""
    await house.desk.register.add("contract", [a_contract(n) for n in range(MANY)])
    return house


def a_contract(number: int) -> dict[str, Any]:
    words = f"Hosting {number}\n“à la carte” " + "x" * 150
    return {
        "id": number + 1,
        "customer_id": 1,
        "title": words,
        "started_on": date(2020, 1, 1),
        "ended_on": None,
        "origin": None,
        "recorded_at": START,
    }


async def asked(house: House) -> None:
    """Ann has asked for her data and pressed the button."""
    await house.write(ACCESS)
    letter = await house.last("confirm")
    await confirm.click(house.desk, letter.link("c"), code="", choices=(Right.ACCESS,))


async def claimed(house: House) -> Effect:
    (effect,) = await house.desk.store.run(effects.claim, 20, STALE)
    return effect


async def attempt(house: House, effect: Effect) -> Package | None:
    """Everything but the report."""
    case = await applied.begin(house.desk, effect)
    assert case is not None
    persons = [match.person for match in await house.desk.register.find("ann@example.com")]
    return await packed(house.desk, effect, case, persons, {})


async def opened(house: House) -> Package:
    ready = await house.last("package_ready")
    found = await download.open_package(house.desk, ready.link("d"), ready.code)
    assert found.package is not None
    return found.package


async def file_of(house: House, made: Package) -> str:
    return b"".join([piece async for piece in download.json_file(house.desk, made)]).decode()


async def count(house: House, table: Any) -> int:
    found = await house.desk.store.run(lambda tx: tx.connection.execute(select(func.count()).select_from(table)).scalar_one())
    return int(found)


async def test_the_file_of_a_long_package_is_that_of_one_piece(full: House) -> None:
    await asked(full)
    await full.carry_out()
    made = await opened(full)
    held = await full.desk.register.read([(await full.desk.register.find("ann@example.com"))[0].person], as_of=full.clock.now())
    whole = {**held.to_json(), "desk": made.document["desk"]}
    assert await file_of(full, made) == json.dumps(whole, ensure_ascii=False, indent=2)
    assert len(made.document["tables"][1]["rows"]) == SHOWN_ROWS
    assert [row async for rows in download.rows(full.desk, made, 1) for row in rows] == whole["tables"][1]["rows"]
    assert await count(full, package_part) == len(made.further[1].parts) > 1


@pytest.mark.parametrize("rows", [0, 1, SHOWN_ROWS])
async def test_a_short_package_needs_no_parts(house: House, rows: int) -> None:
    if rows:
        await house.desk.register.add("contract", [a_contract(n) for n in range(rows)])
    await asked(house)
    await house.carry_out()
    made = await opened(house)
    assert await file_of(house, made) == json.dumps(made.document, ensure_ascii=False, indent=2)
    assert await count(house, package_part) == 0


async def test_nobody_opens_a_package_before_its_letter(full: House) -> None:
    await asked(full)
    effect = await claimed(full)
    assert await attempt(full, effect) is not None
    assert await count(full, package_part) > 1
    assert await full.desk.store.run(packages.fetch, effect.id) is None


async def test_an_attempt_that_died_before_its_report_is_replaced_whole(full: House) -> None:
    await asked(full)
    assert await attempt(full, await claimed(full)) is not None
    keys = await count(full, vault_key)
    await full.desk.register.add("contract", [a_contract(MANY)])
    full.clock.pass_(minutes=6)
    await full.carry_out()
    made = await opened(full)
    assert len(json.loads(await file_of(full, made))["tables"][1]["rows"]) == MANY + 1
    assert [each.name for each in await full.letters()] == ["confirm", "package_ready"]
    assert await count(full, package) == 1
    assert await count(full, package_part) == len(made.further[1].parts)
    assert await count(full, vault_key) == keys


async def test_an_attempt_that_was_taken_over_writes_nothing_more(full: House) -> None:
    await asked(full)
    first = await claimed(full)
    full.clock.pass_(minutes=6)
    second = await claimed(full)
    made = await attempt(full, second)
    assert made is not None
    assert not await full.desk.store.run(packages.begin, first)
    assert not await full.desk.store.run(packages.add_part, first, 99, "")
    assert await full.desk.store.run(packages.part, second.id, 0)
    assert await count(full, package_part) == len(made.further[1].parts)


async def test_an_attempt_that_takes_long_is_not_taken_for_dead(full: House) -> None:
    await asked(full)
    effect = await claimed(full)
    assert await full.desk.store.run(packages.begin, effect)
    for number in range(3):
        full.clock.pass_(minutes=4)
        assert await full.desk.store.run(effects.claim, 20, STALE) == []
        assert await full.desk.store.run(packages.add_part, effect, number, ",\n{}")


async def test_what_was_never_finished_is_gone_after_a_day(full: House) -> None:
    await asked(full)
    await attempt(full, await claimed(full))
    full.clock.pass_(hours=23)
    await full.tick()
    assert await count(full, package_part) > 1
    full.clock.pass_(hours=2)
    await full.tick()
    assert await count(full, package) == await count(full, package_part) == 0


def destroyed(tx: Tx) -> tuple[str, str]:
    """Destroy the one case; the ids of its package and of the package's key."""
    row = tx.connection.execute(select(package)).one()
    retention.destroy_case(tx, row.case_id)
    return row.id, row.key_id


def expired(tx: Tx) -> tuple[str, str]:
    row = tx.connection.execute(select(package)).one()
    tx.connection.execute(update(package).values(expires_at=tx.now))
    packages.forget(tx)
    return row.id, row.key_id


@pytest.mark.parametrize("end", [destroyed, expired])
async def test_with_a_package_all_its_parts_and_their_key_are_gone(full: House, end: Callable[[Tx], tuple[str, str]]) -> None:
    await asked(full)
    await full.carry_out()
    made = await opened(full)
    _, key_id = await full.desk.store.run(end)
    assert await count(full, package) == await count(full, package_part) == 0
    with pytest.raises(SealBroken, match="was destroyed"):
        await full.desk.store.run(lambda tx: tx.vault.key(tx.connection, key_id, {}))
    with pytest.raises(SealBroken, match="is gone"):  # also for a download that is under way
        await file_of(full, made)


def exchange(tx: Tx) -> None:
    """Put two parts in each other's place."""
    first, second = tx.connection.execute(
        select(package_part.c.sealed).where(package_part.c.number < 2).order_by(package_part.c.number)
    ).scalars()
    for number, sealed in enumerate((second, first)):
        tx.connection.execute(update(package_part).where(package_part.c.number == number).values(sealed=sealed))


async def test_a_part_opens_in_its_own_place_only(full: House) -> None:
    await asked(full)
    await full.carry_out()
    await full.desk.store.run(exchange)
    with pytest.raises(SealBroken):
        await file_of(full, await opened(full))
