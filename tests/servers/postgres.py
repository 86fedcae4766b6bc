"""A private PostgreSQL, without durability (it lives for one test run)."""

from __future__ import annotations

import secrets
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from tests.servers import process

PACKAGE = "postgresql"
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=127.0.0.1", "max_connections=100")


@dataclass(slots=True)
class Postgres:
    """A server that can go down and come back; ``url`` names its maintenance database."""

    port: int
    root: Path
    owner: process.Account
    server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Serve, and wait until it answers."""
        settings = [part for each in FAST for part in ("-c", each)]
        command = [_binary("postgres"), "-D", str(self.root / "data"), "-p", str(self.port), "-k", str(self.root), *settings]
        self.server = process.spawn(command, owner=self.owner, log=self.root / "log")
        process.wait_until(lambda: _answers(self.port), "PostgreSQL", self.server, self.root / "log")

    def stop(self) -> None:
        """Go down; every connection is cut."""
        if self.server is not None:
            process.stop(self.server, signal.SIGINT)
            self.server = None

    def url_of(self, database: str) -> str:
        """``postgresql://desk@127.0.0.1:PORT/DATABASE``."""
        return f"postgresql://desk@127.0.0.1:{self.port}/{database}"

    @property
    def url(self) -> str:
        return self.url_of("postgres")

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a new, empty database; dropped at the end, whoever is still connected."""
        name = f"desk_{secrets.token_hex(6)}"
        self._run(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        try:
            yield self.url_of(name)
        finally:
            self._run(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)


@contextmanager
def run_postgres() -> Iterator[Postgres]:
    """Make a cluster in a temporary folder and serve it on a free loopback port."""
    owner = process.account("postgres")
    with process.folder("pg", owner) as root:
        (root / "log").touch()
        _initialise(root / "data", owner)
        server = Postgres(process.free_port(), root, owner)
        try:
            server.start()
            yield server
        finally:
            server.stop()


def _initialise(data: Path, owner: process.Account) -> None:
    command = [_binary("initdb"), "-D", str(data), "-U", "desk", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
    log = data.parent / "initdb.log"
    log.touch()
    made = process.spawn(command, owner=owner, log=log)
    if made.wait(process.START_SECONDS) != 0:
        msg = f"initdb failed:\n{log.read_text()}"
        raise process.ServerError(msg)


def _answers(port: int) -> bool:
    try:
        psycopg.connect(f"postgresql://desk@127.0.0.1:{port}/postgres", connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _binary(name: str) -> str:
    """Debian keeps the server's programs beside each other per version, outside PATH: the newest wins."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: int(each.parent.name))
    return str(versions[-1] / name) if versions else process.program(name, PACKAGE)


def version() -> str:
    """What ``postgres --version`` says."""
    return subprocess.run([_binary("postgres"), "--version"], check=True, capture_output=True, text=True).stdout.strip()
