from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from tests.register.conftest import a_contract, a_customer, an_invoice, person
from tests.servers.process import free_port
from worker.errors import RegisterUnavailable
from worker.register.register import Register
from worker.register.settings import RegisterSettings
from worker.rules.model import Change, Column, Language

NOW = datetime(2026, 11, 22, tzinfo=UTC)


async def test_an_address_finds_its_person_whatever_the_case_and_nobody_else(register: Register) -> None:
    found = await register.find("ann@EXAMPLE.com")
    assert [(m.person, m.name, m.email) for m in found] == [(person(1), "Ann Peeters", "Ann@example.com")]


@pytest.mark.parametrize("address", ["an@example.com", "%@example.com", "_nn@example.com", "nn@example.com", "", "ann@example.com.test"])
async def test_what_only_resembles_an_address_finds_nobody(register: Register, address: str) -> None:
    assert await register.find(address) == ()


async def test_no_address_finds_nobody_even_where_addresses_are_empty(register: Register) -> None:
    await register.add("customer", [a_customer(9, "Nemo", "")])
    assert await register.find(" ") == ()


async def test_several_processes_may_make_the_tables_at_the_same_moment(
    database_url: str, opened: Callable[[RegisterSettings], Register]
) -> None:
    await asyncio.gather(*(opened(RegisterSettings(database_url)).create() for _ in range(5)))
    assert await opened(RegisterSettings(database_url)).check() == ()


async def test_an_address_that_two_people_share_finds_both(register: Register) -> None:
    assert [m.person for m in await register.find("family@example.com")] == [person(3), person(4)]


async def test_letters_beyond_ascii_are_found_in_either_case(register: Register) -> None:
    await register.add("customer", [a_customer(9, "Élise Lambert", "Élise@example.com")])
    assert [m.person for m in await register.find("Élise@example.com")] == [person(9)]


async def test_current_values_are_those_of_the_columns_asked_and_empty_text_for_nothing(register: Register) -> None:
    values = await register.current(person(1), [Column.FAX, Column.TOWN])
    assert values == {Column.FAX: "", Column.TOWN: "Gent"}
    assert await register.current(person(77), [Column.TOWN]) == {}


async def test_reading_gives_every_row_of_the_person_with_the_facts_the_law_wants(register: Register) -> None:
    await register.add("contract", [a_contract(1, 1, None)])
    await register.add("invoice", [an_invoice(1, 1, date(2024, 3, 15)), an_invoice(2, 2, date(2024, 3, 16))])
    held = await register.read([person(1)], as_of=NOW, language=Language.NL)
    assert [(t.what, len(t.rows)) for t in held.tables] == [("customer", 1), ("contract", 1), ("invoice", 1)]
    customer, _, invoice = held.tables
    assert (customer.rows[0].origin, customer.rows[0].recorded_at) == ("contract", datetime(2024, 1, 2, 9, 0, tzinfo=UTC))
    facts = invoice.columns[0]
    assert (facts.title, facts.purpose, facts.ground) == ("Factuurnummer", "facturatie en boekhouding", "legal-obligation")
    assert "Btw-Wetboek" in facts.retention


async def test_what_is_held_can_be_written_as_json(register: Register) -> None:
    await register.add("invoice", [an_invoice(1, 1, date(2024, 3, 15))])
    data = json.loads(json.dumps((await register.read([person(1)], as_of=NOW)).to_json()))
    (invoice,) = [t for t in data["tables"] if t["table"] == "invoice"]
    assert invoice["rows"][0]["values"]["issued_on"] == "2024-03-15"
    assert invoice["rows"][0]["values"]["amount_cents"] == 12100
    assert invoice["columns"]["issued_on"]["legal_ground"] == "legal-obligation"
    assert data["as_of"] == "2026-11-22T00:00:00+00:00"


async def test_a_corrected_value_tells_that_it_came_from_the_person(register: Register) -> None:
    await register.rectify("e1", person(1), [Change(Column.TOWN, "Brugge", "Gent")])
    row = (await register.read([person(1)], as_of=NOW)).tables[0].rows[0]
    assert list(row.corrected) == ["town"]
    assert row.corrected["town"].tzinfo is not None


async def test_nothing_is_held_about_a_person_who_is_gone(register: Register) -> None:
    assert (await register.read([person(77)], as_of=NOW)).tables == ()


async def test_a_database_that_does_not_answer_is_a_matter_of_time(opened: Callable[[RegisterSettings], Register]) -> None:
    down = opened(RegisterSettings(f"postgresql://desk@127.0.0.1:{free_port()}/nobody"))
    with pytest.raises(RegisterUnavailable, match=r"^databases\.customers: OperationalError"):
        await down.find("ann@example.com")


async def test_values_hide_themselves_when_printed(register: Register) -> None:
    matches, held = await register.find("ann@example.com"), await register.read([person(1)], as_of=NOW)
    assert "Peeters" not in repr(matches) + repr(held)
    assert "example.com" not in repr(matches) + repr(held)
