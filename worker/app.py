"""The composition root: reads the settings, puts the tools together, and runs the roles until it is told to stop.

Only here are settings turned into adapters. Heavy modules are imported when a role starts, so that a short command
does not pay for them.
"""

from __future__ import annotations

import asyncio
import signal
import tomllib
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from enum import StrEnum
from functools import cache, partial
from importlib import resources
from typing import TYPE_CHECKING, Final

from worker.errors import RegisterUnavailable
from worker.rules.reading.reader import Reader

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence

    from worker.casework.desk import Desk
    from worker.engine.embedded import EmbeddedEngine, Task
    from worker.intake import Intake
    from worker.mail.smtp import Relay
    from worker.register.register import Register
    from worker.rules.model import Language
    from worker.rules.ports import Clock
    from worker.schedule import ScheduleSettings
    from worker.settings import Settings
    from worker.store import Store

    #: Something that runs until it is cancelled.
    Work = Callable[[], Awaitable[None]]


class Role(StrEnum):
    """What one process does."""

    INTAKE = "intake"
    WORKER = "worker"  # casework tasks and apply
    SENDER = "sender"  # outbox and newsletters
    SCHEDULER = "scheduler"
    WEB = "web"
    ALL = "all"


_ANCHOR_AT: Final = time(3, 0)  # local: after the day's work
ALL: Final[frozenset[Role]] = frozenset(Role) - {Role.ALL}


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The current moment in UTC."""
        return datetime.now(UTC)


@cache
def load_reader() -> Reader:
    """The reader with the phrases that this release carries."""
    folder = resources.files("worker.rules.reading") / "data"
    files = [f for f in folder.iterdir() if f.name.endswith(".toml")]
    return Reader.from_data({f.name.removesuffix(".toml"): tomllib.loads(f.read_text("utf-8")) for f in files})


def open_store(settings: Settings, clock: Clock) -> Store:
    """The desk's memory with its keys and ledger; ConfigurationError names a missing key file."""
    from worker.store import Ledger, Store, Vault, read_key

    vault = Vault(read_key(settings.keys.master_file, "keys.master_file"), read_key(settings.keys.index_file, "keys.index_file"))
    return Store(settings.store_url, vault, Ledger(settings.ledger.file), clock)


@asynccontextmanager
async def opened(settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[Desk]:
    """A desk for one command: store, register, letters; nothing polls, pumps or serves."""
    from worker.casework.desk import Desk
    from worker.engine.embedded import EmbeddedEngine
    from worker.mail.letters import Letters
    from worker.mail.parse import ParseLimits
    from worker.register.register import Register
    from worker.rules.mail import Address

    clock = clock or SystemClock()
    store = open_store(settings, clock)
    register = Register.open(settings.register_settings())
    try:
        await asyncio.to_thread(store.migrate)
        await _create(register)
        card = settings.card()
        yield Desk(
            store=store, register=register, engine=EmbeddedEngine(clock), letters=Letters(card, settings.desk.templates), reader=load_reader(), clock=clock,
            card=card, policy=settings.limits_by_law(), sender=Address(settings.smtp.from_, settings.desk.name), mode=settings.desk.mode,
            languages=settings.desk.languages, limits=ParseLimits(size=settings.limits.mail_size.count),
        )  # fmt: skip
    finally:
        register.close()
        store.close()


async def _create(register: Register) -> None:
    """Make the built-in tables. A register that is down delays changes, not the start: it makes them when it is back."""
    import structlog

    try:
        await register.create()
    except RegisterUnavailable as error:
        structlog.get_logger(__name__).warning("the register does not answer", problem=str(error))


@dataclass(slots=True)
class Running:
    """A desk at work. ``listening`` is where its pages are served, as bound: "public", and "staff" if apart."""

    desk: Desk
    intakes: tuple[Intake, ...] = ()
    listening: dict[str, tuple[str, int]] = field(default_factory=dict)

    def ready(self) -> bool:
        """Every mailbox is connected: what ``/readyz`` answers."""
        return all(intake.connected for intake in self.intakes)


@asynccontextmanager
async def running(
    settings: Settings, *, clock: Clock | None = None, roles: Iterable[Role] = ALL, schedule: ScheduleSettings | None = None
) -> AsyncIterator[Running]:
    """The desk at work in this loop until the block ends. ``schedule`` says how often it looks at its clock.

    Raises LockHeld if another process holds the embedded engine; on PostgreSQL a second process waits and says so.
    """
    wanted = frozenset(roles)
    async with AsyncExitStack() as stack:
        settings.data.folder.mkdir(parents=True, exist_ok=True)
        desk = await stack.enter_async_context(opened(settings, clock=clock))
        # Known before the pages are served: a desk that still waits for its turn is not ready.
        found = Running(desk, _intakes(desk, settings) if Role.INTAKE in wanted else ())
        if Role.WEB in wanted:
            await stack.enter_async_context(_pages(settings, found))
        if wanted - {Role.WEB}:
            await stack.enter_async_context(_alone(settings, desk))
            relay = await stack.enter_async_context(_relay(settings))
            work = _work(desk, settings, relay, found)
            if Role.SCHEDULER in wanted:
                work["schedule"] = _schedule(desk, schedule)
            await stack.enter_async_context(_at_work(work))
        yield found


@asynccontextmanager
async def _at_work(work: Mapping[str, Work]) -> AsyncIterator[None]:
    """Run ``work`` beside the block and cancel it at the end; a defect in one of them ends them all.

    An error of the block itself is raised as it is, not as a group.
    """
    error: Exception | None = None
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_coroutine(each), name=name) for name, each in work.items()]
        try:
            yield
        except Exception as caught:  # noqa: BLE001 - raised below, outside the group
            error = caught
        finally:
            for task in tasks:
                task.cancel()
    if error is not None:
        raise error


async def _coroutine(work: Work) -> None:
    await work()


@asynccontextmanager
async def _alone(settings: Settings, desk: Desk) -> AsyncIterator[None]:
    """Be the one process that polls, pumps and sends."""
    from worker.engine.embedded import EngineLock
    from worker.engine.lease import Lease

    if desk.store.is_sqlite:
        lock = EngineLock(settings.lock_file)
        lock.acquire()
        try:
            yield
        finally:
            lock.release()
        return
    from worker.store import leases

    lease = Lease(
        take=lambda holder, term: desk.store.run(leases.take, "engine", holder, term),
        give_back=lambda holder: desk.store.run(leases.give_back, "engine", holder),
    )
    async with lease.held():
        yield


@asynccontextmanager
async def _relay(settings: Settings) -> AsyncIterator[Relay]:
    from worker.mail.smtp import Relay

    relay = Relay(settings.smtp_settings())
    try:
        yield relay
    finally:
        await relay.close()


def _intakes(desk: Desk, settings: Settings) -> tuple[Intake, ...]:
    from worker.intake import Intake

    return tuple(Intake(desk, mailbox) for mailbox in settings.mailbox_settings())


def _work(desk: Desk, settings: Settings, relay: Relay, found: Running) -> dict[str, Work]:
    """Name to what runs beside the pages and the clock."""
    work: dict[str, Work] = {f"intake {intake.name}": intake.run for intake in found.intakes}
    work["pump"] = partial(_embedded(desk).run, _tasks(desk, settings, relay))
    return work


def _schedule(desk: Desk, schedule: ScheduleSettings | None) -> Work:
    from worker.schedule import Daily, Schedule, ScheduleSettings

    return Schedule(desk, schedule or ScheduleSettings(daily=(Daily("anchor", _ANCHOR_AT),))).run


def _embedded(desk: Desk) -> EmbeddedEngine:
    from worker.engine.embedded import EmbeddedEngine

    if not isinstance(desk.engine, EmbeddedEngine):
        msg = f"no pump for {type(desk.engine).__name__}"
        raise TypeError(msg)
    return desk.engine


def _tasks(desk: Desk, settings: Settings, relay: Relay) -> dict[str, Task]:
    """Every name that is enqueued, and what it calls."""
    from worker import apply
    from worker.casework import take, tick
    from worker.outbox import Outbox
    from worker.sender import Sender

    async def read(ids: Sequence[str]) -> None:
        for mail_id in ids:
            await take.take(desk, mail_id)

    return {
        "take": read,
        "outbox": Outbox(desk, relay).run,
        "apply": lambda ids: apply.run(desk, ids),
        "campaign": Sender(desk, relay, settings.newsletter_settings()).campaign,
        "sweep": lambda _: tick.sweep(desk),
        "tick": lambda _: tick.tick(desk),
        "anchor": _anchor(desk),
    }


@asynccontextmanager
async def _pages(settings: Settings, found: Running) -> AsyncIterator[None]:
    """Serve the pages beside the block: on one listener, or staff's on their own."""
    from worker.web import app as web
    from worker.web import server

    desk, chosen = found.desk, settings.web_settings()
    apps = {
        "public": (
            settings.web.listen,
            (web.public_app if settings.web.staff_listen else web.combined_app)(desk, chosen, found.ready, _policies(settings)),
        )
    }
    if settings.web.staff_listen:
        apps["staff"] = (settings.web.staff_listen, web.staff_app(desk, chosen, found.ready))
    work: dict[str, Work] = {}
    sockets: list[socket.socket] = []
    for name, (listen, app) in apps.items():
        bound = server.listening(listen.host, listen.port)
        found.listening[name] = bound.getsockname()[:2]
        sockets.append(bound)
        work[f"web {name}"] = partial(server.serve, app, bound, chosen.trusted_proxies)
    try:
        async with _at_work(work):
            yield
    finally:
        for bound in sockets:
            bound.close()


def _policies(settings: Settings) -> dict[Language, str]:
    """The privacy policy in Markdown, for the languages in which there is one."""
    folder = settings.web.policy_folder
    files = {language: folder / f"{language}.md" for language in settings.desk.languages} if folder else {}
    return {language: file.read_text("utf-8") for language, file in files.items() if file.exists()}


def _anchor(desk: Desk) -> Task:
    from worker.casework.anchor import anchor

    async def run(_ids: Sequence[str]) -> None:
        await anchor(desk)

    return run


async def serve(settings: Settings, roles: Iterable[Role] = ALL) -> None:
    """Run until SIGTERM or SIGINT: what is in hand is finished, what waits is in its row."""
    from worker.logs import configure

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    configure()
    async with running(settings, roles=roles):
        await stop.wait()
