"""What the health page, status and the metrics are told."""

from __future__ import annotations

from dataclasses import replace

from tests.desks import House
from worker.casework import health
from worker.store import parts


async def test_the_hourly_limit_is_told_while_it_holds_letters_back(house: House) -> None:
    house.desk = replace(house.desk, policy=replace(house.desk.policy, letters_per_hour=2))
    for number in range(3):
        assert (await health.facts(house.desk))["hourly_limit_reached"] is False
        await house.write("What data do you have about me?", sender=f"ann{number}@example.com")
    assert (await health.facts(house.desk))["hourly_limit_reached"] is True
    house.clock.pass_(minutes=61)
    assert (await health.facts(house.desk))["hourly_limit_reached"] is False


async def test_a_part_that_is_down_is_counted_and_says_since_when(house: House) -> None:
    store = house.desk.store
    await store.run(parts.note, "relay", "smtp", "answers")
    assert (await health.facts(house.desk))["not_answering"] == 0
    since = house.clock.now().isoformat()
    for _ in range(2):
        await store.run(parts.note, "relay", "smtp", "127.0.0.1:25: Connection refused")
        house.clock.pass_(minutes=1)
    facts = await health.facts(house.desk)
    assert facts["not_answering"] == 1
    assert facts["relays"] == {"smtp": {"state": "127.0.0.1:25: Connection refused", "since": since}}
