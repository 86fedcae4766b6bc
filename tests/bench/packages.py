"""The measurement of an access package with many rows: made, looked at, downloaded."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from tests.bench.around import PATIENCE, DeskProcess, a_desk
from tests.desks import ANN, a_mail
from tests.journeys.running import Letter, letter_of, written
from tests.register.conftest import an_invoice
from tests.servers.dovecot import Dovecot, run_dovecot
from tests.servers.postgres import run_postgres
from tests.servers.smtp import ScriptedSmtp, run_smtp
from worker.register.register import Register
from worker.register.settings import RegisterSettings

USER = "desk"
FEW, LOT = 300, 5000


@dataclass(frozen=True, slots=True)
class Package:
    """MB resident before, and at most while the package was made, looked at and downloaded; seconds of each; MB of the file."""

    before: float
    made: float
    page: float
    file: float
    seconds: tuple[float, float, float]
    size: float


@dataclass(frozen=True, slots=True)
class _Bench:
    desk: DeskProcess
    box: Dovecot
    smtp: ScriptedSmtp
    web: httpx.AsyncClient

    async def confirmed(self, address: str) -> None:
        """Somebody asks what is held about him, and presses the button."""
        self.box.deliver(USER, a_mail("What data do you have about me?", sender=address))
        letter = await self._letter(address, 1)
        await asyncio.sleep(1)  # what follows a letter is not what is measured
        (await self.web.post(letter.link("c"), data={"right": "access"})).raise_for_status()

    async def ready(self, address: str) -> Letter:
        """The letter that leads to his package."""
        return await self._letter(address, 2)

    async def _letter(self, address: str, number: int) -> Letter:
        return letter_of((await self.smtp.arrived(number, recipient=address, within=PATIENCE))[number - 1].data)

    async def fetched(self, ready: Letter, **wanted: str) -> bytes:
        """The package as a page or a file."""
        answer = await self.web.post(ready.link("d"), data={"code": ready.code, **wanted})
        return answer.raise_for_status().content


@asynccontextmanager
async def _a_bench(count: int, store: str) -> AsyncIterator[_Bench]:
    async with AsyncExitStack() as stack:
        box, smtp = stack.enter_context(run_dovecot()), stack.enter_context(run_smtp())
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="pd-bench-")))
        url, customers = "", f"sqlite:///{folder / 'customers.sqlite3'}"
        if store == "postgresql":
            server = stack.enter_context(run_postgres())
            url, customers = stack.enter_context(server.database()), stack.enter_context(server.database())
        await _fill(customers, count)
        config = written(folder, dovecot=box, user=USER, smtp_port=smtp.port, store_url=url, more=f'[register]\nurl = "{customers}"\n')
        desk = await stack.enter_async_context(a_desk(config))
        web = await stack.enter_async_context(httpx.AsyncClient(timeout=PATIENCE, trust_env=False))
        yield _Bench(desk, box, smtp, web)


async def _fill(url: str, count: int) -> None:
    """Ann with ``count`` rows of her own, and Bob with a few."""
    register = Register.open(RegisterSettings(url))
    await register.create()
    await register.add("customer", [ANN, ANN | {"id": 2, "customer_number": "C-2", "email": "bob@example.com"}])
    numbers = [(n, 1) for n in range(1, count)] + [(count + n, 2) for n in range(FEW)]
    for start in range(0, len(numbers), LOT):
        await register.add("invoice", [an_invoice(n, whose, date(2024, 3, 15)) for n, whose in numbers[start : start + LOT]])
    register.close()


async def package(count: int, store: str) -> Package:
    """The package of somebody of whom ``count`` rows are held, behind one with a few."""
    async with _a_bench(count, store) as bench:
        await bench.confirmed("bob@example.com")
        few = await bench.ready("bob@example.com")
        for wanted in ({}, {"as": "json"}, {"as": "1"}):
            await bench.fetched(few, **wanted)
        before = bench.desk.memory()
        bench.desk.forget_peak()
        await bench.confirmed("ann@example.com")
        began = time.monotonic()
        ready = await bench.ready("ann@example.com")
        made, at_made = time.monotonic() - began, _peak(bench)
        page, at_page = await _timed(bench, ready), _peak(bench)
        file, at_file = await _timed(bench, ready, count, **{"as": "json"}), _peak(bench)
        return Package(before, at_made, at_page, at_file, (made, page[0], file[0]), file[1] / 1e6)


async def _timed(bench: _Bench, ready: Letter, count: int = 0, **wanted: str) -> tuple[float, int]:
    """Seconds and bytes; of a file, every row must be there."""
    began = time.monotonic()
    content = await bench.fetched(ready, **wanted)
    seconds = time.monotonic() - began
    if count and sum(len(table["rows"]) for table in json.loads(content)["tables"]) != count:
        raise ValueError("the file does not hold every row")
    return seconds, len(content)


def _peak(bench: _Bench) -> float:
    found = bench.desk.memory("VmHWM")
    bench.desk.forget_peak()
    return found
