"""Puts a desk together from the settings, and sees to its tables and to whose turn it is; :mod:`worker.app` runs it."""

from __future__ import annotations

import json
import tomllib
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, Final

from worker.errors import ConfigurationError, LockHeld, RegisterUnavailable, StoreUnavailable, together
from worker.rules.reading.reader import Reader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from worker.casework.desk import Desk
    from worker.engine.lease import Lease
    from worker.rules.ports import Clock
    from worker.settings import Settings
    from worker.store import Store


_WAITS: Final = (1.0, 2.0, 5.0, 10.0, 15.0)  # seconds between two attempts at a store that does not answer
_MIGRATING: Final = timedelta(minutes=10)  # that a migration may take before another process may begin


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The current moment in UTC."""
        return datetime.now(UTC)


def load_phrases() -> dict[str, Any]:
    """The tables of phrases that this release carries, by language, and ``shared``."""
    files = (resources.files("worker.rules.reading") / "data").iterdir()
    return {f.name.removesuffix(".toml"): tomllib.loads(f.read_text("utf-8")) for f in files if f.name.endswith(".toml")}


@cache
def load_reader() -> Reader:
    """The reader with the phrases and the witness that this release carries."""
    witness = resources.files("worker.rules.reading") / "data" / "witness.json"
    return Reader.from_data({**load_phrases(), "witness": json.loads(witness.read_text("utf-8"))})


def open_store(settings: Settings, clock: Clock) -> Store:
    """The desk's memory with its keys and ledger; ConfigurationError names a missing key file."""
    from worker.store import Ledger, Store, Vault, read_key

    keys, folder = settings.keys, settings.ledger.file.parent
    master, index, _ = together(
        lambda: read_key(keys.master_file, "keys.master_file"),
        lambda: read_key(keys.index_file, "keys.index_file"),
        lambda: _there(folder),
    )
    return Store(settings.store_url, Vault(master, index), Ledger(settings.ledger.file), clock)


def _there(folder: Path) -> None:
    if not folder.is_dir():
        raise ConfigurationError("ledger.file", f"the folder {folder} does not exist", "Run `privacy-desk init`, or make it.")


def make_folder(folder: Path) -> None:
    """The data folder; ConfigurationError if it cannot be made."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            "data.folder", f"{folder} cannot be made ({error.strerror})", "Make it for the desk's user, or name another."
        ) from None


def assembled(settings: Settings, clock: Clock | None = None) -> Desk:
    """A desk whose databases nobody has asked yet. ConfigurationError names all that is wrong. To be closed by :func:`closing`."""
    from worker.casework.desk import Desk
    from worker.engine.embedded import EmbeddedEngine
    from worker.mail.letters import Letters
    from worker.mail.parse import ParseLimits
    from worker.register.register import Register
    from worker.rules.mail import Address

    clock, card = clock or SystemClock(), settings.card()
    store, register, letters = together(
        lambda: open_store(settings, clock),
        lambda: Register.open(settings.register_settings()),
        lambda: Letters(card, settings.desk.templates),
    )
    return Desk(
        store=store, register=register, engine=EmbeddedEngine(clock), letters=letters, reader=load_reader(), clock=clock,
        card=card, policy=settings.limits_by_law(), sender=Address(settings.smtp.from_, settings.desk.name), mode=settings.desk.mode,
        languages=settings.desk.languages, limits=ParseLimits(size=settings.limits.mail_size.count),
    )  # fmt: skip


@contextmanager
def closing(desk: Desk) -> Iterator[Desk]:
    """At the end of the block finish what runs on the databases, and let them go."""
    try:
        yield desk
    finally:
        desk.register.close()
        desk.store.close()


@asynccontextmanager
async def opened(settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[Desk]:
    """A desk for one command, beside the one at work or without it; nothing polls, pumps or serves, and no table is made.

    Raises ConfigurationError if the tables are not this release's, StoreUnavailable if the store does not answer.
    """
    import asyncio

    with closing(assembled(settings, clock)) as desk:
        await asyncio.to_thread(desk.store.require_current)
        yield desk


async def make_register(desk: Desk) -> None:
    """Make the built-in tables. A register that is down delays changes, not the start: it makes them when it is back."""
    import structlog

    try:
        await desk.register.create()
    except RegisterUnavailable as error:
        structlog.get_logger(__name__).warning("the register does not answer", problem=str(error))


# The tables, and whose turn it is ---------------------------------------------------------------------------------------


async def prepare(settings: Settings) -> None:
    """Bring store and register to this release's tables. LockHeld while a desk is at work, StoreUnavailable without an answer."""
    import asyncio

    with closing(assembled(settings)) as desk:
        async with alone(settings, desk.store):
            await asyncio.to_thread(desk.store.migrate)
        await make_register(desk)


@asynccontextmanager
async def alone(settings: Settings, store: Store) -> AsyncIterator[None]:
    """No desk works on this store during the block."""
    import asyncio

    if store.is_sqlite:
        with locked(settings):
            yield
        return
    from worker.store import leases

    await asyncio.to_thread(make_first_tables, store)
    lease = lease_of(store)
    if await lease.take(lease.holder, _MIGRATING) is None:
        holder: str | None = await store.run(leases.holder, "engine")
        raise LockHeld(holder or "another process")
    try:
        yield
    finally:
        await lease.give_back(lease.holder)


@contextmanager
def locked(settings: Settings) -> Iterator[None]:
    """This process has the lock of the engine during the block; LockHeld if another has it."""
    from worker.engine.embedded import EngineLock

    make_folder(settings.data.folder)
    lock = EngineLock(settings.lock_file)
    try:
        lock.acquire()
    except OSError as error:
        raise ConfigurationError(
            "data.folder", f"{settings.lock_file} cannot be opened ({error.strerror})", "Give the folder to the desk's user."
        ) from None
    try:
        yield
    finally:
        lock.release()


def lease_of(store: Store) -> Lease:
    """The lease of the engine on a shared database."""
    from worker.engine.lease import Lease
    from worker.store import leases

    return Lease(
        take=lambda holder, term: store.run(leases.take, "engine", holder, term),
        give_back=lambda holder: store.run(leases.give_back, "engine", holder),
    )


def make_first_tables(store: Store) -> None:
    """The lease is a row itself. Older tables have it, and wait for it."""
    from worker.store import Schema

    if store.schema() in {Schema.MISSING, Schema.NEWER}:
        store.migrate()


async def patiently(call: Callable[[], None], *patient: type[Exception]) -> None:
    """Call until the store answers (and nothing of ``patient`` is raised), with growing waits, and say why."""
    import asyncio

    import structlog

    waited_for: tuple[type[Exception], ...] = (StoreUnavailable, *patient)
    for wait in chain(_WAITS, repeat(_WAITS[-1])):
        try:
            await asyncio.to_thread(call)
        except waited_for as error:
            structlog.get_logger(__name__).warning("the store is not ready: this process waits", problem=str(error), again_in=wait)
            await asyncio.sleep(wait)
        else:
            return
