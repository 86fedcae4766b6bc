from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from pathlib import Path

import pytest

from tests.newsletter.world import START, World, a_world
from worker.rules.ports import Transaction
from worker.schedule import Daily, Schedule, ScheduleSettings

pytest_plugins = ["tests.newsletter.fixtures"]
FAST = timedelta(milliseconds=50)
OFTEN = ScheduleSettings(sweep_every=FAST, tick_every=FAST, campaigns_every=FAST, daily_every=FAST)


@dataclass
class Written:
    """An engine that writes down what would be woken, once it is committed."""

    calls: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    happened: asyncio.Event = field(default_factory=asyncio.Event)

    def enqueue(self, tx: Transaction, task: str, key: str, ids: Sequence[str], due: datetime | None = None, priority: int = 0) -> None:
        tx.after_commit(lambda: self._write(task, tuple(ids)))

    def _write(self, task: str, ids: tuple[str, ...]) -> None:
        self.calls.append((task, ids))
        self.happened.set()

    def count(self) -> Counter[str]:
        return Counter(task for task, _ in self.calls)

    async def until(self, task: str, ids: tuple[str, ...] | None = None, *, times: int = 1) -> None:
        async with asyncio.timeout(10):
            while sum(name == task and ids in {None, found} for name, found in self.calls) < times:
                self.happened.clear()
                await self.happened.wait()


@asynccontextmanager
async def running(*schedules: Schedule) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(each.run()) for each in schedules]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@pytest.fixture
def engine() -> Written:
    return Written()


@pytest.fixture
def ticking(tmp_path: Path, engine: Written) -> Iterator[World]:
    with a_world(f"sqlite:///{tmp_path}/desk.sqlite3", tmp_path, engine=engine) as world:
        world.topic()
        yield world


async def test_the_sweeps_and_the_legal_clock_are_woken_at_once_and_again(ticking: World, engine: Written) -> None:
    async with running(Schedule(ticking.desk, OFTEN)):
        await engine.until("sweep", times=3)
        await engine.until("tick", times=3)


async def test_a_newsletter_is_woken_when_the_desks_clock_says_so(ticking: World, engine: Written) -> None:
    campaign_id = ticking.plan(START + timedelta(days=1))
    async with running(Schedule(ticking.desk, OFTEN)):
        await asyncio.sleep(0.2)
        assert engine.count()["campaign"] == 0

        ticking.clock.on(days=1)
        await engine.until("campaign", (campaign_id,))


async def test_a_daily_task_is_woken_once_a_day_however_many_processes_look(ticking: World, engine: Written) -> None:
    settings = ScheduleSettings(
        sweep_every=FAST, tick_every=FAST, campaigns_every=FAST, daily_every=FAST, daily=(Daily("digest", time(9, 0)),)
    )
    async with running(*(Schedule(ticking.desk, settings) for _ in range(3))):
        await asyncio.sleep(0.2)
        assert engine.count()["digest"] == 0, "it is eight o'clock in Brussels"

        ticking.clock.on(hours=1)
        await engine.until("digest")
        await asyncio.sleep(0.3)
        assert engine.count()["digest"] == 1

        ticking.clock.on(days=3)
        await asyncio.sleep(0.4)
        assert engine.count()["digest"] == 2, "days without a tick are not made up for"


async def test_a_store_that_fails_once_is_asked_again(ticking: World, engine: Written, tmp_path: Path) -> None:
    with ticking.store.transaction() as tx:
        tx.connection.exec_driver_sql("ALTER TABLE campaign RENAME TO hidden")
    async with running(Schedule(ticking.desk, OFTEN)):
        await engine.until("sweep")
        await asyncio.sleep(0.2)
        with ticking.store.transaction() as tx:
            tx.connection.exec_driver_sql("ALTER TABLE hidden RENAME TO campaign")
        campaign_id = ticking.plan()
        await engine.until("campaign", (campaign_id,))


async def test_it_ends_when_it_is_cancelled_and_ticks_no_more(ticking: World, engine: Written) -> None:
    async with running(Schedule(ticking.desk, OFTEN)):
        await engine.until("sweep")
    await asyncio.sleep(0.1)
    before = len(engine.calls)
    await asyncio.sleep(0.3)

    assert len(engine.calls) == before
