"""The composition root: reads the settings, puts the tools together, and runs the roles until it is told to stop.

Only here and in :mod:`worker.assembly` are settings turned into adapters. Heavy modules are imported when a role starts,
so that a short command does not pay for them.
"""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import time
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Final

from worker.assembly import (
    SystemClock,
    assembled,
    closing,
    lease_of,
    load_reader,
    locked,
    make_first_tables,
    make_register,
    open_store,
    opened,
    patiently,
    prepare,
)
from worker.errors import ConfigurationError, together

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence

    from starlette.applications import Starlette

    from worker.casework.desk import Desk
    from worker.engine.embedded import EmbeddedEngine, Task
    from worker.intake import Intake
    from worker.mail.imap_settings import MailboxSettings
    from worker.mail.smtp import Relay
    from worker.mail.smtp_settings import SmtpSettings
    from worker.rules.model import Language
    from worker.rules.ports import Clock
    from worker.schedule import ScheduleSettings
    from worker.settings import Listen, Settings
    from worker.watch import Part, Watch

    #: Something that runs until it is cancelled.
    Work = Callable[[], Awaitable[None]]

__all__ = ["ALL", "Role", "Running", "SystemClock", "load_reader", "open_store", "opened", "prepare", "running", "serve"]


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


@dataclass(slots=True)
class Running:
    """A desk that runs. ``listening`` is where its pages are served, as bound: "public", and "staff" if apart."""

    desk: Desk
    watch: Watch
    intakes: tuple[Intake, ...] = ()
    listening: dict[str, tuple[str, int]] = field(default_factory=dict)
    #: Set while this process does what it is there for: the tables are there and, but for pages alone, the engine is its own.
    at_work: asyncio.Event = field(default_factory=asyncio.Event)

    def ready(self) -> bool:
        """All that this process depends on answers: what ``/readyz`` says. Asks nobody."""
        return self.at_work.is_set() and self.watch.well() and all(intake.connected for intake in self.intakes)


@dataclass(frozen=True, slots=True)
class _Tools:
    """What one process works with."""

    settings: Settings
    desk: Desk
    mailboxes: tuple[MailboxSettings, ...] = ()
    relays: Mapping[str, Relay] = field(default_factory=dict)  # "smtp" for letters, "newsletter" for newsletters if they leave by another
    schedule: ScheduleSettings | None = None


@asynccontextmanager
async def running(
    settings: Settings, *, clock: Clock | None = None, roles: Iterable[Role] = ALL, schedule: ScheduleSettings | None = None
) -> AsyncIterator[Running]:
    """The desk at work in this loop until the block ends. ``schedule`` says how often it looks at its clock.

    Its pages are served while it waits for the store or for its turn; the block begins when it is at work. Raises
    ConfigurationError, and LockHeld if another process works on the same SQLite store.
    """
    works, pages = _works(frozenset(roles)), Role.WEB in roles
    async with AsyncExitStack() as stack:
        _, bound, tools = together(
            lambda: works and settings.store_url.startswith("sqlite:") and stack.enter_context(locked(settings)),
            lambda: stack.enter_context(_listening(settings)) if pages else {},
            lambda: _tools(settings, clock, schedule, stack, works=works),
        )
        found = Running(tools.desk, _watch(tools, keeps=works), listening={name: each.getsockname()[:2] for name, each in bound.items()})
        await stack.enter_async_context(_at_work(_pages(settings, found, bound)))
        await stack.enter_async_context(
            _at_work({"watch": found.watch.run, "work": partial(_engine if works else _pages_alone, tools, found)})
        )
        await found.at_work.wait()
        yield found


def _works(roles: frozenset[Role]) -> bool:
    """Whether these roles do the desk's work, not its pages alone. ConfigurationError for a part of the work."""
    if roles in {ALL, ALL - {Role.WEB}}:
        return True
    if roles == {Role.WEB}:
        return False
    apart = ", ".join(sorted(roles - {Role.WEB}))
    raise ConfigurationError(
        "--role", f"{apart} cannot work apart from the others in this release", "Run one all; pages may be served beside it by web."
    )


def _tools(settings: Settings, clock: Clock | None, schedule: ScheduleSettings | None, stack: AsyncExitStack, *, works: bool) -> _Tools:
    """What the process works with; let go by ``stack``."""
    makes = (settings.mailbox_settings, settings.smtp_settings, settings.relay_settings) if works else ()
    desk, *others = together(lambda: stack.enter_context(closing(assembled(settings, clock))), *makes)
    if not others:
        return _Tools(settings, desk)
    mailboxes, letters, newsletters = others
    relays = _relays(letters, newsletters[0])
    for relay in relays.values():
        stack.push_async_callback(relay.close)
    return _Tools(settings, desk, mailboxes, relays, schedule)


def _relays(letters: SmtpSettings, newsletters: SmtpSettings) -> dict[str, Relay]:
    from worker.mail.smtp import Relay

    relays = {"smtp": Relay(letters)}
    return relays if newsletters == letters else relays | {"newsletter": Relay(newsletters)}


def _watch(tools: _Tools, *, keeps: bool) -> Watch:
    """What this process depends on."""
    from worker.watch import Part, Watch

    store, register = tools.desk.store, tools.desk.register
    watched: list[Part] = [Part("store", "desk", partial(store.run, _nothing), lambda: store.problem)]
    watched += [Part("register", name, partial(register.ask, name), partial(register.problem, name)) for name in register.names]
    watched += [Part("relay", name, relay.greet, partial(getattr, relay, "problem")) for name, relay in tools.relays.items()]
    return Watch(tools.desk, watched, keeps=keeps)


def _nothing(_tx: object) -> None:
    """A transaction to see whether the store answers."""


@asynccontextmanager
async def _at_work(work: Mapping[str, Work]) -> AsyncIterator[None]:
    """Run ``work`` beside the block and cancel it at the end; a defect in one of them ends them all.

    An error of the block itself, or of one of them alone, is raised as it is, not as a group.
    """
    errors: list[Exception] = []
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_coroutine(each), name=name) for name, each in work.items()]
            try:
                yield
            except Exception as caught:  # noqa: BLE001 - raised below, outside the group
                errors.append(caught)
            finally:
                for task in tasks:
                    task.cancel()
    except ExceptionGroup as several:
        if len(several.exceptions) > 1:
            raise
        errors.extend(several.exceptions)
    if errors:
        raise errors[0]


async def _coroutine(work: Work) -> None:
    await work()


# Whose turn it is ----------------------------------------------------------------------------------------------------


async def _pages_alone(tools: _Tools, found: Running) -> None:
    """Beside the desk at work, which makes the tables."""
    await patiently(tools.desk.store.require_current, ConfigurationError)
    found.at_work.set()
    await asyncio.Event().wait()


async def _engine(tools: _Tools, found: Running) -> None:
    """Work whenever it is this process's turn: on SQLite from the start, on PostgreSQL while it has the lease."""
    store = tools.desk.store
    if store.is_sqlite:
        await _turn(tools, found)
    await patiently(partial(make_first_tables, store))
    await lease_of(store).work(partial(_turn, tools, found))


async def _turn(tools: _Tools, found: Running) -> None:
    """The desk's work until it is cancelled."""
    from worker.intake import Intake

    await patiently(tools.desk.store.migrate)
    await make_register(tools.desk)
    found.intakes = tuple(Intake(tools.desk, mailbox) for mailbox in tools.mailboxes)
    try:
        async with _at_work(_work(tools, found.intakes)):
            found.at_work.set()
            await asyncio.Event().wait()
    finally:
        found.at_work.clear()


# What is done --------------------------------------------------------------------------------------------------------


def _work(tools: _Tools, intakes: Iterable[Intake]) -> dict[str, Work]:
    """Name to what runs beside the pages."""
    work: dict[str, Work] = {f"intake {intake.name}": intake.run for intake in intakes}
    work["pump"] = partial(_embedded(tools.desk).run, _tasks(tools))
    work["schedule"] = _schedule(tools.desk, tools.schedule)
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


def _tasks(tools: _Tools) -> dict[str, Task]:
    """Every name that is enqueued, and what it calls."""
    from worker import apply
    from worker.casework import take, tick
    from worker.outbox import Outbox
    from worker.sender import Sender

    desk, relays = tools.desk, tools.relays

    async def read(ids: Sequence[str]) -> None:
        for mail_id in ids:
            await take.take(desk, mail_id)

    return {
        "take": read,
        "outbox": Outbox(desk, relays["smtp"]).run,
        "apply": lambda ids: apply.run(desk, ids),
        "campaign": Sender(desk, relays.get("newsletter", relays["smtp"]), tools.settings.newsletter_settings()).campaign,
        "sweep": lambda _: tick.sweep(desk),
        "tick": lambda _: tick.tick(desk),
        "anchor": _anchor(desk),
    }


def _anchor(desk: Desk) -> Task:
    from worker.casework.anchor import anchor

    async def run(_ids: Sequence[str]) -> None:
        await anchor(desk)

    return run


# Pages ---------------------------------------------------------------------------------------------------------------


def _pages(settings: Settings, found: Running, bound: Mapping[str, socket.socket]) -> dict[str, Work]:
    """Name to what serves pages there."""
    from worker.web import server

    apps = _apps(settings, found) if bound else {}
    return {f"web {name}": partial(server.serve, apps[name], each, settings.web.trusted_proxies) for name, each in bound.items()}


@contextmanager
def _listening(settings: Settings) -> Iterator[dict[str, socket.socket]]:
    """Where the pages are served: on one listener, or staff's on their own."""
    from worker.web import server

    with ExitStack() as stack:

        def bound(name: str, listen: Listen) -> socket.socket:
            try:
                return stack.enter_context(server.listening(listen.host, listen.port))
            except OSError as error:
                mend = "Stop what listens there, or name another address of this machine."
                raise ConfigurationError(name, f"the desk cannot listen on {listen} ({error.strerror})", mend) from None

        web = settings.web
        wanted = {"public": partial(bound, "web.listen", web.listen)}
        if web.staff_listen:
            wanted["staff"] = partial(bound, "web.staff_listen", web.staff_listen)
        yield dict(zip(wanted, together(*wanted.values()), strict=True))


def _apps(settings: Settings, found: Running) -> dict[str, Starlette]:
    from worker.web import app as web

    desk, chosen, policies = found.desk, settings.web_settings(), _policies(settings)
    if not settings.web.staff_listen:
        return {"public": web.combined_app(desk, chosen, found.ready, policies)}
    return {"public": web.public_app(desk, chosen, found.ready, policies), "staff": web.staff_app(desk, chosen, found.ready)}


def _policies(settings: Settings) -> dict[Language, str]:
    """The privacy policy in Markdown, for the languages in which there is one."""
    folder = settings.web.policy_folder
    files = {language: folder / f"{language}.md" for language in settings.desk.languages} if folder else {}
    return {language: file.read_text("utf-8") for language, file in files.items() if file.exists()}


async def serve(settings: Settings, roles: Iterable[Role] = ALL) -> None:
    """Run until SIGTERM or SIGINT: what is in hand is finished, what waits is in its row."""
    from worker.logs import configure

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    configure()
    desk, stopped = asyncio.ensure_future(_for_ever(settings, roles)), asyncio.ensure_future(stop.wait())
    await asyncio.wait({desk, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    desk.cancel()  # also while it waits for the store or for its turn
    with suppress(asyncio.CancelledError):
        await desk


async def _for_ever(settings: Settings, roles: Iterable[Role]) -> None:
    async with running(settings, roles=roles):
        await asyncio.Event().wait()
