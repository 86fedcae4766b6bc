"""The invented customers: always the same for a seed, plausible, and nobody's."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from pathlib import Path

import phonenumbers
import pytest

from worker.demo.customers import COUPLE, ROLE, customers
from worker.register.register import Register
from worker.register.settings import RegisterSettings
from worker.rules.model import Column, Language
from worker.rules.policy import ROLE_MAILBOXES

TODAY = date(2026, 11, 22)


def test_a_seed_always_gives_the_same_forty_customers() -> None:
    assert customers(7, TODAY) == customers(7, TODAY)
    assert customers(7, TODAY) != customers(8, TODAY)
    assert len(customers(7, TODAY)) == 40
    assert {c.language for c in customers(7, TODAY)} == set(Language)


@pytest.mark.parametrize("seed", range(20))
def test_mailboxes_are_reserved_ones_and_belong_to_one_person_but_for_the_couple(seed: int) -> None:
    people = customers(seed, TODAY)
    assert all(re.fullmatch(r"[a-z0-9.-]+@(example\.com|example\.org|[a-z]+\.test)", c.email) for c in people)
    shared = {email: count for email, count in Counter(c.email for c in people).items() if count > 1}
    assert shared == {people[COUPLE[0] - 1].email: 2}
    assert people[ROLE - 1].email.partition("@")[0] in ROLE_MAILBOXES


@pytest.mark.parametrize("seed", range(20))
def test_telephone_numbers_are_well_formed(seed: int) -> None:
    for customer in customers(seed, TODAY):
        for column in (Column.TELEPHONE, Column.MOBILE):
            assert phonenumbers.is_valid_number(phonenumbers.parse(customer.values[column], "BE")), customer.values[column]
            assert "55 01" in customer.values[column]


async def test_the_register_takes_them(tmp_path: Path) -> None:
    register = Register.open(RegisterSettings.in_folder(tmp_path))
    try:
        await register.create()
        people = customers(3, TODAY)
        await register.add("customer", [c.row() for c in people])
        await register.add("contract", [row for c in people for row in c.contracts])
        await register.add("invoice", [row for c in people for row in c.invoices])
        assert len(await register.find(people[0].email)) == 1
        assert len(await register.find(people[COUPLE[0] - 1].email)) == 2
        assert any(c.invoices for c in people)
    finally:
        register.close()
