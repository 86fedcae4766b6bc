"""What a newsletter to many readers costs in memory: a desk with its readers on record, and how much it grows while it sends."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.bench.runs import a_bench
from worker.app import opened, prepare
from worker.rules.mail import Address
from worker.rules.model import DeliveryState, Language
from worker.settings import load
from worker.store import campaigns, newsletters
from worker.store.campaigns import Text

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.around import DeskProcess
    from worker.casework.desk import Desk
    from worker.store import Tx

_LOT: Final = 1000  # readers written in one transaction
_WARM: Final = 500  # readers of the newsletter that goes before
#: Longer than most: 20 kB of text and as much of HTML.
_BODY: Final = "\n\n".join(f"## Part {number}\n\n" + "The shop is open, and there is news of it. " * 20 for number in range(24))
_TEXTS: Final = {language: Text(f"News {language}", f"# News\n\n{_BODY}\n") for language in Language}


@dataclass(frozen=True, slots=True)
class Sending:
    """MB resident: after a small newsletter, and at most while one went to ``readers``; and how long that took."""

    readers: int
    warm: float
    peak: float
    seconds: float


async def sending(count: int, store: str) -> Sending:
    """One newsletter to ``count`` readers, from its planning to its end."""
    async with a_bench(store, before=lambda config: _on_record(config, count)) as bench, opened(load(bench.config, {})) as tools:
        await _sent(tools, "warm", bench.desk)
        await asyncio.sleep(1)
        warm = bench.desk.memory()
        bench.desk.forget_peak()
        began = time.monotonic()
        await _sent(tools, "news", bench.desk)
        return Sending(count, warm, bench.desk.memory("VmHWM"), time.monotonic() - began)


async def _on_record(config: Path, count: int) -> None:
    """Everybody is there before the desk starts: what it reads of them is what it sends."""
    settings = load(config, {})
    settings.data.folder.mkdir(parents=True, exist_ok=True)
    await prepare(settings)
    async with opened(settings) as tools:
        for topic, readers in (("warm", _WARM), ("news", count)):
            await tools.store.run(newsletters.add_topic, topic, dict.fromkeys(Language, topic))
            for start in range(0, readers, _LOT):
                await tools.store.run(_add, topic, range(start, min(readers, start + _LOT)))


def _add(tx: Tx, topic: str, numbers: range) -> None:
    for number in numbers:
        address = Address(f"{topic}{number}@readers.example.com", f"Reader {number}")
        person = newsletters.add_reader(tx, address, list(Language)[number % len(Language)])
        newsletters.enrol(tx, person, topic, "bench")


async def _sent(tools: Desk, topic: str, desk: DeskProcess) -> None:
    """Plan a newsletter for now and wait for its end. RuntimeError if somebody did not get it."""
    campaign_id = await tools.store.run(_planned, topic)
    while not await tools.store.run(_ended, campaign_id):
        desk.memory()  # raises when the desk has died
        await asyncio.sleep(1)
    counts = await tools.store.run(campaigns.counts, campaign_id)
    if counts[DeliveryState.SENT] != sum(counts.values()):
        raise RuntimeError(f"not everybody got it: {counts}")


def _ended(tx: Tx, campaign_id: str) -> bool:
    found = campaigns.load(tx, campaign_id)
    return found is not None and found.ended_at is not None


def _planned(tx: Tx, topic: str) -> str:
    return campaigns.plan(tx, topic, tx.now, _TEXTS, "bench")
