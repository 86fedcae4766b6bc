"""Reminders, the end of an unconfirmed request, retention."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.desks import House
from worker.casework import confirm, rule, status
from worker.casework.pages import LinkState, Outcome
from worker.rules.model import Right


async def _days(house: House, days: int) -> None:
    for _ in range(days):
        house.clock.pass_(days=1)
        await house.tick()


async def test_reminders_come_on_day_3_7_and_21_and_the_end_before_the_legal_date(house: House) -> None:
    await house.write("What data do you have about me?")
    written: dict[int, list[str]] = {}
    for day in range(1, 40):
        before = len(await house.letters())
        await _days(house, 1)
        new = (await house.letters())[before:]
        if new:
            written[day] = [each.name for each in new]
    # Received on 5 March: legal last day Monday 6 April is Easter Monday, so 7 April; the last working day before is Friday 3 April.
    assert written == {3: ["confirm"], 7: ["confirm"], 21: ["confirm"], 30: ["expired"]}
    assert await house.requests() == {"access": "expired"}


async def test_staff_see_an_unconfirmed_request_on_day_14(house: House) -> None:
    await house.write("What data do you have about me?")
    await _days(house, 13)
    assert await rule.queue(house.desk, "staff:x") == ()
    await _days(house, 1)
    assert [line.reasons for line in await rule.queue(house.desk, "staff:x")] == [("unconfirmed",)]


async def test_a_reminders_link_works_and_revokes_the_older_one(house: House) -> None:
    await house.write("What data do you have about me?")
    old = (await house.last("confirm")).link("c")
    await _days(house, 3)
    new = (await house.last("confirm")).link("c")
    assert (await confirm.view(house.desk, old)).state is LinkState.REVOKED
    assert (await confirm.click(house.desk, new, code="", choices=(Right.ACCESS,))).outcome is Outcome.DONE


async def test_an_expired_request_is_asked_again_through_its_link(house: House) -> None:
    await house.write("What data do you have about me?")
    await _days(house, 35)
    expired = await house.last("expired")
    assert (await status.resend(house.desk, expired.link("r"))).outcome is Outcome.DONE
    fresh = await house.last("confirm")
    assert (await confirm.click(house.desk, fresh.link("c"), code="", choices=(Right.ACCESS,))).outcome is Outcome.DONE


async def test_a_missed_week_sends_one_reminder_not_three(house: House) -> None:
    await house.write("What data do you have about me?")
    house.clock.moment = datetime(2026, 3, 27, 9, 0, tzinfo=UTC)
    await house.tick()
    await house.tick()
    assert [each.name for each in await house.letters()] == ["confirm", "confirm"]


async def test_a_request_file_is_unreadable_after_its_retention(house: House) -> None:
    await house.write("stop")
    assert len(await house.letters()) == 1
    house.clock.pass_(days=3 * 365 + 1)
    await house.tick()
    assert await house.letters() == []
