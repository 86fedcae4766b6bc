"""``make demo``: the desk between its servers, and the page, until Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from worker.demo.held import BEGINS, deliver
from worker.demo.mailserver import USER
from worker.demo.page import demo_app
from worker.demo.stage import Stage, now
from worker.demo.world import HOST, LOGINS, MAILBOX, PASSWORD, Ports, a_world, free_port, is_free, new_seed
from worker.web import server

_WANTED: Final = {"the desk's pages": 8080, "IMAP": 1143, "SMTP": 1025}


@dataclass
class Show:
    """What runs, and what it was told to do."""

    stage: Stage | None = None
    begun: bool = False
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    again: asyncio.Event = field(default_factory=asyncio.Event)

    def now_showing(self) -> Stage | None:
        """The world of now."""
        return self.stage

    async def told(self) -> None:
        """Return when it shall stop or begin anew."""
        waits = [asyncio.create_task(each.wait()) for each in (self.stop, self.again)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()


async def show(seed: int, port: int) -> int:
    """Run until SIGINT or SIGTERM; nothing is left then. Returns the exit code."""
    loop, running = asyncio.get_running_loop(), Show()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, running.stop.set)
    page = _port("the demo page", port)
    pages, imap, smtp = (_port(name, wanted) for name, wanted in _WANTED.items())
    print(f"Starting the desk and its mail servers (seed {seed}) ...", flush=True)
    async with served(running, page):
        while not running.stop.is_set():
            running.again.clear()
            await _one_world(running, seed, Ports(pages, imap, smtp), page)
            seed = new_seed()
    print("\nStopped. Nothing is left of it.")
    return 0


def _port(name: str, wanted: int) -> int:
    """``wanted``, or another port if somebody has it already."""
    if wanted and is_free(wanted):
        return wanted
    found = free_port()
    if wanted:
        print(f"Port {wanted} is taken: {name} gets {found} instead.")
    return found


@asynccontextmanager
async def served(running: Show, port: int) -> AsyncIterator[None]:
    """The demo page on ``port`` while the block runs."""
    bound = server.listening(HOST, port)
    serving = asyncio.create_task(server.serve(demo_app(running.now_showing, running.again.set), bound))
    try:
        yield
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        bound.close()


async def _one_world(running: Show, seed: int, ports: Ports, page: int) -> None:
    """A world from its beginning until it is told to stop."""
    async with a_world(seed, ports, now().date(), begins=BEGINS) as world:
        await deliver(world, seed)
        running.stage = Stage(world, now())
        if running.begun:
            print(f"Begun anew, with seed {seed}.", flush=True)
        else:
            _greet(page, ports)
        running.begun = True
        try:
            await running.told()
        finally:
            running.stage = None


def _greet(page: int, ports: Ports) -> None:
    logins = ", ".join(f"{login} ({role})" for login, role in LOGINS.items())
    print(
        f"""
  The demo page     http://{HOST}:{page}/             write as a customer, watch the desk
  Public pages      http://{HOST}:{ports.pages}/             what a customer sees
  Staff             http://{HOST}:{ports.pages}/desk         {logins}; password {PASSWORD}: ten mails wait

  Your own mail program works, too: SMTP {HOST}:{ports.smtp} (no login) to write to {MAILBOX};
  the company's mailbox is IMAP {HOST}:{ports.imap}, user {USER}, password {PASSWORD}. Nothing leaves this machine.

  Try: choose a customer, press "Delete my data", send it, open the letter that comes, press its button, type its code.
  Then "One day later", and watch the newsletter and the reminders leave. Ctrl-C ends it all.
""",
        flush=True,
    )
