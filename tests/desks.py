"""A whole desk on a real store and register, with a clock that tests move; its mails are handed in and its letters read."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from sqlalchemy import select

from worker import apply
from worker.app import load_reader
from worker.casework import take, tick
from worker.casework.desk import Desk
from worker.engine.embedded import EmbeddedEngine
from worker.errors import UnreadableMail
from worker.mail.letters import Letters
from worker.mail.parse import content_key, parse, raw_content_key
from worker.register.register import Register
from worker.register.settings import RegisterSettings
from worker.rules.letters import DeskCard
from worker.rules.mail import Address
from worker.rules.model import Language, MailState
from worker.rules.policy import Policy
from worker.store import Ledger, Store, Tx, Vault, cases, mails, tables

START = datetime(2026, 3, 5, 9, 0, tzinfo=UTC)  # a Thursday

CARD = DeskCard(
    company="Voorbeeld IT BV",
    address="Voorbeeldstraat 1, 9000 Gent",
    contact="privacy@company.example",
    base_url="https://privacy.company.example",
    authority="Gegevensbeschermingsautoriteit (GBA)",
    authority_url="https://www.gegevensbeschermingsautoriteit.be",
    policy_version="2026-01",
    timezone="Europe/Brussels",
    country="BE",
)

ANN = {
    "id": 1, "customer_number": "C-1", "name": "Ann Peeters", "company": "Peeters BV", "function": "Manager", "street": "Kerkstraat", "number": "12",
    "box": None, "postcode": "9000", "town": "Gent", "country": "BE", "email": "ann@example.com", "telephone": "+32 9 123 45 67",
    "mobile": "+32 470 12 34 56", "fax": None, "office": "Gent", "origin": "contract", "recorded_at": START - timedelta(days=900),
}  # fmt: skip


@dataclass
class Hand:
    """A clock that a test moves."""

    moment: datetime = START

    def now(self) -> datetime:
        """The moment it was set to."""
        return self.moment

    def pass_(self, **time: float) -> None:
        """Let so much time go by."""
        self.moment += timedelta(**time)


@dataclass(frozen=True)
class Received:
    """A letter as its reader sees it."""

    to: str
    name: str
    subject: str
    text: str
    message: EmailMessage = field(repr=False)

    def link(self, kind: str) -> str:
        """The token of the letter's link of this kind."""
        found = re.search(rf"https://privacy\.company\.example/{kind}/([\w-]+)", self.text)
        assert found, f"no /{kind}/ link in {self.text}"
        return found.group(1)

    @property
    def code(self) -> str:
        """The six-character code."""
        found = re.search(r"^\s*([2-9A-HJKMNP-Z]{3}[ -]?[2-9A-HJKMNP-Z]{3})\s*$", self.text, re.MULTILINE)
        assert found, f"no code in {self.text}"
        return found.group(1)


class House:
    """A desk and what stands around it."""

    def __init__(self, desk: Desk, clock: Hand) -> None:
        self.desk = desk
        self.clock = clock
        self._uid = 0

    async def customer(self, **changes: Any) -> None:
        """Put a customer on record."""
        await self.desk.register.add("customer", [ANN | changes])

    async def receive(
        self, raw: bytes, *, door: str = "privacy", folder: str = "INBOX", received: datetime | None = None, whole: bool = True
    ) -> str:
        """A mail comes in by a door and is taken; returns its id."""
        self._uid += 1
        arrival = mails.Arrival(door, folder, 1, self._uid, received or self.clock.now(), _key(raw), raw, whole=whole)
        for mail_id in await self.desk.store.run(mails.add_lot, [arrival]):
            await take.take(self.desk, mail_id)
        return await self.desk.store.run(_newest_mail)

    async def write(self, text: str, *, sender: str = "ann@example.com", subject: str = "Hello", **headers: str) -> str:
        """Somebody writes a plain mail; returns its id."""
        return await self.receive(a_mail(text, sender=sender, subject=subject, uid=self._uid, **headers))

    async def state(self, mail_id: str) -> tuple[MailState, tuple[str, ...]]:
        """Where a mail is, and why."""
        stored = await self.desk.store.run(mails.load, mail_id)
        assert stored is not None
        return stored.state, tuple(r.value for r in stored.reasons)

    async def letters(self, to: str | None = None) -> list[Received]:
        """All letters written so far, oldest first."""
        found = await self.desk.store.run(_letters)
        return [each for each in found if to is None or each.to == to]

    async def last(self, name: str, to: str | None = None) -> Received:
        """The newest letter, which must be of this kind."""
        found = await self.letters(to)
        assert found, f"no letter {name}"
        assert found[-1].name == name, [each.name for each in found]
        return found[-1]

    async def carry_out(self) -> None:
        """Let ``apply`` do everything that is due."""
        await apply.run(self.desk, [])

    async def tick(self) -> None:
        """Let the legal clock look."""
        await tick.tick(self.desk)

    async def requests(self) -> dict[str, str]:
        """Right to state, of all cases."""
        return await self.desk.store.run(_requests)

    async def record(self, address: str = "ann@example.com") -> dict[str, Any] | None:
        """The customer's row under an address, as the company sees it."""
        rows = [r for r in await self.desk.register.export_rows() if r["email"].lower() == address]
        return dict(rows[0]) if rows else None


def a_mail(text: str, *, sender: str = "ann@example.com", subject: str = "Hello", uid: int = 0, **headers: str) -> bytes:
    """A plain mail; ``headers`` with underscores for dashes."""
    message = EmailMessage(policy=email.policy.SMTP)
    message["From"] = sender
    message["To"] = "privacy@company.example"
    message["Subject"] = subject
    message["Message-ID"] = f"<m{uid}.{abs(hash((text, sender, subject)))}@example.com>"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message.as_bytes()


def _key(raw: bytes) -> str:
    try:
        return content_key(parse(raw))
    except UnreadableMail:
        return raw_content_key(raw)


def _newest_mail(tx: Tx) -> str:
    return str(tx.connection.execute(select(tables.mail.c.id).order_by(tables.mail.c.uid.desc()).limit(1)).scalar_one())


def _letters(tx: Tx) -> list[Received]:
    rows = tx.connection.execute(select(tables.letter).order_by(tables.letter.c.id)).all()
    return [_received(r.name, tx.unseal(r.key_id, r.id, r.sealed)) for r in rows if r.sealed]


def _received(name: str, content: bytes) -> Received:
    message = email.message_from_bytes(content.partition(b"\n")[2], policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    body = message.get_body(("plain",))
    assert body is not None
    return Received(message["To"].addresses[0].addr_spec, name, message["Subject"], body.get_content(), message)


def _requests(tx: Tx) -> dict[str, str]:
    ids = tx.connection.execute(select(tables.cases.c.id).order_by(tables.cases.c.id)).scalars().all()
    return {right.value: state.value for case_id in ids for right, state in cases.rights_of(tx, case_id)}


@asynccontextmanager
async def a_house(database_url: str, folder: Path, **choices: Any) -> AsyncIterator[House]:
    """A desk on an empty database; ``declared`` is a file with more databases of customers."""
    clock, card = Hand(), choices.pop("card", CARD)
    vault = Vault(b"m" * 32, b"i" * 32)
    store = Store(database_url, vault, Ledger(folder / "ledger.jsonl"), clock)
    store.migrate()
    register = Register.open(RegisterSettings(f"sqlite:///{folder / 'customers.sqlite3'}", choices.pop("declared", None)))
    await register.create()
    desk = Desk(
        store=store, register=register, engine=EmbeddedEngine(clock), letters=Letters(card), reader=load_reader(), clock=clock, card=card,
        policy=choices.pop("policy", Policy()), sender=Address("privacy@company.example", "Voorbeeld IT"), languages=tuple(Language), **choices,
    )  # fmt: skip
    try:
        yield House(desk, clock)
    finally:
        register.close()
        store.close()
