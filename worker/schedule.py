"""The clock that wakes the others. It only enqueues names of tasks; what is due is computed from stored times.

APScheduler ticks in real time and keeps nothing; whether something is due is asked of the desk's clock, which the demo can
move. Losing a tick delays work until the next one.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from worker.errors import TemporaryError
from worker.store import campaigns, fires

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.casework.desk import Desk
    from worker.store import Tx

log = structlog.get_logger(__name__)

#: One run for several missed ticks, never two at a time, and a late tick is better than none.
_DEFAULTS: Final = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}


@dataclass(frozen=True, slots=True)
class Daily:
    """A task that is enqueued once a day, at or after ``at`` on the clocks of the company's time zone."""

    task: str
    at: time


@dataclass(frozen=True, slots=True)
class ScheduleSettings:
    """How often the clock looks. The names are those of the tasks in the composition root."""

    sweep_task: str = "sweep"  # wakes mails, letters and changes that wait
    tick_task: str = "tick"  # the legal clock: reminders, expiring confirmations, due dates, retention
    campaign_task: str = "campaign"
    sweep_every: timedelta = timedelta(seconds=5)
    tick_every: timedelta = timedelta(minutes=1)
    campaigns_every: timedelta = timedelta(seconds=1)
    daily_every: timedelta = timedelta(seconds=30)
    daily: tuple[Daily, ...] = field(default=())


class Schedule:
    """Enqueues what is due until it is cancelled."""

    def __init__(self, desk: Desk, settings: ScheduleSettings | None = None) -> None:
        self._desk = desk
        self._settings = settings or ScheduleSettings()
        self._lost: set[str] = set()  # jobs whose last tick was lost

    async def run(self) -> None:
        """Tick until cancelled. A store that does not answer is asked again at the next tick."""
        scheduler = AsyncIOScheduler(timezone=ZoneInfo(self._desk.timezone), job_defaults=_DEFAULTS)
        for name, every, work in self._jobs():
            trigger = IntervalTrigger(seconds=every.total_seconds(), timezone=UTC)
            scheduler.add_job(self._fire, trigger, args=(name, work), id=name, next_run_time=datetime.now(UTC))
        scheduler.start()
        try:
            await asyncio.Event().wait()
        finally:
            scheduler.shutdown(wait=False)
            await asyncio.sleep(0)  # the shutdown is a callback of this loop

    def _jobs(self) -> tuple[tuple[str, timedelta, Callable[[Tx], None]], ...]:
        settings = self._settings
        return (
            ("sweep", settings.sweep_every, self._sweep),
            ("tick", settings.tick_every, self._tick),
            ("campaigns", settings.campaigns_every, self._campaigns),
            ("daily", settings.daily_every, self._daily),
        )

    async def _fire(self, name: str, work: Callable[[Tx], None]) -> None:
        try:
            await self._desk.store.run(work)
        except TemporaryError as error:
            if name not in self._lost:  # the next ones as long as that lasts are lost in silence
                log.warning("ticks are lost", schedule=name, problem=str(error))
            self._lost.add(name)
        else:
            self._lost.discard(name)

    def _sweep(self, tx: Tx) -> None:
        self._desk.engine.enqueue(tx, self._settings.sweep_task, self._settings.sweep_task, ())

    def _tick(self, tx: Tx) -> None:
        self._desk.engine.enqueue(tx, self._settings.tick_task, self._settings.tick_task, ())

    def _campaigns(self, tx: Tx) -> None:
        for campaign_id in campaigns.due(tx):
            self._desk.engine.enqueue(tx, self._settings.campaign_task, campaign_id, [campaign_id])

    def _daily(self, tx: Tx) -> None:
        """Each task once per local day; of several processes the first one to write the day down."""
        here = tx.now.astimezone(ZoneInfo(self._desk.timezone))
        for each in self._settings.daily:
            if here.time() >= each.at and fires.take(tx, each.task, here.date().isoformat()):
                self._desk.engine.enqueue(tx, each.task, each.task, ())
