from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.register.conftest import person
from worker.errors import RegisterRefused
from worker.register.register import Register
from worker.rules.letters import Reason
from worker.rules.model import Change, Column


async def test_a_correction_changes_what_was_asked_and_nothing_else(register: Register) -> None:
    done = await register.rectify("e1", person(1), [Change(Column.STREET, "Markt", "Kerkstraat"), Change(Column.NUMBER, "3", "12")])
    assert done.changed == (Column.STREET, Column.NUMBER)
    assert not done.refused
    assert done.current == {Column.STREET: "Markt", Column.NUMBER: "3"}
    assert await register.current(person(1), [Column.TOWN, Column.NAME]) == {Column.TOWN: "Gent", Column.NAME: "Ann Peeters"}
    assert (await register.current(person(2), [Column.STREET])) == {Column.STREET: ""}


async def test_nothing_is_applied_when_one_value_is_no_longer_what_was_shown(register: Register) -> None:
    done = await register.rectify("e1", person(1), [Change(Column.STREET, "Markt", "Kerkstraat"), Change(Column.TOWN, "Brugge", "Aalst")])
    assert done.outdated
    assert done.changed == ()
    assert done.current == {Column.STREET: "Kerkstraat", Column.TOWN: "Gent"}
    assert await register.current(person(1), [Column.STREET]) == {Column.STREET: "Kerkstraat"}


async def test_an_empty_value_is_shown_as_empty_text_and_bound_to_it(register: Register) -> None:
    done = await register.rectify("e1", person(1), [Change(Column.FAX, "+32 9 123 45 68", "")])
    assert done.changed == (Column.FAX,)


async def test_a_correction_that_says_nothing_of_what_was_shown_is_refused(register: Register) -> None:
    with pytest.raises(RegisterRefused):
        await register.rectify("e1", person(1), [Change(Column.TOWN, "Brugge")])


async def test_the_same_effect_twice_gives_the_first_result_and_changes_nothing_twice(register: Register) -> None:
    first = await register.rectify("e1", person(1), [Change(Column.TOWN, "Brugge", "Gent")])
    await register.rectify("e2", person(1), [Change(Column.TOWN, "Aalst", "Brugge")])
    again = await register.rectify("e1", person(1), [Change(Column.TOWN, "Brugge", "Gent")])
    assert (first.changed, again.changed, again.outdated) == ((Column.TOWN,), (Column.TOWN,), False)
    assert again.current == {Column.TOWN: "Aalst"}


async def test_one_effect_for_two_persons_of_one_case_reaches_both(register: Register) -> None:
    done = [await register.rectify("e1", person(key), [Change(Column.TOWN, "Brugge", "")]) for key in (3, 4)]
    assert [d.changed for d in done] == [(Column.TOWN,), (Column.TOWN,)]


async def test_of_the_same_effect_at_the_same_moment_one_is_carried_out(register: Register) -> None:
    change = [Change(Column.TOWN, "Brugge", "Gent")]
    done = await asyncio.gather(*(register.rectify("e1", person(1), change) for _ in range(8)))
    assert all(d.changed == (Column.TOWN,) and not d.outdated for d in done)


async def test_of_two_corrections_bound_to_the_same_value_the_later_is_outdated(register: Register) -> None:
    towns = ("Brugge", "Aalst", "Mechelen", "Leuven")
    done = await asyncio.gather(*(register.rectify(f"e-{t}", person(1), [Change(Column.TOWN, t, "Gent")]) for t in towns))
    assert sorted(d.outdated for d in done) == [False, True, True, True]


async def test_a_value_that_is_already_the_new_one_counts_as_done(register: Register) -> None:
    done = await register.rectify("e1", person(1), [Change(Column.TOWN, "Gent", "Aalst")])
    assert (done.changed, done.outdated) == ((Column.TOWN,), False)


@pytest.mark.parametrize(
    ("column", "new", "old"),
    [
        (Column.TELEPHONE, "not a number", "+32 9 123 45 67"),
        (Column.POSTCODE, "99999", "9000"),
        (Column.EMAIL, "ann at example", "Ann@example.com"),
        (Column.NAME, "", "Ann Peeters"),
        (Column.NUMBER, "x" * 21, "12"),
    ],
)
async def test_a_value_that_the_column_does_not_take_is_refused_and_the_rest_applied(
    register: Register, column: Column, new: str, old: str
) -> None:
    done = await register.rectify("e1", person(1), [Change(column, new, old), Change(Column.OFFICE, "Brugge", "Gent")])
    assert done.changed == (Column.OFFICE,)
    assert done.refused == ((column, Reason.VALUE_REFUSED),)
    assert done.current[column] == old


async def test_an_address_of_somebody_else_on_record_is_refused(register: Register) -> None:
    done = await register.rectify("e1", person(1), [Change(Column.EMAIL, "Joann@Example.com", "Ann@example.com")])
    assert done.refused == ((Column.EMAIL, Reason.ADDRESS_TAKEN),)


async def test_a_new_address_takes_the_place_of_the_old_one(register: Register) -> None:
    await register.rectify("e1", person(1), [Change(Column.EMAIL, "ann.peeters@Example.com", "Ann@example.com")])
    assert await register.find("ann@example.com") == ()
    assert [m.email for m in await register.find("ann.peeters@example.com")] == ["ann.peeters@example.com"]


async def test_what_a_correction_did_is_known_although_the_old_address_finds_nobody(register: Register) -> None:
    change = Change(Column.EMAIL, "new@example.com", "Ann@example.com")
    assert await register.rectified("e1") is None
    done = await register.rectify("e1", person(1), [change])
    assert await register.rectified("e1") == replace(done, current={})
    assert await register.rectified("e") is None


async def test_a_postcode_is_judged_by_the_country_the_person_moves_to(register: Register) -> None:
    changes = [Change(Column.POSTCODE, "1012 ab", "9000"), Change(Column.COUNTRY, "Nederland", "BE")]
    done = await register.rectify("e1", person(1), changes)
    assert done.current == {Column.POSTCODE: "1012 AB", Column.COUNTRY: "NL"}


async def test_emptying_a_column_leaves_nothing(register: Register) -> None:
    done = await register.rectify("e1", person(1), [Change(Column.MOBILE, "", "+32 470 12 34 56")])
    assert done.current == {Column.MOBILE: ""}


async def test_a_correction_for_a_person_no_longer_on_record_is_outdated(register: Register) -> None:
    assert (await register.rectify("e1", person(77), [Change(Column.TOWN, "Gent", "")])).outdated
