"""Topics, readers, subscriptions, and the list of those who want no newsletter any more.

A reader is found by the keyed hash of the address; the address itself is sealed under a key of the reader's own, so
that erasing a reader is destroying one key. The suppression list holds keyed hashes only and outlives the reader: it
is why no import brings anybody back.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, exists, func, insert, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite

from worker.rules.mail import Address
from worker.rules.model import Language, LinkKind
from worker.store.store import Tx, new_id
from worker.store.tables import delivery, letter, link, reader, subscription, suppression, topic

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sqlalchemy import Row, Table


#: The origin of a suppression that no undo lifts, because there is nothing to bring back.
ERASED: Final = "erasure"


@dataclass(frozen=True, slots=True)
class Topic:
    """What one can subscribe to. ``titles`` holds at least one language."""

    name: str
    titles: Mapping[Language, str]

    def title(self, language: Language) -> str:
        """The title in ``language``, else in the first language that has one."""
        return self.titles.get(language) or next(iter(self.titles.values()))


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody whose address is known for newsletters; whether anything is sent is the subscriptions' matter."""

    person: str
    language: Language
    address: Address = field(repr=False)
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Subscription:
    """One topic of one reader: where it comes from, since when, and when it ended."""

    topic: str
    origin: str
    since: datetime
    ended_at: datetime | None = None


def insert_new(tx: Tx, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert a row unless its key is there already. True if it was inserted."""
    make = sqlite.insert if tx.connection.dialect.name == "sqlite" else postgresql.insert
    # Not by rowcount: the driver for PostgreSQL does not count here and says -1.
    written = make(table).values(**values).on_conflict_do_nothing().returning(literal(1))
    return tx.connection.execute(written).first() is not None


# Suppression -------------------------------------------------------------------------------------------------


def suppress(tx: Tx, person: str, origin: str) -> bool:
    """No newsletter for ``person`` from now on: suppressed, and every subscription ended at this same moment.

    Idempotent; True if it was not so before. The caller writes the audit entry: to a case's chain, or to the desk's.
    """
    new = insert_new(tx, suppression, {"person": person, "at": tx.now, "origin": origin})
    tx.connection.execute(
        update(subscription).where(subscription.c.person == person, subscription.c.ended_at.is_(None)).values(ended_at=tx.now)
    )
    return new


def resubscribe(tx: Tx, person: str) -> bool:
    """Undo :func:`suppress`: the subscriptions that it ended run again. False if the person was not suppressed, or was erased."""
    row = tx.connection.execute(select(suppression).where(suppression.c.person == person)).one_or_none()
    if row is None or row.origin == ERASED:
        return False
    at = row.at
    lift(tx, person)
    tx.connection.execute(update(subscription).where(subscription.c.person == person, subscription.c.ended_at == at).values(ended_at=None))
    return True


def lift(tx: Tx, person: str) -> bool:
    """Take ``person`` off the suppression list and leave the subscriptions as they are. False if not on it."""
    return bool(tx.connection.execute(delete(suppression).where(suppression.c.person == person)).rowcount)


def suppressed_at(tx: Tx, person: str) -> datetime | None:
    """Since when ``person`` is suppressed, or None."""
    return tx.connection.execute(select(suppression.c.at).where(suppression.c.person == person)).scalar()


def suppressed(tx: Tx, persons: Collection[str]) -> frozenset[str]:
    """Those of ``persons`` (at most some hundreds) who are on the suppression list."""
    return frozenset(tx.connection.execute(select(suppression.c.person).where(suppression.c.person.in_(persons))).scalars())


# Topics ------------------------------------------------------------------------------------------------------


def add_topic(tx: Tx, name: str, titles: Mapping[Language, str]) -> bool:
    """Add a topic, or give an existing one these titles. True if it is new."""
    kept = {language.value: title for language, title in titles.items()}
    new = insert_new(tx, topic, {"name": name, "titles": kept})
    if not new:
        tx.connection.execute(update(topic).where(topic.c.name == name).values(titles=kept))
    return new


def topics(tx: Tx) -> tuple[Topic, ...]:
    """Every topic, by name."""
    rows = tx.connection.execute(select(topic).order_by(topic.c.name))
    return tuple(Topic(r.name, {Language(key): title for key, title in r.titles.items()}) for r in rows)


# Readers -----------------------------------------------------------------------------------------------------


def add_reader(tx: Tx, address: Address, language: Language) -> str:
    """The person's hash of ``address``; a reader's row is made if there is none. An existing row stays as it is."""
    person = tx.vault.person(address.key)
    if tx.connection.execute(select(reader.c.person).where(reader.c.person == person)).scalar():
        return person
    key_id = tx.new_key()
    content = json.dumps({"mailbox": address.mailbox, "name": address.name}).encode()
    values = {
        "person": person, "language": language.value, "made_at": tx.now, "unsubscribe_hash": tx.vault.token_hash(reader_token(tx, person)),
        "key_id": key_id, "sealed": tx.seal(key_id, person, content),
    }  # fmt: skip
    if not insert_new(tx, reader, values):  # another process was faster
        tx.vault.destroy(tx.connection, key_id)
    return person


def set_language(tx: Tx, person: str, language: Language) -> None:
    """The language that the reader chose."""
    tx.connection.execute(update(reader).where(reader.c.person == person).values(language=language.value))


def reader_token(tx: Tx, person: str) -> str:
    """The token of a reader's own link, 43 characters; the same in every mail, so that an old mail's link works too."""
    return tx.vault.derived_token("unsubscribe", person)


def person_of_token(tx: Tx, token: str) -> str | None:
    """Whose own link this is, or None."""
    return tx.connection.execute(select(reader.c.person).where(reader.c.unsubscribe_hash == tx.vault.token_hash(token))).scalar()


def load_reader(tx: Tx, person: str) -> Reader | None:
    """One reader, or None."""
    row = tx.connection.execute(select(reader).where(reader.c.person == person)).one_or_none()
    return opened(tx, row) if row else None


def opened(tx: Tx, row: Row[Any]) -> Reader:
    """A reader out of a row that has the columns of ``reader``."""
    content = json.loads(tx.unseal(row.key_id, row.person, row.sealed))
    return Reader(row.person, Language(row.language), Address(content["mailbox"], content["name"]), row.made_at)


def reader_key(tx: Tx, person: str) -> str:
    """The id of a reader's key: what is written to a reader is sealed under it."""
    key_id: str = tx.connection.execute(select(reader.c.key_id).where(reader.c.person == person)).scalar_one()
    return key_id


def held_about(tx: Tx, person: str) -> dict[str, Any]:
    """What newsletters hold about somebody, as plain values for the answer to an access request; empty if nothing."""
    found, since = load_reader(tx, person), suppressed_at(tx, person)
    held: dict[str, Any] = {"stopped": since.isoformat()} if since else {}
    if found is not None:
        titles = {t.name: t.title(found.language) for t in topics(tx)}
        held |= {
            "address": found.address.mailbox, "name": found.address.name, "language": found.language.value,
            "subscriptions": [_as_held(each, titles) for each in subscriptions(tx, person)],
            "received": tx.connection.execute(
                select(func.count()).select_from(delivery).where(delivery.c.person == person, delivery.c.sent_at.is_not(None))
            ).scalar_one(),
        }  # fmt: skip
    return held


def _as_held(each: Subscription, titles: Mapping[str, str]) -> dict[str, str | None]:
    ended = each.ended_at.isoformat() if each.ended_at else None
    return {"topic": titles[each.topic], "origin": each.origin, "since": each.since.isoformat(), "ended": ended}


def erase_person(tx: Tx, person: str) -> int:
    """Erase a reader: row, subscriptions, key, and letters that did not leave. How many rows of his own went.

    The person is suppressed, so that no import brings him back; that keyed hash is all that stays.
    """
    suppress(tx, person, ERASED)
    tx.connection.execute(update(suppression).where(suppression.c.person == person).values(origin=ERASED))
    return _forget(tx, person)


def _forget(tx: Tx, person: str) -> int:
    key_id = tx.connection.execute(select(reader.c.key_id).where(reader.c.person == person)).scalar()
    if key_id is None:
        return 0
    mine = letter.c.key_id == key_id
    tx.connection.execute(update(letter).where(mine, letter.c.state.in_(("waiting", "claimed"))).values(state="cancelled"))
    tx.connection.execute(update(letter).where(mine).values(sealed=None))
    gone = tx.connection.execute(delete(subscription).where(subscription.c.person == person)).rowcount
    gone += tx.connection.execute(delete(reader).where(reader.c.person == person)).rowcount
    tx.vault.destroy(tx.connection, key_id)
    return gone


def forget_unconfirmed(tx: Tx) -> int:
    """Erase readers who signed up, never confirmed, and whose link has expired. Returns how many."""
    open_link = exists().where(
        link.c.person == reader.c.person, link.c.kind == LinkKind.OPT_IN.value, link.c.used_at.is_(None), link.c.expires_at > tx.now
    )
    asked = exists().where(link.c.person == reader.c.person, link.c.kind == LinkKind.OPT_IN.value)
    ever = exists().where(subscription.c.person == reader.c.person)
    sent = exists().where(delivery.c.person == reader.c.person)
    persons = tx.connection.execute(select(reader.c.person).where(asked, ~open_link, ~ever, ~sent)).scalars().all()
    return sum(bool(_forget(tx, person)) for person in persons)


# Subscriptions -----------------------------------------------------------------------------------------------


def subscribe(tx: Tx, person: str, topic_name: str, origin: str, since: datetime | None = None) -> bool:
    """The reader's own wish: a subscription that runs, also where one had ended. False if it ran already.

    An import uses :func:`enrol`, which never revives anything.
    """
    if enrol(tx, person, topic_name, origin, since):
        return True
    ended = (subscription.c.person == person) & (subscription.c.topic == topic_name) & subscription.c.ended_at.is_not(None)
    values = {"origin": origin, "since": since or tx.now, "ended_at": None}
    return bool(tx.connection.execute(update(subscription).where(ended).values(**values)).rowcount)


def enrol(tx: Tx, person: str, topic_name: str, origin: str, since: datetime | None = None) -> bool:
    """Somebody else's list: a subscription where there never was one. The caller has looked at the suppression list."""
    values = {"person": person, "topic": topic_name, "origin": origin, "since": since or tx.now}
    return insert_new(tx, subscription, values)


def end_subscription(tx: Tx, person: str, topic_name: str) -> bool:
    """End one topic of a reader. False if it did not run."""
    running = (subscription.c.person == person) & (subscription.c.topic == topic_name) & subscription.c.ended_at.is_(None)
    return bool(tx.connection.execute(update(subscription).where(running).values(ended_at=tx.now)).rowcount)


def subscriptions(tx: Tx, person: str) -> tuple[Subscription, ...]:
    """All subscriptions of a reader, ended ones too, by topic."""
    rows = tx.connection.execute(select(subscription).where(subscription.c.person == person).order_by(subscription.c.topic))
    return tuple(Subscription(r.topic, r.origin, r.since, r.ended_at) for r in rows)


# The links of a letter ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReaderLink:
    """A link out of a letter that concerns newsletters; a sign-up's ``topics`` stand where a case's link names its rights."""

    id: str
    kind: LinkKind
    person: str
    case_id: str | None
    topics: tuple[str, ...]
    expires_at: datetime | None
    used_at: datetime | None
    revoked_at: datetime | None


def add_link(tx: Tx, *, kind: LinkKind, token: str, person: str, topics: Collection[str] = (), expires: datetime | None = None) -> str:
    """Issue a reader's link and return its id; only the token's keyed hash is kept."""
    link_id = new_id()
    tx.connection.execute(
        insert(link).values(
            id=link_id, kind=kind.value, token_hash=tx.vault.token_hash(token), rights=list(topics), recipient="requester", person=person, made_at=tx.now,
            expires_at=expires,
        )
    )  # fmt: skip
    return link_id


def find_link(tx: Tx, token: str, *kinds: LinkKind) -> ReaderLink | None:
    """The link that ``token`` opens, if it is of one of ``kinds``, else None."""
    wanted = (link.c.token_hash == tx.vault.token_hash(token)) & link.c.kind.in_([k.value for k in kinds])
    row = tx.connection.execute(select(link).where(wanted)).one_or_none()
    if row is None:
        return None
    return ReaderLink(row.id, LinkKind(row.kind), row.person, row.case_id, tuple(row.rights), row.expires_at, row.used_at, row.revoked_at)
