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
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, event, func, make_url, select
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

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
_CONNECT: Final = 10  # seconds that PostgreSQL gets to answer a connection
#: A server that vanished without a word is noticed within a minute; libpq's names, in seconds and milliseconds.
_ALIVE: Final = {"keepalives_idle": 20, "keepalives_interval": 5, "keepalives_count": 4, "tcp_user_timeout": 30_000}
_NO_TABLE: Final = frozenset({"42P01", "42703"})  # SQLSTATE: a table or column that is not there (yet)
_MIGRATING: Final = 0x5072_6976_6163  # an advisory lock of PostgreSQL: one process at a time makes tables
_MIGRATIONS: Final = Path(__file__).parent / "migrations"


class Schema(StrEnum):
    """The tables of a store, compared with those of this release."""

    CURRENT = "current"
    MISSING = "missing"  # nobody made any yet
    OLDER = "older"
    NEWER = "newer"  # those of a later release, which this one must not touch


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
        #: What the last attempt said: empty if the database answered, None before the first one.
        self.problem: str | None = None
        self._threads = ThreadPoolExecutor(1 if self.is_sqlite else _POOL, thread_name_prefix="store")

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        """One transaction in the calling thread: commits at the end, rolls back on any error.

        Raises StoreUnavailable when the database does not answer, or has no tables yet.
        """
        with self._translated(), self._engine.begin() as connection:
            tx = Tx(connection, self.vault, self.ledger, self.clock.now())
            yield tx
            tx.finish()
        for hook in tx.hooks:
            hook()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """SQLAlchemy's errors as ours, and ``problem`` as the last attempt left it."""
        try:
            yield
        except (OperationalError, InterfaceError, PoolTimeout, ProgrammingError) as error:
            if isinstance(error, ProgrammingError) and getattr(error.orig, "sqlstate", "") not in _NO_TABLE:
                raise
            self.problem = _said(error)
            raise StoreUnavailable(f"the desk's database does not answer: {self.problem}") from error
        self.problem = ""

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
        """Bring the schema to this release's. No desk may be at work on it; of several processes one migrates, the others find it done.

        Raises StoreUnavailable, and ConfigurationError for the tables of a later release.
        """
        with self._translated(), self._engine.begin() as connection:
            if not self.is_sqlite:
                connection.execute(select(func.pg_advisory_xact_lock(_MIGRATING)))
            if _schema(connection) is Schema.NEWER:
                raise _newer()
            config = _alembic()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def schema(self) -> Schema:
        """How the tables compare with this release's; nothing is made. Raises StoreUnavailable."""
        file = self._engine.url.database if self.is_sqlite else None
        if file and not Path(file).exists():
            return Schema.MISSING
        with self._translated(), self._engine.connect() as connection:
            return _schema(connection)

    def require_current(self) -> None:
        """Raise ConfigurationError unless the tables are this release's: only a desk that is about to work, and ``migrate``, make them so."""
        match self.schema():
            case Schema.MISSING:
                raise ConfigurationError("store.url", "the desk's database has no tables yet", "Run `privacy-desk init`.")
            case Schema.OLDER:
                raise ConfigurationError("store.url", "the desk's database has older tables", "Run `privacy-desk migrate`.")
            case Schema.NEWER:
                raise _newer()
            case Schema.CURRENT:
                return

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


def _schema(connection: Connection) -> Schema:
    found = MigrationContext.configure(connection).get_current_revision()
    script = ScriptDirectory.from_config(_alembic())
    if found is None:
        return Schema.MISSING
    if found == script.get_current_head():
        return Schema.CURRENT
    return Schema.OLDER if found in {each.revision for each in script.walk_revisions()} else Schema.NEWER


def _newer() -> ConfigurationError:
    return ConfigurationError("store.url", "the desk's database has the tables of a later release", "Run that release.")


def _said(error: Exception) -> str:
    """What went wrong, without values of a row: the class and code of the server's answer, or the driver's own words if there was none."""
    origin = getattr(error, "orig", None) or error
    code = getattr(origin, "sqlstate", None)
    return f"{type(origin).__name__} {code}" if code else f"{type(origin).__name__}: {str(origin).partition(chr(10))[0][:200]}"


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigurationError("store.url", "the value is no URL", "Use sqlite:///path or postgresql://user@host/name.") from None
    if parsed.drivername == "postgresql":
        patience = {name: value for name, value in {"connect_timeout": _CONNECT, **_ALIVE}.items() if name not in parsed.query}
        parsed = parsed.set(drivername="postgresql+psycopg")
        return create_engine(parsed, pool_size=_POOL, pool_pre_ping=True, hide_parameters=True, connect_args=patience)
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
