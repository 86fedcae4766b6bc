"""The measurements of mails, each with servers of its own."""

from __future__ import annotations

import asyncio
import imaplib
import os
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.bench.around import PATIENCE, DeskProcess, Sink, Tap, a_desk
from tests.bench.letters_in import written as mails_written
from tests.journeys.running import written
from tests.servers.dovecot import Dovecot, run_dovecot
from tests.servers.postfix import run_smtp_sink
from tests.servers.postgres import run_postgres

USER = "desk"
# The desk's own brake would stop it: no company answers thousands of requests in an hour.
WITHOUT_BRAKE = "[policy]\nletters_per_hour = 10_000_000\n"


@dataclass(frozen=True, slots=True)
class Bench:
    """A desk between a Dovecot and an smtp-sink."""

    desk: DeskProcess
    box: Dovecot
    sink: Sink
    tap: Tap | None
    config: Path


async def _nothing(_config: Path) -> None:
    """Nothing."""


@asynccontextmanager
async def a_bench(store: str, *, tapped: bool = False, before: Callable[[Path], Awaitable[None]] = _nothing) -> AsyncIterator[Bench]:
    """Start everything; the box is empty and the desk has looked into it, through a tap if wanted.

    ``before`` is called with the config file when the desk has not started yet.
    """
    async with AsyncExitStack() as stack:
        box, server = stack.enter_context(run_dovecot()), stack.enter_context(run_smtp_sink())
        url = stack.enter_context(stack.enter_context(run_postgres()).database()) if store == "postgresql" else ""
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="pd-bench-")))
        box.deliver(USER, next(mails_written(1, seed=0)))  # from before the first connection: nobody answers it
        config = written(folder, dovecot=box, user=USER, smtp_port=server.port, store_url=url, more=WITHOUT_BRAKE)
        tap = await stack.enter_async_context(Tap.between(box)) if tapped else None
        if tap is not None:
            config.write_text(config.read_text().replace(f"port = {box.port}\n", f"port = {tap.port}\n"))
        await before(config)
        desk = await stack.enter_async_context(a_desk(config))
        yield Bench(desk, box, Sink(server), tap, config)


def fill(box: Dovecot, mails: Iterable[bytes]) -> None:
    """Put mails into INBOX."""
    for raw in mails:
        box.deliver(USER, raw)


# Throughput ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fetching:
    """How many mails the standard library fetched, in how many seconds, with how many of CPU."""

    count: int
    wall: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Throughput:
    """Seconds of the whole, of CPU, of CPU by stage; transactions; and imaplib fetching the same mails."""

    count: int
    wall: float
    cpu: float
    stages: dict[str, float]
    transactions: dict[str, int]
    imaplib: Fetching
    kept: Any


async def throughput(count: int, seed: int, store: str) -> Throughput:
    """``count`` mails that lie in INBOX to as many letters accepted by the sink."""
    async with a_bench(store) as bench:
        await _warm(bench, seed + 1)
        accepted, before = bench.sink.accepted(), await bench.desk.ask("figures")
        bench.desk.pause()
        fill(bench.box, mails_written(count, seed))
        await asyncio.sleep(2)  # the server announces them
        began = time.monotonic()
        bench.desk.go_on()
        ended = await bench.sink.reached(accepted + count, every=0.02)
        await _let_go(bench)
        after = await bench.desk.ask("figures")
        fetching = await asyncio.to_thread(_imaplib, bench.box)
        return Throughput(
            count, ended - began, after["cpu"] - before["cpu"], _by_stage(before, after), _transactions(before, after), fetching,
            await bench.desk.ask("kept"),
        )  # fmt: skip


async def _warm(bench: Bench, seed: int, count: int = 100) -> None:
    """What is loaded and compiled at first use is not the cost of a mail."""
    accepted = bench.sink.accepted()
    fill(bench.box, mails_written(count, seed))
    await bench.sink.reached(accepted + count, every=0.05)
    await _let_go(bench)


async def _let_go(bench: Bench) -> None:
    """Wait until the desk has moved its mails and written its last rows."""
    while bench.box.count(USER) > 1:
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)


def _by_stage(before: Any, after: Any) -> dict[str, float]:
    stages = {name: seconds - before["seconds"].get(name, 0.0) for name, seconds in after["seconds"].items()}
    return stages | {"everything else": after["cpu"] - before["cpu"] - sum(stages.values())}


def _transactions(before: Any, after: Any) -> dict[str, int]:
    return {name: calls - before["calls"].get(name, 0) for name, calls in after["calls"].items() if name.startswith("store:")}


def _imaplib(box: Dovecot) -> Fetching:
    """imaplib fetches what the desk fetched, 100 mails at a time."""
    with imaplib.IMAP4("127.0.0.1", box.port) as client:
        client.login(USER, box.password)
        client.select("Processed", readonly=True)
        wall, cpu = time.monotonic(), time.thread_time()
        uids = client.uid("SEARCH", "ALL")[1][0].split()
        for start in range(0, len(uids), 100):
            client.uid("FETCH", b",".join(uids[start : start + 100]).decode(), "(UID INTERNALDATE BODY.PEEK[])")
        return Fetching(len(uids), time.monotonic() - wall, time.thread_time() - cpu)


# Latency ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds from the server's EXISTS line to the accepted letter, one value a mail, ascending."""

    seconds: list[float]

    def at(self, share: float) -> float:
        """The value below which ``share`` of all lie."""
        return self.seconds[min(len(self.seconds) - 1, int(share * len(self.seconds)))]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


async def latency(count: int, seed: int, store: str) -> Latency:
    """Single mails, one after the other is answered."""
    async with a_bench(store, tapped=True) as bench:
        assert bench.tap is not None
        await _warm(bench, seed + 1)
        found = []
        for raw in mails_written(count, seed):
            accepted, rang = bench.sink.accepted(), bench.tap.listen()
            bench.box.deliver(USER, raw)
            began = await asyncio.wait_for(rang, PATIENCE)
            found.append(await bench.sink.reached(accepted + 1, every=0.001) - began)
            await _let_go(bench)
        return Latency(sorted(found))


# Memory -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Memory:
    """MB resident: before the first mail, after a few, and at most while ``count`` mails were fetched."""

    idle: float
    warm: float
    peak: float


async def memory(count: int, seed: int, store: str) -> Memory:
    """``count`` mails in INBOX, fetched and stored."""
    async with a_bench(store) as bench:
        idle = bench.desk.memory()
        await _warm(bench, seed + 1)
        warm = bench.desk.memory()
        bench.desk.pause()
        fill(bench.box, mails_written(count, seed))
        await asyncio.sleep(2)
        bench.desk.forget_peak()
        bench.desk.go_on()
        await _let_go(bench)
        return Memory(idle, warm, bench.desk.memory("VmHWM"))


def load_average() -> str:
    """The machine's load over 1, 5 and 15 minutes."""
    return " ".join(f"{each:.2f}" for each in os.getloadavg())
