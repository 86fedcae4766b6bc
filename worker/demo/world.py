"""Puts mail servers, customers and the desk together in a temporary folder, on loopback, for as long as a block runs."""

from __future__ import annotations

import asyncio
import secrets
import smtplib
import socket
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from worker.app import Running, running
from worker.casework import staff
from worker.demo.customers import Customer, customers
from worker.demo.mailserver import USER, ImapServer
from worker.demo.newsletters import plan
from worker.demo.postoffice import PostOffice
from worker.rules.mail import Address
from worker.rules.model import Role
from worker.schedule import ScheduleSettings
from worker.settings import Settings, load
from worker.store import Tx, make_key, newsletters
from worker.store.look import Seen, seen

HOST: Final = "127.0.0.1"
MAILBOX: Final = "privacy@voorbeeld.test"
PASSWORD: Final = "demo"  # noqa: S105 - everybody may know it: the mailbox holds invented mails, on this machine
LOGINS: Final = {"lea": Role.HANDLER, "adam": Role.APPROVER}
_TICK: Final = timedelta(seconds=1)
_READY: Final = 30.0  # seconds for the desk to connect to its mailbox
_POLICY: Final = Path(__file__).parents[2] / "config" / "policy"


@dataclass
class DemoClock:
    """The machine's clock, and as much more as was let pass."""

    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        """The desk's moment, in UTC."""
        return datetime.now(UTC) + self.ahead


@dataclass(frozen=True, slots=True)
class Ports:
    """Where things listen; 0: wherever there is room."""

    pages: int = 0
    imap: int = 0
    smtp: int = 0


@dataclass
class World:
    """Everything of one demo while it runs. ``records`` are the customers' rows as they were at its beginning, by customer number."""

    folder: Path = field(repr=False)
    settings: Settings = field(repr=False)
    clock: DemoClock
    imap: ImapServer
    post: PostOffice
    running: Running
    people: tuple[Customer, ...] = field(repr=False)
    records: dict[str, dict[str, str]] = field(repr=False, default_factory=dict)

    @property
    def url(self) -> str:
        """Where the desk's pages are."""
        return self.settings.desk.base_url

    async def send(self, raw: bytes, sender: str = "customer@example.com") -> None:
        """A customer's mail program hands a mail to the post office, by SMTP. ``raw`` has CRLF line ends.

        What SMTP does not carry, such as a line of 5,000 characters, is put into the mailbox: other servers let it through.
        """
        try:
            await asyncio.to_thread(_submit, self.post.port, sender, raw)
        except smtplib.SMTPResponseException:
            await self.imap.append("INBOX", raw, self.clock.now())

    async def look(self) -> Seen:
        """What the desk has and did."""
        return await self.running.desk.store.run(seen)

    async def until(self, holds: Callable[[Seen], bool], within: float) -> Seen:
        """Wait until something holds; TimeoutError if it does not come in ``within`` seconds."""
        async with asyncio.timeout(within):
            while not holds(now := await self.look()):  # noqa: ASYNC110 - the rows say it, nobody else
                await asyncio.sleep(0.1)
            return now

    async def registered(self) -> dict[str, dict[str, str]]:
        """The customers as the company has them now, by customer number."""
        rows = await self.running.desk.register.export_rows()
        return {row["customer_number"]: dict(row) for row in rows}

    async def suppressed(self, mailbox: str) -> bool:
        """Whether somebody gets no newsletter any more."""
        return await self.running.desk.store.run(
            lambda tx: newsletters.suppressed_at(tx, tx.vault.person(Address(mailbox).key)) is not None
        )


def _submit(port: int, sender: str, raw: bytes) -> None:
    with smtplib.SMTP(HOST, port, timeout=20) as server:
        server.sendmail(sender, [MAILBOX], raw)


@asynccontextmanager
async def a_world(seed: int, ports: Ports, today: date, *, begins: timedelta = timedelta(0)) -> AsyncIterator[World]:
    """A desk between mail servers, with forty customers; nothing is left of it after the block.

    ``begins`` is how far behind the machine's clock the desk's begins.
    """
    clock = DemoClock(-begins)
    with tempfile.TemporaryDirectory(prefix="privacy-desk-demo-") as name:
        folder = Path(name)
        async with _mail_servers(clock, ports) as (imap, post):
            settings = load(_written(folder, ports.pages or free_port(), imap, post), {})
            quick = ScheduleSettings(sweep_every=_TICK, tick_every=_TICK)
            async with running(settings, clock=clock, schedule=quick) as desk:
                world = World(folder, settings, clock, imap, post, desk, customers(seed, today))
                await _move_in(world)
                yield world


@asynccontextmanager
async def _mail_servers(clock: DemoClock, ports: Ports) -> AsyncIterator[tuple[ImapServer, PostOffice]]:
    imap = ImapServer(PASSWORD)
    post = PostOffice(imap, MAILBOX, clock.now)
    try:
        await imap.start(HOST, ports.imap)
        await post.start(HOST, ports.smtp)
        yield imap, post
    finally:
        await post.stop()
        await imap.stop()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether one can listen on ``port``."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            probe.bind((HOST, port))
            return True
        return False


def _written(folder: Path, pages: int, imap: ImapServer, post: PostOffice) -> Path:
    """The settings as a company writes them, with keys and password."""
    for name in ("master.key", "index.key"):
        make_key(folder / name)
    (folder / "password").write_text(PASSWORD + "\n", "utf-8")
    policy = f'policy_folder = "{_POLICY}"' if _POLICY.is_dir() else ""
    path = folder / "worker.toml"
    path.write_text(_SETTINGS.format(pages=pages, imap=imap.port, smtp=post.port, policy=policy), "utf-8")
    return path


_SETTINGS: Final = f"""
[desk]
company = "Voorbeeld IT BV"
address = "Voorbeeldstraat 1, 9000 Gent"
contact = "{MAILBOX}"
base_url = "http://{HOST}:{{pages}}"

[[mailbox]]
name = "privacy"
host = "{HOST}"
port = {{imap}}
tls = "none"
user = "{USER}"
password_file = "password"
poll = "5s"

[smtp]
host = "{HOST}"
port = {{smtp}}
tls = "none"
from = "{MAILBOX}"

[data]
folder = "data"

[keys]
master_file = "master.key"
index_file = "index.key"

[ledger]
file = "ledger.jsonl"

[web]
listen = "{HOST}:{{pages}}"
{{policy}}

[policy]
deletion_grace = "10s"

[limits]
form_per_network_hour = 1000
logins_per_network = 1000
"""


async def _move_in(world: World) -> None:
    """The customers, their newsletters and the staff; returns when the desk reads its mailbox."""
    desk = world.running.desk
    await desk.register.add("customer", [each.row() for each in world.people])
    await desk.register.add("contract", [row for each in world.people for row in each.contracts])
    await desk.register.add("invoice", [row for each in world.people for row in each.invoices])
    world.records = await world.registered()
    await desk.store.run(plan, datetime.now(UTC))
    await desk.store.run(_subscribe, world.people)
    for login, role in LOGINS.items():
        await staff.add(desk, login, role, PASSWORD)
    async with asyncio.timeout(_READY):
        while not world.running.ready():  # noqa: ASYNC110 - once, for a moment
            await asyncio.sleep(0.02)


def _subscribe(tx: Tx, people: tuple[Customer, ...]) -> None:
    for each in people:
        person = newsletters.add_reader(tx, Address(each.email, each.name), each.language)
        for topic in each.topics:
            newsletters.enrol(tx, person, topic, each.origin, each.recorded_at)


def new_seed() -> int:
    """A seed of five digits, easy to type again."""
    return secrets.randbelow(90_000) + 10_000
