"""An orderly stop in the middle of a lot of letters: nothing leaves twice, and nothing waits for a time-out."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.desks import House, a_house
from tests.servers.smtp import Answer, ScriptedSmtp
from worker.engine import stopping
from worker.mail.smtp import Relay
from worker.mail.smtp_settings import SmtpSettings
from worker.outbox import Outbox
from worker.store import Tx, tables

ASKING = "What data do you have about me?"
CUSTOMERS = [f"customer{number}@example.com" for number in range(10)]


@pytest.fixture
async def house(database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    """A desk with ten letters to send."""
    async with a_house(database_url, tmp_path) as found:
        for customer in CUSTOMERS:
            await found.write(ASKING, sender=customer)
        yield found


@pytest.fixture
async def relay(scripted_smtp: ScriptedSmtp) -> AsyncIterator[Relay]:
    """Two connections to a server that takes its time."""
    scripted_smtp.on("@example", Answer.SLOW)
    scripted_smtp.slow_seconds = 0.3
    opened = Relay(SmtpSettings("127.0.0.1", scripted_smtp.port, tls="none", connections=2))
    yield opened
    await opened.close()


def rows(tx: Tx) -> Counter[tuple[str, int]]:
    """How many letters are in each state, with so many attempts."""
    found = tx.connection.execute(select(tables.letter.c.state, tables.letter.c.attempt))
    return Counter((row.state, row.attempt) for row in found)


async def stopped(outbox: Outbox, smtp: ScriptedSmtp, accepted: int) -> None:
    """Let the outbox go until so many letters have arrived, and stop it."""
    going = asyncio.create_task(outbox.run([]))
    await smtp.arrived(accepted)
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going


async def test_a_stop_writes_down_what_left_and_the_next_process_sends_only_the_rest(
    house: House, relay: Relay, scripted_smtp: ScriptedSmtp
) -> None:
    await stopped(Outbox(house.desk, relay), scripted_smtp, 3)

    had = len(scripted_smtp.accepted)
    assert 3 <= had <= 6, "those that had left, and the two that were on their way"
    assert await house.desk.store.run(rows) == {("sent", 1): had, ("waiting", 0): 10 - had}

    await Outbox(house.desk, relay).run([])
    assert Counter(each.recipients[0] for each in scripted_smtp.accepted) == Counter(CUSTOMERS)
    assert await house.desk.store.run(rows) == {("sent", 1): 10}


@pytest.mark.parametrize("after", [0.0, 0.001, 0.005, 0.02])
async def test_a_stop_at_any_moment_leaves_no_letter_claimed(house: House, relay: Relay, scripted_smtp: ScriptedSmtp, after: float) -> None:
    going = asyncio.create_task(Outbox(house.desk, relay).run([]))
    await asyncio.sleep(after)
    going.cancel()
    await asyncio.gather(going, return_exceptions=True)

    sent = len(scripted_smtp.accepted)
    assert await house.desk.store.run(rows) == Counter({("sent", 1): sent, ("waiting", 0): 10 - sent}) + Counter()


async def test_a_server_that_does_not_answer_holds_a_stop_up_for_a_moment_only(
    house: House, relay: Relay, scripted_smtp: ScriptedSmtp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping, "MOMENT", 0.2)
    scripted_smtp.slow_seconds = 3.0
    going = asyncio.create_task(Outbox(house.desk, relay).run([]))
    while scripted_smtp.sessions < 2:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    began = asyncio.get_running_loop().time()
    going.cancel()
    await asyncio.gather(going, return_exceptions=True)

    assert asyncio.get_running_loop().time() - began < 1.5
    assert await house.desk.store.run(rows) == {("waiting", 1): 2, ("waiting", 0): 8}
    scripted_smtp.slow_seconds = 0.0
    house.clock.pass_(minutes=1)
    await Outbox(house.desk, relay).run([])
    assert (await house.desk.store.run(rows)).total() == 10
    assert {state for state, _ in await house.desk.store.run(rows)} == {"sent"}


async def test_a_store_that_does_not_answer_is_asked_until_what_left_is_written_down(
    tmp_path: Path, relay: Relay, scripted_smtp: ScriptedSmtp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.store.store._BUSY", 20)
    monkeypatch.setattr(stopping, "PAUSE", 0.05)
    async with a_house(f"sqlite:///{tmp_path}/desk.sqlite3", tmp_path) as house:
        await house.write(ASKING)
        going = asyncio.create_task(Outbox(house.desk, relay).run([]))
        while not scripted_smtp.sessions:
            await asyncio.sleep(0.01)
        with somebody_else_writing(tmp_path / "desk.sqlite3"):
            await scripted_smtp.arrived(1)
            await asyncio.sleep(0.3)
            assert not going.done()
        await going
        assert await house.desk.store.run(rows) == {("sent", 1): 1}


@contextmanager
def somebody_else_writing(path: Path) -> Iterator[None]:
    """Another process that holds the database for longer than we wait."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")
