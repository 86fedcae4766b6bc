"""An orderly stop in the middle of a newsletter: nobody has it twice, and nobody waits for a time-out."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import closing
from pathlib import Path
from sqlite3 import connect

import pytest
from sqlalchemy import select

from tests.newsletter.world import Senders, World, a_world
from tests.servers.smtp import Answer, ScriptedSmtp
from worker.engine import stopping
from worker.store import Tx
from worker.store.tables import delivery

pytest_plugins = ["tests.newsletter.fixtures"]
READERS = [f"r{number}@readers.example.com" for number in range(8)]


@pytest.fixture
def campaign_id(world: World, scripted_smtp: ScriptedSmtp) -> str:
    """A newsletter that is due, and a server that takes its time."""
    for mailbox in READERS:
        world.reader(mailbox)
    scripted_smtp.on("@readers", Answer.SLOW)
    scripted_smtp.slow_seconds = 0.3
    return world.plan()


async def stopped(going: asyncio.Task[None]) -> float:
    """Ask it to stop; how many seconds that took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    going.cancel()
    await asyncio.gather(going, return_exceptions=True)
    return loop.time() - began


def claimed(tx: Tx) -> int:
    return len(tx.connection.execute(select(delivery.c.person).where(delivery.c.state == "claimed")).all())


async def test_the_next_process_goes_on_at_once_and_doubles_nobody(
    world: World, scripted_smtp: ScriptedSmtp, a_sender: Senders, campaign_id: str
) -> None:
    going = asyncio.create_task(a_sender(world).campaign())
    await scripted_smtp.arrived(2)
    await stopped(going)
    scripted_smtp.slow_seconds = 0.0
    await a_sender(world).campaign()

    assert Counter(each.recipients[0] for each in scripted_smtp.accepted) == Counter(READERS)
    assert world.counts(campaign_id) == {"sent": 8}


@pytest.mark.parametrize("after", [0.0, 0.002, 0.006, 0.015, 0.05])
async def test_a_stop_at_any_moment_leaves_no_reader_claimed(
    world: World, scripted_smtp: ScriptedSmtp, a_sender: Senders, campaign_id: str, after: float
) -> None:
    going = asyncio.create_task(a_sender(world).campaign())
    await asyncio.sleep(after)
    await stopped(going)

    assert world.ask(claimed) == 0
    assert world.counts(campaign_id).get("sent", 0) == len(scripted_smtp.accepted)


async def test_a_server_that_does_not_answer_holds_a_stop_up_for_a_moment_only(
    world: World, scripted_smtp: ScriptedSmtp, a_sender: Senders, campaign_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping, "MOMENT", 0.2)
    scripted_smtp.slow_seconds = 3.0
    going = asyncio.create_task(a_sender(world).campaign())
    while not scripted_smtp.sessions:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)

    assert await stopped(going) < 1.5
    assert world.counts(campaign_id) == {"planned": 8}
    scripted_smtp.slow_seconds = 0.0
    world.clock.on(minutes=1)
    await a_sender(world).campaign()
    assert world.counts(campaign_id) == {"sent": 8}


async def test_a_store_that_does_not_answer_is_asked_until_the_result_is_written_down(
    tmp_path: Path, scripted_smtp: ScriptedSmtp, a_sender: Senders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.store.store._BUSY", 20)
    monkeypatch.setattr(stopping, "PAUSE", 0.05)
    scripted_smtp.on("@readers", Answer.SLOW)
    with a_world(f"sqlite:///{tmp_path}/desk.sqlite3", tmp_path) as world:
        world.topic()
        for mailbox in READERS[:2]:
            world.reader(mailbox)
        campaign_id = world.plan()
        going = asyncio.create_task(a_sender(world).campaign())
        while not scripted_smtp.sessions:
            await asyncio.sleep(0.01)
        with closing(connect(tmp_path / "desk.sqlite3", isolation_level=None)) as somebody_else:
            somebody_else.execute("BEGIN IMMEDIATE")
            await scripted_smtp.arrived(1)
            await asyncio.sleep(0.3)
            somebody_else.execute("ROLLBACK")
        await going
        assert world.counts(campaign_id) == {"sent": 2}
        assert len(scripted_smtp.accepted) == 2
