"""A desk that is killed at one step and started again, and what a customer does meanwhile."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import shutil
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import httpx

from tests.chaos.desk_process import STARTED, child, processes
from tests.desks import ANN, a_mail
from tests.journeys.running import Letter, letter_of, written
from tests.register.conftest import a_contract
from tests.servers import process
from tests.servers.dovecot import Dovecot
from tests.servers.smtp import ScriptedSmtp, run_smtp
from worker.app import opened, prepare
from worker.casework.desk import Desk
from worker.settings import Settings, load

WITHIN = 60.0  # seconds for everything that one trial waits for, restarts included
AHEAD = timedelta(minutes=15)  # by which the clock of a desk that was started again is ahead: claims of the dead one are over
ANN_WRITES = "ann@example.com"

#: The commits that write down which letters have left.
SENT = ("after commit _write", "after commit _Run._step", "after commit _Run._write", "after commit _Run._stop_here")

Step = tuple[str, int]  # a step's name, and the how-manieth time


@dataclass
class Trial:
    """One desk between its servers. ``kill`` is where it dies."""

    folder: Path
    settings: Settings
    dovecot: Dovecot
    user: str
    smtp: ScriptedSmtp
    client: httpx.AsyncClient
    kill: Step | None
    one_at_a_time: asyncio.Lock
    deaths: int = 0
    _desk: ForkServerProcess | None = None

    # The desk

    def start(self) -> None:
        """Start the desk: the first time with its death in it, later without and with its clock put forward."""
        step, number = (self.kill or ("", 0)) if not self.deaths else ("", 0)
        ahead = AHEAD if self.deaths else timedelta(0)
        self._desk = processes().Process(target=child, args=(self.folder / "worker.toml", ahead, step, number))
        self._desk.start()

    async def to_the_end(self) -> None:
        """Wait until nothing is left to do, and end the desk as an administrator does. It may die at its very last step."""
        while True:
            await self.until(self.done, "the end")
            await self.ready()  # one that has just been started again has no ear yet for SIGTERM
            assert self._desk is not None
            self._desk.terminate()
            async with asyncio.timeout(WITHIN):
                while self._desk.exitcode is None:
                    await asyncio.sleep(0.02)
            if self._desk.exitcode == 0:
                return

    def end(self) -> None:
        """Leave nothing running, whatever happened."""
        if self._desk is not None:
            self._desk.kill()
            self._desk.join()

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait until something holds; a desk that has killed itself is started again meanwhile."""
        end = time.monotonic() + WITHIN
        while not holds():
            self.alive()
            if time.monotonic() > end:
                raise TimeoutError(f"{what} did not happen (killed at {self.kill}, {self.deaths} deaths)\n{self.log[-3000:]}")
            await asyncio.sleep(0.05)

    def alive(self) -> None:
        """Start the desk again if it has killed itself."""
        assert self._desk is not None
        if self._desk.exitcode is not None:
            assert self._desk.exitcode == -signal.SIGKILL, f"{self._desk.exitcode}: {self.log}"
            self.deaths += 1
            self.start()

    @property
    def log(self) -> str:
        """What the desk has logged."""
        return (self.folder / "log").read_text()

    @property
    def steps_file(self) -> Path:
        """Where the desk writes its steps."""
        return self.folder / "steps"

    def steps(self) -> Counter[str]:
        """The steps that were reached."""
        return Counter(step for step in self.steps_file.read_text().splitlines() if step != STARTED)

    def in_flight(self) -> int:
        """How many letters of the first life had begun to leave and were not written down as sent."""
        first = self.steps_file.read_text().split(f"{STARTED}\n")[1].splitlines()
        ends = [place for place, step in enumerate(first) if step in SENT]
        return first[ends[-1] + 1 if ends else 0 :].count("before Relay.send")

    # What a customer does

    async def ready(self) -> None:
        """The desk answers, and has read every folder once."""
        end = time.monotonic() + WITHIN
        while not await self._answers():
            self.alive()
            if time.monotonic() > end:
                raise TimeoutError(self.log[-3000:])
            await asyncio.sleep(0.05)

    async def _answers(self) -> bool:
        try:
            return (await self.client.get("/readyz")).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    async def post(self, path: str, **fields: str | list[str]) -> str:
        """Press a button; somebody whose browser gets no answer presses it again."""
        end = time.monotonic() + WITHIN
        while time.monotonic() < end:
            try:
                answer = await self.client.post(path, data=fields)
            except httpx.TransportError:
                await asyncio.sleep(0.05)
                await self.ready()
                continue
            assert answer.status_code == httpx.codes.OK, answer.text
            return answer.text
        raise TimeoutError(path)

    def deliver(self, text: str) -> None:
        """Ann's mail arrives."""
        self.dovecot.deliver(self.user, a_mail(text))

    async def letter(self, number: int) -> Letter:
        """Ann's ``number``-th letter: the ``number``-th Message-ID, however often it came."""
        await self.until(lambda: len(self.letters()) >= number, f"letter {number}")
        return self.letters()[number - 1]

    def letters(self) -> list[Letter]:
        """Ann's letters, each once."""
        found: dict[str, Letter] = {}
        for each in self.smtp.to(ANN_WRITES):
            letter = letter_of(each.data)
            found.setdefault(str(letter.message["Message-ID"]), letter)
        return list(found.values())

    # What is in the files

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Desk]:
        """The desk's tools, after its end. Alembic's environment is global: one trial at a time."""
        async with self.one_at_a_time, opened(self.settings) as desk:
            yield desk

    def count(self, query: str) -> int:
        """The number that this query gives, read beside the desk."""
        with sqlite3.connect(f"file:{self.folder / 'data' / 'desk.sqlite3'}?mode=ro", uri=True, timeout=10) as connection:
            number: int = connection.execute(query).fetchone()[0]
        connection.close()
        return number

    def done(self) -> bool:
        """Nothing waits any more: every mail read and moved, every letter sent, every change carried out."""
        waiting = (
            "select (select count(*) from mail where state = 'stored')"
            " + (select count(*) from letter where state in ('waiting', 'claimed'))"
            " + (select count(*) from effect where state in ('waiting', 'claimed'))"
            " + (select count(*) from campaign where state in ('planned', 'sending'))"
        )
        return self.count(waiting) == 0 and self.dovecot.count(self.user) == 0


@dataclass
class Template:
    """Keys and databases of a desk that has never run, with Ann on record: copied for each trial."""

    folder: Path
    files: tuple[str, ...] = ("master.key", "index.key", "data")
    one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    def copy_to(self, folder: Path) -> None:
        """Give a trial its own."""
        for name in self.files:
            given = self.folder / name
            if given.is_dir():
                shutil.copytree(given, folder / name)
            else:
                shutil.copy(given, folder / name)


async def a_template(folder: Path, dovecot: Dovecot, more: str = "", contracts: int = 0) -> Template:
    """Make the databases once; Ann may have had many contracts."""
    settings = load(written(folder, dovecot=dovecot, user="nobody", smtp_port=process.free_port(), more=more), {})
    await prepare(settings)
    async with opened(settings) as desk:
        await desk.register.add("customer", [ANN])
        await desk.register.add("contract", [a_contract(n, 1, date(2024, 1, 1)) for n in range(1, contracts + 1)])
    return Template(folder)


@asynccontextmanager
async def a_trial(template: Template, folder: Path, dovecot: Dovecot, kill: Step | None, more: str = "") -> AsyncIterator[Trial]:
    """A desk at work that dies at ``kill``."""
    user = f"box{secrets.token_hex(6)}"
    with run_smtp() as smtp:
        config = written(folder, dovecot=dovecot, user=user, smtp_port=smtp.port, more=more)
        template.copy_to(folder)
        settings = load(config, {})
        async with httpx.AsyncClient(base_url=settings.desk.base_url, timeout=10, trust_env=False) as client:
            trial = Trial(folder, settings, dovecot, user, smtp, client, kill, template.one_at_a_time)
            try:
                trial.start()
                yield trial
            finally:
                trial.end()
                dovecot.forget(user)


def without_what_differs(text: str) -> str:
    """A letter's text without its tokens, codes, dates and numbers: what must be the same in each trial."""
    text = re.sub(r"[\w-]{43}", "TOKEN", text)
    text = re.sub(r"^\s*[2-9A-HJKMNP-Z]{3}[ -]?[2-9A-HJKMNP-Z]{3}\s*$", "CODE", text, flags=re.MULTILINE)
    return re.sub(r"\d+", "0", re.sub(r"(Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day", "DAY", text))


def in_parallel() -> int:
    """How many trials run at once."""
    return (os.cpu_count() or 1) + 2  # most of a trial is waiting


def chosen(steps: Counter[str]) -> list[Step]:
    """Every step, the first and the last time that a whole story comes to it."""
    return [(step, number) for step, times in steps.items() for number in sorted({1, times})]
