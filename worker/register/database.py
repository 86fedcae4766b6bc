"""One declared database: its engine, its tables as they really are, and its errors in our words."""

from __future__ import annotations

import sqlite3
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Column, Connection, Engine, MetaData, Table, create_engine, event, func, insert, inspect, literal, make_url, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, NoSuchTableError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.sql import ColumnElement

from worker.errors import ConfigurationError, RegisterRefused, RegisterUnavailable
from worker.register import tables as made
from worker.register.declaration import DatabaseDeclaration, TableDeclaration
from worker.register.model import PersonKey

WAIT: Final = 10  # seconds: for a connection, for a lock, for another writer of SQLite
_POOL: Final = 5  # connections per database: one a thread of the register, and that of a package which is being read
_TEMPORARY: Final = frozenset(
    {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL}
)
_READ: Final = "privacy_desk_read"


@dataclass(frozen=True, slots=True)
class Open:
    """One open transaction on one database. ``tables`` are the declared tables as the database has them."""

    declared: DatabaseDeclaration
    connection: Connection
    tables: Mapping[str, Table]
    writes: bool = False

    def row(self, person: PersonKey, *, lock: bool = False) -> dict[str, Any] | None:
        """The person's row, or None; ``lock`` holds it to the end of the transaction where the database can."""
        declared, table = self.table(person.table)
        key = typed(table.c[declared.key], person.key)
        if key is None:
            return None
        query = select(table).where(table.c[declared.key] == key)
        found = self.connection.execute(query.with_for_update() if lock else query).mappings().first()
        return dict(found) if found else None

    def table(self, name: str) -> tuple[TableDeclaration, Table]:
        """A declared table and what it is in the database."""
        if name not in self.declared.by_name:
            raise RegisterRefused(f"databases.{self.declared.name} has no declared table of that name")
        return self.declared.by_name[name], self.tables[name]

    def add(self, name: str, rows: Sequence[Mapping[str, object]]) -> None:
        """Insert rows; in the built-in database PostgreSQL numbers later ones after the keys that they bring along."""
        declared, table = self.table(name)
        self.connection.execute(insert(table), [dict(row) for row in rows])
        if self.declared.builtin and self.connection.dialect.name == "postgresql":
            highest = select(func.max(table.c[declared.key])).scalar_subquery()
            self.connection.execute(select(func.setval(func.pg_get_serial_sequence(f'"{name}"', declared.key), highest)))


@dataclass(frozen=True, slots=True)
class Seen:
    """A table as a database has it: its columns, its primary key, the tables it refers to."""

    columns: Table
    primary: tuple[str, ...]
    refers: tuple[str, ...]


class Database:
    """A declared database. Nothing is connected before the first use, so that a server that is down does not stop a start."""

    def __init__(self, declared: DatabaseDeclaration, url: str, setting: str) -> None:
        self.declared = declared
        self._engine = _engine(url, setting, builtin=declared.builtin)
        self._tables: Mapping[str, Table] = {}
        self._lock = threading.Lock()
        self._checkpoint = threading.Lock()
        #: What the last attempt said: empty if the database answered, None before the first one.
        self.problem: str | None = None

    @property
    def name(self) -> str:
        """The declared name."""
        return self.declared.name

    @contextmanager
    def reading(self) -> Iterator[Open]:
        """A transaction that only reads, on one state of the data where the database can."""
        with self.translated():
            tables = self._ready()
            engine = self._engine.execution_options(**{_READ: True})
            if engine.dialect.name == "postgresql":
                engine = engine.execution_options(isolation_level="REPEATABLE READ")
            with engine.connect() as connection:
                yield Open(self.declared, connection, tables)

    @contextmanager
    def writing(self) -> Iterator[Open]:
        """A transaction: commits at the end, rolls back on any error."""
        with self.translated():
            tables = self._ready()
            with self._engine.begin() as connection:
                yield Open(self.declared, connection, tables, writes=True)

    def create(self) -> None:
        """Make what the register makes itself, if it is not there, and look at the tables."""
        with self.translated():
            self._ready()

    def ask(self) -> None:
        """See whether it answers and has the declared tables. Never raises for that: ``problem`` says it."""
        try:
            with self.reading() as at:
                at.connection.execute(select(literal(1)))
        except RegisterUnavailable:
            return
        except RegisterRefused as error:
            self.problem = str(error)

    def look(self, table: str) -> Seen | None:
        """A table as the database has it, or None."""
        schema, _, bare = table.rpartition(".")
        with self.translated(), self._engine.connect() as connection:
            try:
                columns, about = _reflected(connection, table), inspect(connection)
                primary = about.get_pk_constraint(bare, schema or None)["constrained_columns"]
                foreign = [key["referred_table"] for key in about.get_foreign_keys(bare, schema or None)]
            except NoSuchTableError:
                return None
            return Seen(columns, tuple(primary), tuple(foreign))

    def forget(self) -> None:
        """Leave nothing of what was erased in SQLite's write-ahead log; RegisterUnavailable while somebody still reads it."""
        if self._engine.dialect.name != "sqlite":
            return
        # SQLite waits for readers and writers, but answers "busy" at once while another checkpoint runs.
        with self._checkpoint, self.translated(), closing(self._engine.raw_connection()) as connection:
            try:
                busy = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            except sqlite3.Error as error:
                raise RegisterUnavailable(f"databases.{self.name}: {type(error).__name__} {error.sqlite_errorname}") from None
        if busy:
            raise RegisterUnavailable(f"databases.{self.name}: the write-ahead log is being read")

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    @contextmanager
    def translated(self) -> Iterator[None]:
        """SQLAlchemy's errors as ours. The driver's words are left out: they may hold a person's data."""
        try:
            yield
        except (PoolTimeout, SQLAlchemyError) as error:
            kind = RegisterUnavailable if _is_temporary(error) else RegisterRefused
            self.problem = _code(error) if kind is RegisterUnavailable else ""
            raise kind(f"databases.{self.name}: {_code(error)}") from None
        self.problem = ""

    def _ready(self) -> Mapping[str, Table]:
        with self._lock:
            if not self._tables:
                self._make()
                with self._engine.connect() as connection:
                    self._tables = {t.name: self._seen(connection, t) for t in self.declared.tables}
            return self._tables

    def _make(self) -> None:
        wanted = [made.customers] * self.declared.builtin + [made.own] * self.declared.own_tables
        for metadata in wanted:
            try:
                metadata.create_all(self._engine)
            except DBAPIError as error:
                if _is_temporary(error):
                    raise
                metadata.create_all(self._engine)  # another process made them at the same moment

    def _seen(self, connection: Connection, declared: TableDeclaration) -> Table:
        setting = f"databases.{self.name}.tables.{declared.name}"
        try:
            table = _reflected(connection, declared.name)
        except NoSuchTableError:
            raise RegisterRefused(f"{setting}: the database has no such table") from None
        if missing := [n for n in declared.names if n not in table.c]:
            raise RegisterRefused(f"{setting}: the table has no column {', '.join(missing)}")
        return table


def _reflected(connection: Connection, name: str) -> Table:
    """The columns alone: an index or constraint that SQLAlchemy cannot read is none of our business."""
    schema, _, bare = name.rpartition(".")
    columns = inspect(connection).get_columns(bare, schema or None)
    return Table(bare, MetaData(), *(Column(c["name"], c["type"], nullable=c["nullable"]) for c in columns), schema=schema or None)


def is_text(column: ColumnElement[Any]) -> bool:
    """True if the column holds text; some databases have types that SQLAlchemy does not know."""
    try:
        return column.type.python_type is str
    except NotImplementedError:
        return False


def typed(column: ColumnElement[Any], key: str) -> Any:
    """A key given as text in the type of its column; None if it cannot be one."""
    try:
        kind = column.type.python_type
        return kind(key) if kind in {int, uuid.UUID} else key
    except NotImplementedError:
        return key
    except ValueError:
        return None


def _engine(url: str, setting: str, *, builtin: bool) -> Engine:
    try:
        parsed = _with_driver(make_url(url))
        engine = create_engine(parsed, hide_parameters=True, pool_timeout=WAIT, **_options(parsed))
    except (ArgumentError, ModuleNotFoundError) as error:
        raise ConfigurationError(
            setting, f"no database can be opened ({type(error).__name__})", "Write postgresql://host/name or sqlite:///path"
        ) from None
    if parsed.get_backend_name() == "sqlite":
        _prepare_sqlite(engine, wal=builtin)
        if builtin and parsed.database:
            _make_folder(Path(parsed.database).parent, setting)
    return engine


def _make_folder(folder: Path, setting: str) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(setting, f"{folder} cannot be made ({error.strerror})", "Make it for the desk's user") from None


def _with_driver(url: URL) -> URL:
    """Psycopg 3 is the driver we ship; SQLAlchemy would look for psycopg2."""
    return url.set(drivername="postgresql+psycopg") if url.drivername in {"postgresql", "postgres"} else url


def _options(url: URL) -> dict[str, Any]:
    match url.get_backend_name():
        case "sqlite":
            return {"connect_args": {"timeout": WAIT, "check_same_thread": False}}
        case "postgresql":
            arguments = {"connect_timeout": WAIT, "options": f"-c lock_timeout={WAIT}s"}
            return {"connect_args": arguments, "pool_pre_ping": True, "pool_size": _POOL, "max_overflow": 0}
        case _:
            return {"pool_pre_ping": True, "pool_size": _POOL, "max_overflow": 0}


def _prepare_sqlite(engine: Engine, *, wal: bool) -> None:
    """BEGIN IMMEDIATE for writers: the driver's deferred BEGIN was seen to lose updates."""

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        for pragma in (f"busy_timeout={WAIT * 1000}", "foreign_keys=ON", "secure_delete=ON", *(["journal_mode=WAL"] if wal else [])):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if connection.get_execution_options().get(_READ) else "BEGIN IMMEDIATE")


def _is_temporary(error: SQLAlchemyError) -> bool:
    """A refused connection, a lock, a deadlock or a full disk may pass; a wrong name or a missing right will not."""
    if isinstance(error, PoolTimeout) or (isinstance(error, DBAPIError) and error.connection_invalidated):
        return True
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    code = getattr(error.orig, "sqlite_errorcode", None)
    return code is None or code & 0xFF in _TEMPORARY


def _code(error: SQLAlchemyError) -> str:
    """The class of an error and the database's code for it: enough to look it up, nothing of the data."""
    origin = getattr(error, "orig", None)
    code = getattr(origin, "sqlite_errorname", None) or getattr(origin, "sqlstate", None) or ""
    return f"{type(origin or error).__name__} {code}".rstrip()
