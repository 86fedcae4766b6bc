"""One process works at a time on a shared database, whatever happens to the database meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.servers.postgres import Postgres, run_postgres
from worker.app import SystemClock
from worker.assembly import alone, lease_of
from worker.engine.lease import Lease
from worker.errors import LockHeld
from worker.store import Ledger, Store, Vault

TERM = timedelta(seconds=2)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with run_postgres() as found:
        yield found


@pytest.fixture
async def store(server: Postgres, tmp_path: Path) -> AsyncIterator[Store]:
    with server.database() as url:
        found = Store(url, Vault(b"m" * 32, b"i" * 32), Ledger(tmp_path / "ledger.jsonl"), SystemClock())
        found.migrate()
        yield found
        found.close()


class Work:
    """Counts its turns, and whether two had one at the same moment."""

    now = 0
    most = 0

    def __init__(self) -> None:
        self.turns = 0

    async def __call__(self) -> None:
        self.turns += 1
        Work.now += 1
        Work.most = max(Work.most, Work.now)
        try:
            await asyncio.Event().wait()
        finally:
            Work.now -= 1


def a_lease(store: Store) -> Lease:
    return replace(lease_of(store), term=TERM, renew=0.3)


@asynccontextmanager
async def working(lease: Lease, work: Work) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(lease.work(work))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(holds: Callable[[], bool], within: float = 15.0) -> None:
    async with asyncio.timeout(within):
        while not holds():
            await asyncio.sleep(0.02)


async def test_the_second_waits_longer_than_a_term_and_begins_when_the_first_ends(store: Store) -> None:
    first, second = Work(), Work()
    async with working(a_lease(store), first):
        await until(lambda: first.turns == 1)
        async with working(a_lease(store), second):
            await asyncio.sleep(2.5)
            assert second.turns == 0
        async with working(a_lease(store), second) as waiting:
            pass
        assert waiting.cancelled()
    async with working(a_lease(store), second):
        await until(lambda: second.turns == 1)
    assert Work.most == 1


async def test_an_outage_longer_than_the_term_stops_the_work_in_time_and_it_begins_again(store: Store, server: Postgres) -> None:
    work = Work()
    async with working(a_lease(store), work) as task:
        await until(lambda: work.turns == 1)
        server.stop()
        await until(lambda: Work.now == 0, within=TERM.total_seconds())
        await asyncio.sleep(0.5)
        server.start()
        await until(lambda: work.turns == 2)
        assert not task.done()


async def test_an_outage_shorter_than_the_term_is_not_noticed_by_the_work(store: Store, server: Postgres) -> None:
    work = Work()
    async with working(replace(lease_of(store), term=timedelta(seconds=20), renew=0.2), work):
        await until(lambda: work.turns == 1)
        server.stop()
        await asyncio.sleep(1)
        server.start()
        await asyncio.sleep(1)
        assert (work.turns, Work.now) == (1, 1)


async def test_a_defect_of_the_work_ends_it_and_gives_the_lease_back(store: Store) -> None:
    async def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await a_lease(store).work(broken)
    work = Work()
    async with working(a_lease(store), work):
        await until(lambda: work.turns == 1, within=1)


async def test_a_migration_waits_for_no_desk_at_work(store: Store) -> None:
    work = Work()
    async with working(a_lease(store), work):
        await until(lambda: work.turns == 1)
        with pytest.raises(LockHeld, match="process"):
            async with alone(None, store):  # type: ignore[arg-type]
                pass
    async with alone(None, store):  # type: ignore[arg-type]
        pass
