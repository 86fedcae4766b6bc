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
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from sqlalchemy import select

from tests.desks import ANN, a_mail
from tests.servers.dovecot import Dovecot
from tests.servers.smtp import ScriptedSmtp
from worker.app import Running, running
from worker.settings import Settings, load
from worker.store import Tx, make_key, tables

WITHIN = 20.0  # seconds that anything may take on a busy machine


@dataclass
class Journey:
    """One desk, its mailbox and its post."""

    running: Running
    settings: Settings
    dovecot: Dovecot
    user: str
    smtp: ScriptedSmtp
    sent: int = field(default=0)

    @property
    def url(self) -> str:
        """Where the pages are."""
        host, port = self.running.listening["public"]
        return f"http://{host}:{port}"

    def deliver(self, text: str, *, sender: str = "ann@example.com", subject: str = "Hello", folder: str = "INBOX", **headers: str) -> bytes:
        """A customer's mail arrives in the mailbox."""
        self.sent += 1
        raw = a_mail(text, sender=sender, subject=subject, uid=self.sent, **headers)
        self.dovecot.deliver(self.user, raw, folder=folder)
        return raw

    async def letter(self, to: str, number: int = 1) -> Letter:
        """The ``number``-th letter to somebody, as soon as it has arrived."""
        found = await self.smtp.arrived(number, recipient=to, within=WITHIN)
        return Letter(email.message_from_bytes(found[number - 1].data, policy=email.policy.default))  # type: ignore[arg-type]

    async def until(self, holds: Callable[[Tx], bool]) -> None:
        """Wait until something holds in the store."""
        async with asyncio.timeout(WITHIN):
            while not await self.running.desk.store.run(holds):
                await asyncio.sleep(0.05)

    async def mail_states(self) -> list[str]:
        """The states of all mails, oldest first."""
        return await self.running.desk.store.run(lambda tx: list(tx.connection.execute(select(tables.mail.c.state).order_by(tables.mail.c.id)).scalars()))


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
        found = re.search(rf"(/{kind}/[\w-]{{43}})", self.text)
        assert found, f"no /{kind}/ link in {self.text}"
        return found.group(1)

    @property
    def code(self) -> str:
        """The six-character code."""
        found = re.search(r"^\s*([2-9A-HJKMNP-Z]{3}[ -]?[2-9A-HJKMNP-Z]{3})\s*$", self.text, re.M)
        assert found, f"no code in {self.text}"
        return found.group(1)


def written(folder: Path, *, dovecot: Dovecot, user: str, smtp_port: int, store_url: str = "", more: str = "") -> Path:
    """A config file as a company would write it, with its keys."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("master.key", "index.key"):
        make_key(folder / name)
    (folder / "password").write_text(dovecot.password)
    path = folder / "worker.toml"
    path.write_text(f"""
[desk]
company = "Voorbeeld IT BV"
address = "Voorbeeldstraat 1, 9000 Gent"
contact = "privacy@company.example"
base_url = "http://127.0.0.1:8080"

[[mailbox]]
name = "privacy"
host = "127.0.0.1"
port = {dovecot.port}
tls = "none"
user = "{user}"
password_file = "password"

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
listen = "127.0.0.1:0"
{more}
""")
    tomllib.loads(path.read_text())
    return path


@asynccontextmanager
async def a_journey(config: Path, dovecot: Dovecot, user: str, smtp: ScriptedSmtp, *, clock: Any = None) -> AsyncIterator[Journey]:
    """The desk of ``config`` at work, connected to its mailbox, with Ann on record."""
    settings = load(config, {})
    async with running(settings, clock=clock) as desk:
        if not await desk.desk.register.find("ann@example.com"):
            await desk.desk.register.add("customer", [ANN])
        async with asyncio.timeout(WITHIN):
            while not desk.ready():
                await asyncio.sleep(0.02)
        yield Journey(desk, settings, dovecot, user, smtp)
