"""The connection to the desk's memory: one writer thread on SQLite, a small pool on PostgreSQL.

A transaction is one synchronous function over one connection, run in the store's own thread: an ``await`` per statement
was measured at three times the CPU.
"""

from __future__ import annotations

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, event, make_url
from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError

from worker.errors import ConfigurationError, StoreUnavailable
from worker.store.vault import seal, unseal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from sqlalchemy import Connection, Engine

    from worker.rules.ports import Clock
    from worker.store.audit import Unwritten
    from worker.store.ledger import Ledger
    from worker.store.vault import Vault

T = TypeVar("T")
_BUSY: Final = 10_000  # milliseconds a writer waits for another process's commit
_POOL: Final = 4  # connections on PostgreSQL
_MIGRATIONS: Final = Path(__file__).parent / "migrations"


def new_id() -> str:
    """A new row id: 32 hexadecimal digits, sorted by time of making (56 bits of microseconds, 72 random bits)."""
    return f"{time.time_ns() // 1_000:014x}{os.urandom(9).hex()}"


class Tx:
    """One open transaction: :class:`worker.rules.ports.Transaction`, and for the modules of the store what is inside."""

    def __init__(self, connection: Connection, vault: Vault, ledger: Ledger, now: datetime) -> None:
        self.connection = connection
        self.vault = vault
        self.ledger = ledger
        self.now = now
        self.hooks: list[Callable[[], None]] = []
        #: What :mod:`worker.store.audit` writes with one statement, right before the commit.
        self.entries: list[Unwritten] = []
        #: Case id to the id of its key, as far as this transaction has met them.
        self.case_keys: dict[str, str] = {}
        self._last_calls: list[Callable[[], None]] = []
        self._keys: dict[str, bytes] = {}

    def after_commit(self, call: Callable[[], None]) -> None:
        """Run ``call`` after the commit."""
        self.hooks.append(call)

    def before_commit(self, call: Callable[[], None]) -> None:
        """Run ``call`` as the last thing that this transaction does."""
        self._last_calls.append(call)

    def finish(self) -> None:
        """Do what was left for the end. The store calls it before the commit."""
        for call in self._last_calls:
            call()

    def new_key(self, parent_id: str | None = None) -> str:
        """Make a key and return its id."""
        key_id = new_id()
        self._keys[key_id] = self.vault.new_key(self.connection, key_id, self.now, parent_id)
        return key_id

    def fetch_keys(self, key_ids: Iterable[str]) -> None:
        """Have these keys at hand with one statement, for a lot of values that are opened one by one."""
        self.vault.fetch(self.connection, key_ids, self._keys)

    def seal(self, key_id: str, row_id: str, value: bytes) -> bytes:
        """``value`` sealed for ``row_id`` under ``key_id``."""
        return seal(self.vault.key(self.connection, key_id, self._keys), row_id, value)

    def unseal(self, key_id: str, row_id: str, blob: bytes) -> bytes:
        """The value of a sealed blob."""
        return unseal(self.vault.key(self.connection, key_id, self._keys), row_id, blob)

    def adopt(self, key_id: str, parent_id: str) -> None:
        """Put one key under another."""
        self.vault.adopt(self.connection, key_id, parent_id, self._keys)


class Store:
    """Opens transactions. ``url`` is ``sqlite:///path`` or ``postgresql://...``."""

    def __init__(self, url: str, vault: Vault, ledger: Ledger, clock: Clock) -> None:
        self.vault = vault
        self.ledger = ledger
        self.clock = clock
        self._engine = _engine(url)
        self.is_sqlite = self._engine.dialect.name == "sqlite"
        self._threads = ThreadPoolExecutor(1 if self.is_sqlite else _POOL, thread_name_prefix="store")

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        """One transaction in the calling thread: commits at the end, rolls back on any error.

        Raises StoreUnavailable when the database does not answer.
        """
        try:
            with self._engine.begin() as connection:
                tx = Tx(connection, self.vault, self.ledger, self.clock.now())
                yield tx
                tx.finish()
        except IntegrityError:
            raise
        except (OperationalError, InterfaceError) as error:
            msg = f"the desk's database does not answer: {type(error.orig).__name__}"
            raise StoreUnavailable(msg) from error
        for hook in tx.hooks:
            hook()

    async def run(self, work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """``work(tx, *args, **kwargs)`` as one transaction in the store's thread; hooks run in the loop after the commit.

        A cancelled caller does not stop a transaction that has begun: it commits or rolls back by itself.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, partial(self._in_thread, loop, work, args, kwargs))

    def _in_thread(self, loop: asyncio.AbstractEventLoop, work: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
        hooks: list[Callable[[], None]] = []
        with self.transaction() as tx:
            result = work(tx, *args, **kwargs)
            hooks, tx.hooks = tx.hooks, []
        for hook in hooks:
            if not loop.is_closed():
                loop.call_soon_threadsafe(hook)
        return result

    def migrate(self) -> None:
        """Bring the schema to this release's."""
        with self._engine.begin() as connection:
            config = _alembic()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def schema_is_current(self) -> bool:
        """True if the schema is this release's."""
        with self._engine.connect() as connection:
            return (
                MigrationContext.configure(connection).get_current_revision() == ScriptDirectory.from_config(_alembic()).get_current_head()
            )

    async def checkpoint(self) -> None:
        """Empty SQLite's write-ahead log, so that a destroyed key is gone from the disk."""
        if self.is_sqlite:
            await asyncio.get_running_loop().run_in_executor(self._threads, self._checkpoint)

    def _checkpoint(self) -> None:
        # The driver's own connection: a checkpoint inside a transaction, even one just begun, is refused.
        connection = self._engine.raw_connection()
        try:
            connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]
        finally:
            connection.close()

    def close(self) -> None:
        """Finish what runs and close the connections."""
        self._threads.shutdown()
        self._engine.dispose()


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config


def _engine(url: str) -> Engine:
    parsed = make_url(url)
    if parsed.drivername == "postgresql":
        return create_engine(parsed.set(drivername="postgresql+psycopg"), pool_size=_POOL, pool_pre_ping=True, hide_parameters=True)
    if parsed.drivername != "sqlite":
        raise ConfigurationError("store.url", f"unknown database {parsed.drivername}", "Use sqlite:///path or postgresql://user@host/name.")
    engine = create_engine(parsed, connect_args={"check_same_thread": False, "timeout": _BUSY / 1000}, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver's own deferred BEGIN silently lost updates of a second writer: we say BEGIN IMMEDIATE ourselves.
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
        f"busy_timeout={_BUSY}",
        "cache_size=-8000",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
