"""A desk outside Belgium: with holidays of its own, or with none that we know."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from tests.desks import CARD, a_house
from worker.casework import confirm, rule
from worker.casework.pages import Outcome
from worker.rules.model import MailState, Right

#: Country to the legal last day of what came on 5 March 2026: 6 April is the Monday after Easter.
LAST_DAY = {"NL": date(2026, 4, 7), "FR": date(2026, 4, 7), "PT": date(2026, 4, 6)}


@pytest.mark.parametrize("country", LAST_DAY)
async def test_a_request_goes_to_its_end_and_the_queue_has_its_dates(country: str, tmp_path: Path) -> None:
    async with a_house(f"sqlite:///{tmp_path}/desk.sqlite3", tmp_path, card=replace(CARD, country=country)) as house:
        await house.customer()
        mail_id = await house.write("What data do you have about me?")
        assert (await house.state(mail_id))[0] is MailState.CASE
        letter = await house.last("confirm")
        assert (await confirm.click(house.desk, letter.link("c"), code="", choices=(Right.ACCESS,))).outcome is Outcome.DONE
        await house.carry_out()
        assert await house.requests() == {"access": "fulfilled"}
        await house.write("My father died. Please delete his data.", sender="bob@example.com")
        await house.tick()
        (line,) = await rule.queue(house.desk, "staff:x")
        assert line.legal_due == LAST_DAY[country]
