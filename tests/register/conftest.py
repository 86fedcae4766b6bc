"""A register on a real database, with a few fictional customers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from worker.register.model import PersonKey
from worker.register.register import Register
from worker.register.settings import RegisterSettings

RECORDED = datetime(2024, 1, 2, 9, 0, tzinfo=UTC)

ANN = {
    "id": 1,
    "customer_number": "C-1",
    "name": "Ann Peeters",
    "company": "Peeters BV",
    "function": "Manager",
    "street": "Kerkstraat",
    "number": "12",
    "box": None,
    "postcode": "9000",
    "town": "Gent",
    "country": "BE",
    "email": "Ann@example.com",
    "telephone": "+32 9 123 45 67",
    "mobile": "+32 470 12 34 56",
    "fax": None,
    "office": "Gent",
    "origin": "contract",
    "recorded_at": RECORDED,
}


def a_customer(key: int, name: str, email: str, **more: Any) -> dict[str, Any]:
    """A customer of whom nothing else is known."""
    return dict.fromkeys(ANN) | {"id": key, "name": name, "email": email, "origin": "web form", "recorded_at": RECORDED} | more


def an_invoice(key: int, customer: int, issued: date) -> dict[str, Any]:
    """An invoice to Ann."""
    return {
        "id": key,
        "customer_id": customer,
        "invoice_number": f"F-{key}",
        "issued_on": issued,
        "amount_cents": 12100,
        "currency": "EUR",
        "description": "Hosting",
        "billing_name": "Peeters BV",
        "billing_address": "Kerkstraat 12, 9000 Gent",
        "origin": "contract",
        "recorded_at": RECORDED,
    }


def a_contract(key: int, customer: int, ended: date | None) -> dict[str, Any]:
    """A contract, still running if ``ended`` is None."""
    return {
        "id": key,
        "customer_id": customer,
        "title": "Hosting",
        "started_on": date(2020, 1, 1),
        "ended_on": ended,
        "origin": "contract",
        "recorded_at": RECORDED,
    }


def person(key: int) -> PersonKey:
    """A customer's key."""
    return PersonKey("customers", "customer", str(key))


@pytest.fixture
def opened() -> Iterator[Callable[[RegisterSettings], Register]]:
    """Opens registers and closes them after the test."""
    registers: list[Register] = []

    def open_(settings: RegisterSettings) -> Register:
        registers.append(Register.open(settings))
        return registers[-1]

    yield open_
    for register in registers:
        register.close()


@pytest.fixture
async def register(database_url: str, opened: Callable[[RegisterSettings], Register]) -> Register:
    """The built-in database with Ann, Joann and a couple that shares an address."""
    made = opened(RegisterSettings(database_url))
    await made.add(
        "customer",
        [
            ANN,
            a_customer(2, "Joann Smets", "joann@example.com"),
            a_customer(3, "Els Claes", "family@example.com"),
            a_customer(4, "Jan Claes", "FAMILY@EXAMPLE.COM"),
        ],
    )
    return made
