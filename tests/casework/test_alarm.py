"""What waits for a person rings before its legal date, and again when that is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from structlog.testing import capture_logs

from tests.desks import House
from worker.casework import confirm, health, rule
from worker.rules.deadline import Standing
from worker.rules.model import MailState, Right
from worker.store import Tx, audit, tables

# Received on 5 March 2026: the legal last day is 7 April (6 April is Easter Monday); five working days before it is 30 March.
RINGS, LAST, MISSED = (datetime(2026, *day, 9, 0, tzinfo=UTC) for day in ((3, 30), (4, 7), (4, 8)))


def _alarms(tx: Tx) -> list[tuple[str, str, Any]]:
    """(chain, event, legal last day) of every alarm so far."""
    rows = tx.connection.execute(select(tables.audit).where(tables.audit.c.event.startswith("deadline.")).order_by(tables.audit.c.at))
    return [("desk" if row.chain == audit.DESK else "case", row.event, row.facts["legal_due"]) for row in rows]


async def _at(house: House, moment: datetime) -> tuple[list[str], dict[str, Any]]:
    """What is logged as a warning when the clock looks then, and the facts after it."""
    house.clock.moment = moment
    with capture_logs() as logs:
        for _ in range(3):
            await house.tick()
    return [str(line["event"]) for line in logs if line["log_level"] == "warning"], await health.facts(house.desk)


async def _standing(house: House) -> Standing:
    (line,) = await rule.queue(house.desk, "staff:x")
    return line.standing


async def test_a_held_mail_rings_once_when_it_is_near_and_once_when_it_is_over(house: House) -> None:
    mail_id = await house.write("My father died. Please delete his data.")
    assert (await house.state(mail_id))[0] is MailState.HELD
    said, facts = await _at(house, datetime(2026, 3, 29, 9, 0, tzinfo=UTC))
    assert (said, facts["due_soon"], facts["overdue"], await _standing(house)) == ([], 0, 0, Standing.IN_TIME)
    said, facts = await _at(house, RINGS)
    assert said == ["the legal date of something that waits for a person is near"]
    assert (facts["due_soon"], facts["overdue"], await _standing(house)) == (1, 0, Standing.SOON)
    said, facts = await _at(house, LAST)
    assert (said, facts["due_soon"], await _standing(house)) == ([], 1, Standing.SOON)
    said, facts = await _at(house, MISSED)
    assert said == ["the legal date of something that waits for a person is over"]
    assert (facts["due_soon"], facts["overdue"], await _standing(house)) == (0, 1, Standing.OVERDUE)
    assert await house.desk.store.run(_alarms) == [("desk", "deadline.near", "2026-04-07"), ("desk", "deadline.missed", "2026-04-07")]
    await rule.close(house.desk, "staff:x", mail_id)
    assert (await health.facts(house.desk))["overdue"] == 0


async def test_a_request_that_is_before_a_person_rings_in_the_chain_of_its_case(house: House) -> None:
    await house.customer(id=2, customer_number="C-2")  # a second person with Ann's address
    await house.write("What data do you have about me?")
    letter = await house.last("confirm")
    await confirm.click(house.desk, letter.link("c"), code="", choices=(Right.ACCESS,))
    await house.carry_out()
    assert await house.requests() == {"access": "in_review"}
    said, facts = await _at(house, RINGS)
    assert len(said) == 1
    assert (facts["due_soon"], await _standing(house)) == (1, Standing.SOON)
    assert await house.desk.store.run(_alarms) == [("case", "deadline.near", "2026-04-07")]


async def test_what_waits_for_its_own_writer_rings_for_nobody(house: House) -> None:
    await house.write("What data do you have about me?")
    said, facts = await _at(house, RINGS)
    assert (said, facts["due_soon"]) == ([], 0)


async def test_whatever_is_still_open_after_its_date_rings(house: House) -> None:
    await house.write("What data do you have about me?")
    letter = await house.last("confirm")
    await confirm.click(house.desk, letter.link("c"), code="", choices=(Right.ACCESS,))  # its change is never carried out
    said, facts = await _at(house, MISSED)
    assert (len(said), facts["overdue"]) == (1, 1)


async def test_the_company_says_how_many_working_days_before(house: House) -> None:
    house.desk = replace(house.desk, policy=replace(house.desk.policy, alarm_days=1))
    await house.write("My father died. Please delete his data.")
    assert (await _at(house, datetime(2026, 4, 2, 9, 0, tzinfo=UTC)))[0] == []  # a Thursday
    assert len((await _at(house, datetime(2026, 4, 3, 9, 0, tzinfo=UTC)))[0]) == 1


async def test_the_alarm_rings_again_for_another_date(house: House) -> None:
    await house.write("My father died. Please delete his data.")
    mail_id = (await rule.queue(house.desk, "staff:x"))[0].id
    await rule.approve(house.desk, "staff:x", mail_id, rights=(Right.RESTRICTION,))
    await _at(house, RINGS)
    first = len(await house.desk.store.run(_alarms))
    await house.desk.store.run(
        lambda tx: tx.connection.execute(tables.cases.update().values(legal_due=datetime(2026, 4, 20, tzinfo=UTC).date()))
    )
    await _at(house, datetime(2026, 4, 17, 9, 0, tzinfo=UTC))
    assert len(await house.desk.store.run(_alarms)) == first + 1
