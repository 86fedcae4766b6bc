"""A desk at work between real servers: settings as a company writes them, mails dropped into the mailbox, letters caught."""

from __future__ import annotations

import asyncio
import email
import email.policy
import re
import tomllib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from sqlalchemy import select

from tests.desks import ANN, a_mail
from tests.servers import process
from tests.servers.dovecot import Dovecot
from tests.servers.smtp import ScriptedSmtp
from worker.app import Running, running
from worker.rules.mail import Address
from worker.rules.model import Language
from worker.settings import Settings, load
from worker.store import Tx, audit, cases, make_key, newsletters, tables

WITHIN = 20.0  # seconds that anything may take on a busy machine


@dataclass
class Ahead:
    """The machine's clock, put forward by a test."""

    by: timedelta = timedelta(0)

    def now(self) -> datetime:
        """The machine's moment, and as much more as was let pass."""
        return datetime.now(UTC) + self.by


@dataclass
class Journey:
    """One desk, its mailbox and its post."""

    running: Running
    settings: Settings
    dovecot: Dovecot
    user: str
    smtp: ScriptedSmtp
    clock: Ahead
    sent: int = field(default=0)

    @property
    def url(self) -> str:
        """Where the pages are."""
        host, port = self.running.listening["public"]
        return f"http://{host}:{port}"

    def deliver(
        self, text: str, *, sender: str = "ann@example.com", subject: str = "Hello", folder: str = "INBOX", user: str = "", **headers: str
    ) -> bytes:
        """A customer's mail arrives in the mailbox (of ``user``, if there are several)."""
        self.sent += 1
        raw = a_mail(text, sender=sender, subject=subject, uid=self.sent, **headers)
        self.drop(raw, folder=folder, user=user)
        return raw

    def drop(self, raw: bytes, *, folder: str = "INBOX", user: str = "") -> None:
        """These bytes arrive in the mailbox."""
        self.dovecot.deliver(user or self.user, raw, folder=folder, received=self.clock.now())

    async def letter(self, to: str, number: int = 1) -> Letter:
        """The ``number``-th letter to somebody, as soon as it has arrived."""
        found = await self.smtp.arrived(number, recipient=to, within=WITHIN)
        return letter_of(found[number - 1].data)

    async def names(self, to: str) -> list[str]:
        """Which letters were written to somebody, oldest first."""
        return await self.running.desk.store.run(_names, to)

    async def until(self, holds: Callable[[Tx], bool]) -> None:
        """Wait until something holds in the store."""
        async with asyncio.timeout(WITHIN):
            while not await self.running.desk.store.run(holds):
                await asyncio.sleep(0.05)

    async def settled(self, count: int = 0) -> None:
        """Wait until every mail (at least ``count``) was read and every letter that is due has left."""
        await self.until(lambda tx: len(_states(tx)) >= count and "stored" not in _states(tx) and not _leaving(tx))

    async def mail_states(self) -> list[str]:
        """The states of all mails, oldest first."""
        return await self.running.desk.store.run(_states)

    async def requests(self, address: str) -> dict[str, str]:
        """Right to state, of all cases of somebody."""
        return await self.running.desk.store.run(_requests, address)

    async def customer(self, number: int, address: str, **changes: Any) -> None:
        """Put a customer on record, like Ann in all that is not said."""
        given = {"id": number, "customer_number": f"C-{number}", "email": address}
        await self.running.desk.register.add("customer", [ANN | given | changes])

    async def record(self, address: str) -> dict[str, str] | None:
        """The customer's row under an address, as the company sees it."""
        rows = await self.running.desk.register.export_rows()
        return next((dict(row) for row in rows if row["email"].lower() == address), None)

    async def reader(self, address: str, language: Language, topic: str) -> str:
        """Subscribe somebody to a newsletter; returns the token of the reader's links."""
        return await self.running.desk.store.run(_subscribe, address, language, topic)

    async def suppressed(self, address: str) -> bool:
        """Whether somebody gets no newsletter any more."""
        return await self.running.desk.store.run(lambda tx: newsletters.suppressed_at(tx, tx.vault.person(address)) is not None)

    async def later(self, **time: float) -> None:
        """Let so much time go by, and the schedule look at once."""
        self.clock.by += timedelta(**time)
        await self.running.desk.store.run(self._look)

    def _look(self, tx: Tx) -> None:
        for task in ("tick", "sweep"):
            self.running.desk.engine.enqueue(tx, task, task, ())

    async def verified(self) -> int:
        """How many entries the audit log has; every one of them fits."""
        return await self.running.desk.store.run(audit.verify, {})


def _names(tx: Tx, to: str) -> list[str]:
    mine = select(tables.letter.c.name).where(tables.letter.c.person == tx.vault.person(to))
    return list(tx.connection.execute(mine.order_by(tables.letter.c.id)).scalars())


def _states(tx: Tx) -> list[str]:
    return list(tx.connection.execute(select(tables.mail.c.state).order_by(tables.mail.c.id)).scalars())


def _leaving(tx: Tx) -> bool:
    busy = tables.letter.c.state.in_(("waiting", "claimed")) & (tables.letter.c.due <= tx.now)
    return tx.connection.execute(select(tables.letter.c.id).where(busy).limit(1)).scalar() is not None


def _requests(tx: Tx, address: str) -> dict[str, str]:
    mine = select(tables.cases.c.id).where(tables.cases.c.person == tx.vault.person(address)).order_by(tables.cases.c.id)
    found = tx.connection.execute(mine).scalars().all()
    return {right.value: state.value for case_id in found for right, state in cases.rights_of(tx, case_id)}


def _subscribe(tx: Tx, address: str, language: Language, topic: str) -> str:
    person = newsletters.add_reader(tx, Address(address), language)
    newsletters.enrol(tx, person, topic, "shop counter")
    return newsletters.reader_token(tx, person)


@dataclass
class Letter:
    """A letter as it arrived."""

    message: EmailMessage

    @property
    def text(self) -> str:
        """What the reader of plain text sees."""
        body = self.message.get_body(("plain",))
        assert body is not None
        return str(body.get_content())

    def path(self, kind: str) -> str:
        """The path of the letter's link of this kind."""
        return "/" + self.link(kind).split("/", 3)[3]

    def link(self, kind: str) -> str:
        """The letter's link of this kind, to click."""
        found = re.search(rf"(http\S+/{kind}/[\w-]{{43}})", self.text)
        assert found, f"no /{kind}/ link in {self.text}"
        return found.group(1)

    @property
    def code(self) -> str:
        """The six-character code."""
        found = re.search(r"^\s*([2-9A-HJKMNP-Z]{3}[ -]?[2-9A-HJKMNP-Z]{3})\s*$", self.text, re.MULTILINE)
        assert found, f"no code in {self.text}"
        return found.group(1)

    @property
    def language(self) -> str:
        """What Content-Language says."""
        return str(self.message["Content-Language"])


def letter_of(raw: bytes) -> Letter:
    """A letter from its bytes."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return Letter(message)


@dataclass(frozen=True)
class Box:
    """A mailbox as the settings know it."""

    user: str
    name: str = "privacy"
    tls: str = "none"
    poll: str = "1min"


def written(
    folder: Path, *, dovecot: Dovecot, user: str, smtp_port: int, store_url: str = "", more: str = "", boxes: tuple[Box, ...] = ()
) -> Path:
    """A config file as a company would write it, with its keys. The links in the letters lead to the port it listens on."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("master.key", "index.key"):
        make_key(folder / name)
    (folder / "password").write_text(dovecot.password)
    path, web = folder / "worker.toml", process.free_port()
    mailboxes = "\n".join(_mailbox(dovecot, box) for box in boxes or (Box(user),))
    path.write_text(f"""
[desk]
company = "Voorbeeld IT BV"
address = "Voorbeeldstraat 1, 9000 Gent"
contact = "privacy@company.example"
base_url = "http://127.0.0.1:{web}"

{mailboxes}

[smtp]
host = "127.0.0.1"
port = {smtp_port}
tls = "none"
from = "privacy@company.example"

[data]
folder = "data"

[store]
url = "{store_url}"

[keys]
master_file = "master.key"
index_file = "index.key"

[ledger]
file = "ledger.jsonl"

[web]
listen = "127.0.0.1:{web}"
{more}
""")
    tomllib.loads(path.read_text())
    return path


def _mailbox(dovecot: Dovecot, box: Box) -> str:
    secure = box.tls != "none"
    authority = f'ca_file = "{dovecot.certificates.authority}"' if secure else ""
    return f"""
[[mailbox]]
name = "{box.name}"
host = "{"localhost" if secure else "127.0.0.1"}"
port = {dovecot.tls_port if box.tls == "implicit" else dovecot.port}
tls = "{box.tls}"
user = "{box.user}"
password_file = "password"
poll = "{box.poll}"
{authority}
"""


@asynccontextmanager
async def a_journey(config: Path, dovecot: Dovecot, user: str, smtp: ScriptedSmtp, *, clock: Ahead | None = None) -> AsyncIterator[Journey]:
    """The desk of ``config`` at work, connected to its mailbox, with Ann on record."""
    settings, clock = load(config, {}), clock or Ahead()
    async with running(settings, clock=clock) as desk:
        if not await desk.desk.register.find("ann@example.com"):
            await desk.desk.register.add("customer", [ANN])
        async with asyncio.timeout(WITHIN):
            while not desk.ready():
                await asyncio.sleep(0.02)
        yield Journey(desk, settings, dovecot, user, smtp, clock)
