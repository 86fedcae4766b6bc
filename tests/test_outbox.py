"""What becomes of a letter: sent once, tried again, or given up; and how many leave together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.desks import House, a_house
from tests.servers.smtp import Answer, ScriptedSmtp
from worker.mail.smtp import Relay
from worker.mail.smtp_settings import SmtpSettings
from worker.outbox import Outbox, without_addresses
from worker.rules.audit import Event
from worker.rules.policy import Policy
from worker.store import Tx, audit, tables

ASKING = "What data do you have about me?"


@pytest.fixture
async def house(database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    """A desk that writes at most five letters an hour."""
    async with a_house(database_url, tmp_path, policy=Policy(letters_per_hour=5)) as found:
        yield found


@pytest.fixture
async def outbox(house: House, scripted_smtp: ScriptedSmtp) -> AsyncIterator[Outbox]:
    """Its outbox, at a server that does as it is told."""
    relay = Relay(SmtpSettings("127.0.0.1", scripted_smtp.port, tls="none"))
    yield Outbox(house.desk, relay)
    await relay.close()


def rows(tx: Tx) -> list[tuple[str, int]]:
    """State and attempts of every letter."""
    found = tx.connection.execute(select(tables.letter.c.state, tables.letter.c.attempt).order_by(tables.letter.c.id))
    return [(row.state, row.attempt) for row in found]


async def test_a_letter_leaves_once(house: House, outbox: Outbox, scripted_smtp: ScriptedSmtp) -> None:
    await house.write(ASKING)
    await outbox.run([])
    await outbox.run([])
    assert [each.recipients for each in scripted_smtp.accepted] == [("ann@example.com",)]
    assert await house.desk.store.run(rows) == [("sent", 1)]


async def test_what_became_of_a_letter_stands_in_the_audit_log_of_its_case(house: House, outbox: Outbox) -> None:
    await house.write(ASKING)
    await outbox.run([])

    def events(tx: Tx) -> list[Event]:
        case_id = tx.connection.execute(select(tables.cases.c.id)).scalar_one()
        return [each.event for each in audit.entries(tx, case_id)]

    assert (await house.desk.store.run(events))[-1] is Event.LETTER_SENT


async def test_a_letter_that_the_server_puts_off_is_tried_again_later(house: House, outbox: Outbox, scripted_smtp: ScriptedSmtp) -> None:
    scripted_smtp.on("ann@", Answer.LATER)
    await house.write(ASKING)
    await outbox.run([])
    await outbox.run([])
    assert await house.desk.store.run(rows) == [("waiting", 1)]
    scripted_smtp.on("ann@", Answer.ACCEPT)
    house.clock.pass_(minutes=2)
    await outbox.run([])
    assert await house.desk.store.run(rows) == [("sent", 2)]


async def test_a_letter_that_the_server_refuses_is_given_up_and_stops_no_other(
    house: House, outbox: Outbox, scripted_smtp: ScriptedSmtp
) -> None:
    scripted_smtp.on("never@", Answer.NEVER)
    await house.write(ASKING, sender="never@example.com")
    await house.write(ASKING, sender="bob@example.com")
    await outbox.run([])
    assert await house.desk.store.run(rows) == [("failed", 1), ("sent", 1)]
    assert [each.recipients for each in scripted_smtp.accepted] == [("bob@example.com",)]


@pytest.mark.parametrize(
    ("reply", "kept"),
    [
        ("550 5.1.1 <ann@example.com>: Recipient address rejected: User unknown", "550 5.1.1 Recipient address rejected: User unknown"),
        ("550 Ann... User unknown", "550 User unknown"),
        ("554 mailbox (ann) is annulled", "554 mailbox is annulled"),
    ],
)
def test_of_a_servers_reply_everything_is_kept_but_whom_it_names(reply: str, kept: str) -> None:
    assert without_addresses(reply, "Ann@example.com") == kept


async def test_a_desk_that_writes_too_much_is_stopped_for_an_hour(house: House, outbox: Outbox, scripted_smtp: ScriptedSmtp) -> None:
    for number in range(6):
        await house.write(ASKING, sender=f"customer{number}@example.com")
    await outbox.run([])
    assert scripted_smtp.accepted == []
    house.clock.moment += timedelta(hours=1, seconds=1)
    await outbox.run([])
    assert len(scripted_smtp.accepted) == 6


async def test_a_letter_written_right_after_another_waits_for_those_behind_it(
    house: House, outbox: Outbox, scripted_smtp: ScriptedSmtp
) -> None:
    await house.write(ASKING, sender="first@example.com")
    await outbox.run([])
    began = asyncio.get_running_loop().time()
    await house.write(ASKING, sender="second@example.com")
    await outbox.run([])
    assert asyncio.get_running_loop().time() - began >= 0.05
    assert len(scripted_smtp.accepted) == 2
