from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tests.register.conftest import ANN, a_contract, a_customer, an_invoice, person
from worker.register.model import PersonKey, Plain
from worker.register.register import Register
from worker.register.settings import RegisterSettings
from worker.rules.letters import Item, Reason
from worker.rules.model import Change, Column

TODAY = date(2026, 11, 22)


async def rows_of(register: Register, key: int = 1) -> dict[str, list[dict[str, Plain]]]:
    """Table to its rows, with the values that are not empty."""
    held = await register.read([person(key)], as_of=datetime(2026, 11, 22, tzinfo=UTC))
    return {t.table: [{c.name: v for c, v in zip(t.columns, r.values, strict=True) if v is not None} for r in t.rows] for t in held.tables}


async def test_a_person_of_whom_nothing_must_stay_is_gone(register: Register) -> None:
    done = await register.erase("e1", [person(1)], today=TODAY)
    assert done.erased == (Item("customer"),)
    assert done.kept == ()
    assert done.due == ()
    assert await rows_of(register) == {}
    assert await register.find("ann@example.com") == ()
    assert len(await register.find("joann@example.com")) == 1


@pytest.mark.parametrize(
    ("issued", "until"),
    [
        (date(2021, 6, 10), date(2028, 12, 31)),
        (date(2022, 6, 10), date(2032, 12, 31)),
        (date(2024, 3, 15), date(2034, 12, 31)),
    ],
)
async def test_an_invoice_stays_with_its_date_and_goes_the_day_after(register: Register, issued: date, until: date) -> None:
    await register.add("invoice", [an_invoice(1, 1, issued)])
    done = await register.erase("e1", [person(1)], today=TODAY)
    assert done.erased == (Item("customer"),)
    assert done.kept == (Item("invoice", 1, Reason.TAX_LAW, until),)
    assert done.due == (until,)
    assert await register.sweep(today=until) == 0
    held = await rows_of(register)
    assert held["customer"] == [{}]
    assert held["invoice"][0]["billing_name"] == "Peeters BV"
    assert await register.sweep(today=date(until.year + 1, 1, 1)) == 2
    assert await rows_of(register) == {}
    assert await register.sweep(today=date(until.year + 1, 1, 1)) == 0


async def test_invoices_whose_time_has_passed_go_at_once_and_the_others_one_by_one(register: Register) -> None:
    issued = [date(2015, 1, 5), date(2021, 6, 10), date(2021, 7, 10), date(2024, 3, 15)]
    await register.add("invoice", [an_invoice(n, 1, day) for n, day in enumerate(issued, 1)])
    done = await register.erase("e1", [person(1)], today=TODAY)
    assert done.erased == (Item("customer"), Item("invoice"))
    assert set(done.kept) == {
        Item("invoice", 2, Reason.TAX_LAW, date(2028, 12, 31)),
        Item("invoice", 1, Reason.TAX_LAW, date(2034, 12, 31)),
    }
    assert await register.sweep(today=date(2029, 1, 1)) == 2
    assert len((await rows_of(register))["invoice"]) == 1
    assert await register.sweep(today=date(2035, 1, 1)) == 2


async def test_a_plan_tells_what_erasure_then_does_and_changes_nothing(register: Register) -> None:
    await register.add("invoice", [an_invoice(1, 1, date(2024, 3, 15))])
    before = await rows_of(register)
    planned = await register.plan_erasure([person(1)], today=TODAY)
    assert await rows_of(register) == before
    done = await register.erase("e1", [person(1)], today=TODAY)
    assert (planned.erased, planned.kept) == (done.erased, done.kept)
    assert [(t.table, t.deleted, t.emptied, t.kept) for t in planned.tables] == [("customer", 0, 1, 0), ("invoice", 0, 0, 1)]


async def test_a_running_contract_keeps_itself_and_what_it_needs_of_the_customer(register: Register) -> None:
    await register.add("contract", [a_contract(1, 1, None), a_contract(2, 1, date(2025, 6, 30))])
    done = await register.erase("e1", [person(1)], today=TODAY)
    assert set(done.erased) == {Item("function"), Item("telephone"), Item("office"), Item("contract")}
    assert {(i.what, i.reason, i.until) for i in done.kept} == {
        (what, Reason.CONTRACT, None) for what in ("identity", "address", "email", "contract")
    }
    held = await rows_of(register)
    kept = {k: v for k, v in ANN.items() if v and k not in {"id", "telephone", "mobile", "function", "office", "origin", "recorded_at"}}
    assert held["customer"] == [kept]
    assert len(held["contract"]) == 1
    assert await register.sweep(today=date(2030, 1, 1)) == 0


async def test_a_contract_that_ends_on_a_known_day_is_kept_until_then(register: Register) -> None:
    await register.add("contract", [a_contract(1, 1, date(2027, 3, 31))])
    done = await register.erase("e1", [person(1)], today=TODAY)
    assert Item("contract", 1, Reason.CONTRACT, date(2027, 3, 31)) in done.kept
    assert await register.sweep(today=date(2027, 3, 31)) == 0
    assert await register.sweep(today=date(2027, 4, 1)) == 2
    assert await rows_of(register) == {}


async def test_a_sweep_leaves_alone_what_was_recorded_after_the_erasure(register: Register) -> None:
    await register.add("contract", [a_contract(1, 1, date(2027, 3, 31))])
    await register.erase("e1", [person(1)], today=TODAY)
    await register.rectify("e2", person(1), [Change(Column.MOBILE, "+32 470 65 43 21", "")])
    await register.add("contract", [a_contract(2, 1, None)])
    assert await register.sweep(today=date(2027, 4, 1)) == 1
    held = await rows_of(register)
    assert (held["customer"][0]["mobile"], held["customer"][0]["name"]) == ("+32 470 65 43 21", "Ann Peeters")
    assert len(held["contract"]) == 1


async def test_the_same_effect_twice_gives_the_first_answer(register: Register) -> None:
    await register.add("invoice", [an_invoice(1, 1, date(2024, 3, 15))])
    first = await register.erase("e1", [person(1)], today=TODAY)
    assert await register.erase("e1", [person(1)], today=TODAY) == first
    assert all(done == first for done in await asyncio.gather(*(register.erase("e1", [person(1)], today=TODAY) for _ in range(4))))


async def test_of_the_same_erasure_at_the_same_moment_one_is_carried_out_and_all_report_it(register: Register) -> None:
    await register.add("invoice", [an_invoice(1, 1, date(2024, 3, 15))])
    done = await asyncio.gather(*(register.erase("e1", [person(1)], today=TODAY) for _ in range(6)))
    assert {d.erased for d in done} == {(Item("customer"),)}


async def test_two_persons_under_one_address_are_erased_together(register: Register) -> None:
    done = await register.erase("e1", [m.person for m in await register.find("family@example.com")], today=TODAY)
    assert done.erased == (Item("customer", 2),)


async def test_erasing_whom_nobody_knows_does_nothing(register: Register) -> None:
    assert (await register.erase("e1", [person(77)], today=TODAY)).erased == ()
    assert (await register.erase("e2", [PersonKey("customers", "customer", "abc")], today=TODAY)).erased == ()


async def test_nothing_of_the_erased_is_left_in_the_file(opened: Callable[[RegisterSettings], Register], tmp_path: Path) -> None:
    register = opened(RegisterSettings.in_folder(tmp_path / "data"))
    await register.add("customer", [a_customer(1, "Canary Zebedeus", "canary.zebedeus@example.com")])
    assert b"zebedeus" in _bytes(tmp_path)
    await register.erase("e1", [person(1)], today=TODAY)
    assert b"zebedeus" not in _bytes(tmp_path)


def _bytes(folder: Path) -> bytes:
    return b"".join(p.read_bytes() for p in folder.rglob("*") if p.is_file()).lower()
