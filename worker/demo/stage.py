"""The demo while it is shown: one world at a time, who one plays in it, and what its page asks of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from worker.casework import rule
from worker.demo.customers import Customer
from worker.demo.mails import Envelope, Kind, dressed, wordings, written
from worker.demo.page_view import Card, Content, MailboxLine, card, content_of, day_and_time, mailbox_line
from worker.demo.told import day_in_words
from worker.demo.world import MAILBOX, World
from worker.rules.mail import Address
from worker.rules.model import Column, DeliveryState, Language, MailState
from worker.store import Tx, campaigns, look, newsletters

if TYPE_CHECKING:
    from worker.rules.audit import Entry
    from worker.store.look import Seen, SeenMail
    from worker.store.mails import StoredMail

_ACTOR: Final = "demo"
_SHOWN: Final = 40  # mails on the page
_SETTLES: Final = 2.5  # seconds in which the desk does what a new day asks for
STRANGER: Final = "stranger"
FORGER: Final = "forger"
_VICTIM: Final = 12  # number of the customer in whose name the forger writes


@dataclass(frozen=True, slots=True)
class Who:
    """Somebody to play. ``reads`` is False for the forger, who never sees the letters."""

    key: str
    customer: Customer = field(repr=False)
    reads: bool = True


@dataclass(frozen=True, slots=True)
class Issue:
    """The newsletter: its subject, where it is, and how many readers."""

    subject: str
    when: str
    state: str
    sent: int
    expected: int


@dataclass(frozen=True, slots=True)
class Scene:
    """All that the page shows at one moment. ``days`` are (key, moment, sentence) of the days that were let pass."""

    now: str
    held: int
    entries: int
    who: Who
    topics: str
    mailbox: tuple[MailboxLine, ...]
    cards: tuple[Card, ...]
    days: tuple[tuple[str, str, str], ...]
    issue: Issue | None


@dataclass(eq=False)
class Stage:
    """One world, shown. Made anew at each reset."""

    world: World
    opened_at: datetime
    days: list[tuple[str, str, str]] = field(default_factory=list)
    _contents: dict[str, Content] = field(default_factory=dict, repr=False)
    _sent: int = 0

    def who(self, key: str) -> Who:
        """Whom ``key`` names; the first customer for a key that names nobody."""
        people = {each.customer_number: each for each in self.world.people}
        if key == STRANGER:
            return Who(STRANGER, _stranger(self.world.people[-1]))
        if key == FORGER:
            return Who(FORGER, self.world.people[_VICTIM - 1], reads=False)
        return Who(key, people[key]) if key in people else Who(self.world.people[0].customer_number, self.world.people[0])

    def ready_mail(self, who: Who, kind: Kind, language: Language, number: int) -> tuple[str, str]:
        """Subject and text of the ``number``-th ready mail of a kind, in the customer's hand."""
        found = [w for w in wordings() if w.kind is kind and w.language is language] or [w for w in wordings() if w.kind is kind]
        mail = written(random.Random(self._sent), found[number % len(found)], who.customer)
        return mail.subject, mail.text

    async def send(self, who: Who, subject: str, text: str, *, robot: bool) -> None:
        """A mail of this person, by SMTP."""
        self._sent += 1
        sender = who.customer.email
        message_id = f"<demo.{self._sent}.{self.world.clock.now():%Y%m%d%H%M%S%f}@{sender.partition('@')[2]}>"
        more: Mapping[str, str] = {"Auto-Submitted": "auto-replied"} if robot else {}
        envelope = Envelope(sender, who.customer.name, MAILBOX, subject, message_id, self.world.clock.now(), more)
        await self.world.send(dressed(envelope, text.replace("\r\n", "\n").strip() + "\n", self._sent % 4), sender)

    async def a_day_later(self) -> str:
        """Move the desk's clock by a day, let the desk do what is due, and say what it did."""
        self.world.clock.ahead += timedelta(days=1)
        moment = self.world.clock.now()
        await asyncio.sleep(_SETTLES)
        counts = await self.world.running.desk.store.run(look.since, moment)
        issue = await self._issue()
        told = day_in_words(counts, issue.sent if issue else 0)
        self.days.append((f"d{len(self.days)}", day_and_time(moment), told))
        return told

    async def scene(self, key: str) -> Scene:
        """What the page shows of this moment to whoever plays ``key``."""
        seen, who = await self.world.look(), self.who(key)
        shown = [m for m in seen.mails if m.received_at >= self.opened_at and m.state is not MailState.STORED][-_SHOWN:]
        registered = await self.world.registered()
        cards = [await self._card(seen, mail, registered) for mail in reversed(shown)]
        return Scene(
            now=day_and_time(self.world.clock.now()), held=len(await rule.queue(self.world.running.desk, _ACTOR)), entries=seen.entries, who=who,
            topics=await self.world.running.desk.store.run(_topics, who.customer.email), mailbox=self._mailbox(seen, who), cards=tuple(cards),
            days=tuple(reversed(self.days)), issue=await self._issue(),
        )  # fmt: skip

    async def _card(self, seen: Seen, mail: SeenMail, registered: Mapping[str, dict[str, str]]) -> Card:
        content = await self._content(mail.id)
        story: tuple[Entry, ...] = await self.world.running.desk.store.run(look.story, mail.id)
        owner = next(
            (n for n, row in self.world.records.items() if content.sender and row["email"].lower() == content.sender.lower()), None
        )
        record = (self.world.records[owner], registered.get(owner)) if owner else None
        return card(mail, seen.cases.get(mail.case_id or ""), content, story, record)

    async def _content(self, mail_id: str) -> Content:
        """The mail's words. Each look is written down by the store, so one look must do."""
        if mail_id not in self._contents:
            found: tuple[StoredMail, dict[str, object]] | None = await self.world.running.desk.store.run(look.content, _ACTOR, mail_id)
            if found is None:
                msg = f"mail {mail_id} is gone"
                raise LookupError(msg)
            self._contents[mail_id] = content_of(*found)
        return self._contents[mail_id]

    def _mailbox(self, seen: Seen, who: Who) -> tuple[MailboxLine, ...]:
        """The letters to this person, newest first; also those to a new address that the person's own mail named."""
        if not who.reads:
            return ()
        own = who.customer.email
        cases = {
            m.case_id for m in seen.mails if m.case_id and m.id in self._contents and self._contents[m.id].sender.lower() == own.lower()
        }
        ids = {each.message_id for each in seen.letters if each.case_id in cases}
        mine = [x for x in self.world.post.letters if x.recipient.lower() == own.lower() or x.message["Message-ID"] in ids]
        return tuple(mailbox_line(letter, own) for letter in reversed(mine))

    async def _issue(self) -> Issue | None:
        return await self.world.running.desk.store.run(_newest_issue)


def _newest_issue(tx: Tx) -> Issue | None:
    found = next(iter(campaigns.listed(tx)), None)
    if found is None:
        return None
    sent = campaigns.counts(tx, found.id)[DeliveryState.SENT]
    return Issue(found.texts[Language.EN].subject, day_and_time(found.due), found.state.value, sent, campaigns.expected(tx, found.topic))


def _topics(tx: Tx, mailbox: str) -> str:
    person = tx.vault.person(Address(mailbox).key)
    if newsletters.suppressed_at(tx, person) is not None:
        return "stopped"
    return ", ".join(each.topic for each in newsletters.subscriptions(tx, person) if each.ended_at is None) or "none"


def _stranger(like: Customer) -> Customer:
    """Somebody whom the register does not know."""
    values = {**like.values, Column.NAME: "Robin Vreemd", Column.EMAIL: "robin.vreemd@example.org"}
    return replace(like, id=0, customer_number="K-99999", language=Language.EN, first="Robin", last="Vreemd", values=values)


def now() -> datetime:
    """The machine's moment, in UTC."""
    return datetime.now(UTC)
