"""A desk with readers, for tests of newsletters: real store, real letters, a clock that the test moves."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

from worker.casework.desk import Desk
from worker.engine.embedded import EmbeddedEngine
from worker.mail.letters import Letters
from worker.mail.smtp import Relay
from worker.mail.smtp_settings import SmtpSettings
from worker.newsletter.settings import NewsletterSettings
from worker.rules.letters import DeskCard
from worker.rules.mail import Address
from worker.rules.model import Language
from worker.rules.policy import Policy
from worker.sender import Sender
from worker.store import Ledger, Schema, Store, Tx, Vault, campaigns, letters, newsletters

CARD = DeskCard(
    company="Zonnebloem & Zoon", address="Kerkstraat 1, 9000 Gent", contact="privacy@desk.example.com", base_url="https://desk.example.com",
    authority="Gegevensbeschermingsautoriteit", authority_url="https://authority.example.com", policy_version="3",
    timezone="Europe/Brussels", country="BE",
)  # fmt: skip
START = datetime(2026, 12, 1, 7, 0, tzinfo=UTC)
TEXTS = {
    Language.NL: campaigns.Text(
        "Nieuws van de zaak", "# Beste lezer\n\nDe winkel is open. Zie [de folder](https://shop.example.com/nl).\n"
    ),
    Language.FR: campaigns.Text("Des nouvelles", "# Chère lectrice, cher lecteur\n\nLe magasin est ouvert.\n"),
    Language.EN: campaigns.Text("News", "# Dear reader\n\nThe shop is open.\n"),
    Language.DE: campaigns.Text("Neues für Sie", "# Liebe Leserin, lieber Leser\n\nDas Geschäft ist geöffnet.\n"),
}


@dataclass
class HandClock:
    """Stands still until the test moves it."""

    moment: datetime = START

    def now(self) -> datetime:
        return self.moment

    def on(self, **durations: float) -> None:
        self.moment += timedelta(**durations)


@dataclass(frozen=True)
class World:
    """A desk and its clock."""

    desk: Desk
    clock: HandClock

    @property
    def store(self) -> Store:
        return self.desk.store

    def topic(self, name: str = "offers") -> None:
        with self.store.transaction() as tx:
            newsletters.add_topic(tx, name, {Language.NL: "Aanbiedingen", Language.EN: "Offers"})

    def reader(self, mailbox: str, language: Language = Language.NL, *, name: str = "", topic: str = "offers") -> str:
        """Somebody subscribed; returns the token of the reader's links."""
        with self.store.transaction() as tx:
            person = newsletters.add_reader(tx, Address(mailbox, name), language)
            newsletters.enrol(tx, person, topic, "shop counter")
            return newsletters.reader_token(tx, person)

    def person(self, mailbox: str) -> str:
        return self.store.vault.person(mailbox)

    def plan(self, due: datetime = START, texts: dict[Language, campaigns.Text] | None = None) -> str:
        with self.store.transaction() as tx:
            return campaigns.plan(tx, "offers", due, TEXTS if texts is None else texts, "test")

    def claim(self, campaign_id: str) -> list[campaigns.Claimed]:
        """Begin a newsletter and take its readers, as a sender does."""
        with self.store.transaction() as tx:
            campaigns.begin(tx, campaign_id)
            return campaigns.claim(tx, campaign_id, 100, timedelta(minutes=10))

    def ask(self, what: Any, *arguments: Any) -> Any:
        """One function of the store, in a transaction of its own."""
        with self.store.transaction() as tx:
            return what(tx, *arguments)

    def counts(self, campaign_id: str) -> dict[str, int]:
        with self.store.transaction() as tx:
            return {state.value: number for state, number in campaigns.counts(tx, campaign_id).items() if number}

    def campaign(self, campaign_id: str) -> campaigns.Campaign:
        with self.store.transaction() as tx:
            found = campaigns.load(tx, campaign_id)
        assert found is not None
        return found

    def outbox(self) -> list[tuple[str, str, str]]:
        """(letter, recipient, text) of every letter that waits in the outbox."""
        with self.store.transaction() as tx:
            claimed = letters.claim(tx, 100, timedelta(0))
        return [(each.name, each.recipient, opened(each.raw)[1]) for each in claimed]


@contextmanager
def a_world(database_url: str, folder: Path, clock: HandClock | None = None, **choices: Any) -> Iterator[World]:
    """A desk on a migrated database. ``choices`` are fields of Desk; ``contact`` changes the card."""
    clock = clock or HandClock()
    vault = Vault(b"m" * 32, b"i" * 32)
    store = Store(database_url, vault, Ledger(folder / "ledger"), clock)
    if store.schema() is not Schema.CURRENT:
        store.migrate()
    desk = Desk(
        store=store, register=cast("Any", None), engine=EmbeddedEngine(clock), letters=Letters(CARD), reader=cast("Any", None), clock=clock,
        card=CARD, policy=Policy(), sender=Address("privacy@desk.example.com", CARD.company),
    )  # fmt: skip
    try:
        yield World(replace(desk, **choices), clock)
    finally:
        store.close()


class Senders:
    """Makes senders to one SMTP server, and closes their connections."""

    def __init__(self, port: int) -> None:
        self._settings = SmtpSettings("127.0.0.1", port, tls="none", timeout=5.0)
        self._relays: list[Relay] = []

    def __call__(self, world: World, **settings: Any) -> Sender:
        self._relays.append(Relay(self._settings))
        return Sender(world.desk, self._relays[-1], NewsletterSettings(**settings))

    async def close(self) -> None:
        for relay in self._relays:
            await relay.close()


def parsed(raw: bytes) -> EmailMessage:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def opened(raw: bytes) -> tuple[EmailMessage, str, str]:
    """A message, its text and its page."""
    message = parsed(raw)
    plain, page = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    return message, plain.get_content(), page.get_content() if page else ""


def suppress(tx: Tx, person: str) -> bool:
    return newsletters.suppress(tx, person, "test")
