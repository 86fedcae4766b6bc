"""Newsletters that are planned, and one row per reader of each: who was sent what, and what became of it.

A reader's row is claimed under its attempt number. Whoever lost the claim in the meantime can neither send nor write.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, case, exists, func, insert, literal, null, or_, select, update

from worker.rules.audit import Event
from worker.rules.model import DeliveryState, Language
from worker.store import audit
from worker.store.newsletters import opened
from worker.store.store import Tx, new_id
from worker.store.tables import campaign, delivery, reader, subscription, suppression

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from sqlalchemy import ColumnElement, Row

    from worker.store.newsletters import Reader

_OPEN = (DeliveryState.PLANNED.value, DeliveryState.CLAIMED.value)


class CampaignState(StrEnum):
    """Where a newsletter is."""

    PLANNED = "planned"
    SENDING = "sending"
    DONE = "done"
    CANCELLED = "cancelled"
    STOPPED = "stopped"  # the relay refuses us (5.7.x): nobody's fault among the readers; waits for `newsletter resume`


@dataclass(frozen=True, slots=True)
class Text:
    """A newsletter in one language."""

    subject: str
    markdown: str


@dataclass(frozen=True, slots=True)
class Campaign:
    """One newsletter: its texts, and when it leaves."""

    id: str
    topic: str
    state: CampaignState
    due: datetime
    made_at: datetime
    ended_at: datetime | None
    texts: Mapping[Language, Text]


@dataclass(frozen=True, slots=True)
class Claimed:
    """A reader whom this process may send to now; ``attempt`` is the fence. ``reader`` is None for one who was erased."""

    campaign_id: str
    person: str
    attempt: int
    reader: Reader | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a claimed reader right before the message leaves."""

    ours: bool
    sending: bool
    suppressed: bool
    subscribed: bool


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a newsletter for one reader. ``address`` is empty for one who was erased since."""

    person: str
    address: str = field(repr=False)
    state: DeliveryState
    attempts: int
    sent_at: datetime | None
    reply: str


# Planning -----------------------------------------------------------------------------------------------------


def plan(tx: Tx, topic: str, due: datetime, texts: Mapping[Language, Text], actor: str) -> str:
    """Plan a newsletter and return its id. ``texts`` is not empty."""
    campaign_id = new_id()
    content = {language.value: {"subject": text.subject, "markdown": text.markdown} for language, text in texts.items()}
    tx.connection.execute(
        insert(campaign).values(id=campaign_id, topic=topic, state=CampaignState.PLANNED.value, due=due, made_at=tx.now, content=content)
    )
    audit.record(tx, audit.DESK, Event.CAMPAIGN_PLANNED, actor, {"campaign": campaign_id, "topic": topic, "due": due.isoformat()})
    return campaign_id


def load(tx: Tx, campaign_id: str) -> Campaign | None:
    """One newsletter, or None."""
    row = tx.connection.execute(select(campaign).where(campaign.c.id == campaign_id)).one_or_none()
    return _campaign(row) if row else None


def listed(tx: Tx) -> tuple[Campaign, ...]:
    """Every newsletter, the next or newest first."""
    return tuple(_campaign(row) for row in tx.connection.execute(select(campaign).order_by(campaign.c.due.desc(), campaign.c.id)))


def _campaign(row: Row[Any]) -> Campaign:
    texts = {Language(key): Text(value["subject"], value["markdown"]) for key, value in row.content.items()}
    return Campaign(row.id, row.topic, CampaignState(row.state), row.due, row.made_at, row.ended_at, texts)


def counts(tx: Tx, campaign_id: str) -> dict[DeliveryState, int]:
    """How many readers of a newsletter are in each state; all zero before its time."""
    rows = tx.connection.execute(
        select(delivery.c.state, func.count().label("number")).where(delivery.c.campaign_id == campaign_id).group_by(delivery.c.state)
    )
    found = {row.state: row.number for row in rows}
    return {state: found.get(state.value, 0) for state in DeliveryState}


def expected(tx: Tx, topic: str) -> int:
    """How many would get a newsletter of ``topic`` now."""
    return tx.connection.execute(select(func.count()).select_from(subscription).where(_runs(topic))).scalar_one()


def _runs(topic: str) -> ColumnElement[bool]:
    return and_(
        subscription.c.topic == topic, subscription.c.ended_at.is_(None), subscription.c.person.not_in(select(suppression.c.person))
    )


# What is due --------------------------------------------------------------------------------------------------


def due(tx: Tx) -> list[str]:
    """Newsletters whose time has come, and those going out that have a reader to try now. Oldest first."""
    begins = and_(campaign.c.state == CampaignState.PLANNED.value, campaign.c.due <= tx.now)
    open_ = exists().where(
        delivery.c.campaign_id == campaign.c.id, delivery.c.state.in_(_OPEN), or_(delivery.c.due.is_(None), delivery.c.due <= tx.now)
    )
    # One that has nobody left, too: a kill came between its last reader and its end.
    left = exists().where(delivery.c.campaign_id == campaign.c.id, delivery.c.state.in_(_OPEN))
    goes_on = and_(campaign.c.state == CampaignState.SENDING.value, or_(open_, ~left))
    return list(tx.connection.execute(select(campaign.c.id).where(or_(begins, goes_on)).order_by(campaign.c.due, campaign.c.id)).scalars())


def begin(tx: Tx, campaign_id: str) -> Campaign | None:
    """A newsletter that may be sent now. At its time its readers are written down, once, in this transaction.

    None before its time, and for one that is cancelled, stopped or done.
    """
    starts = (campaign.c.id == campaign_id) & (campaign.c.state == CampaignState.PLANNED.value) & (campaign.c.due <= tx.now)
    if tx.connection.execute(update(campaign).where(starts).values(state=CampaignState.SENDING.value)).rowcount:
        _write_readers(tx, campaign_id)
    found = load(tx, campaign_id)
    return found if found and found.state is CampaignState.SENDING else None


def _write_readers(tx: Tx, campaign_id: str) -> None:
    topic = tx.connection.execute(select(campaign.c.topic).where(campaign.c.id == campaign_id)).scalar_one()
    audience = select(literal(campaign_id), subscription.c.person, literal(DeliveryState.PLANNED.value), literal(0), null()).where(
        _runs(topic)
    )
    tx.connection.execute(insert(delivery).from_select(["campaign_id", "person", "state", "attempt", "due"], audience))


# Sending ------------------------------------------------------------------------------------------------------


def claim(tx: Tx, campaign_id: str, limit: int, expires: timedelta, after: str = "") -> list[Claimed]:
    """Take up to ``limit`` readers whose turn it is, and those whose claim is older than ``expires`` (its process died).

    In the order of ``person``, from behind ``after`` on: of a million readers, those who had it are not looked through for each lot.
    """
    ready = and_(delivery.c.state == DeliveryState.PLANNED.value, or_(delivery.c.due.is_(None), delivery.c.due <= tx.now))
    dead = and_(delivery.c.state == DeliveryState.CLAIMED.value, delivery.c.claimed_at <= tx.now - expires)
    behind = and_(delivery.c.campaign_id == campaign_id, delivery.c.person > after)
    query = select(delivery.c.person, delivery.c.attempt).where(behind, or_(ready, dead))
    rows = tx.connection.execute(query.order_by(delivery.c.person).limit(limit).with_for_update(skip_locked=True)).all()
    if not rows:
        return []
    persons = [row.person for row in rows]
    taken = {"state": DeliveryState.CLAIMED.value, "claimed_at": tx.now, "attempt": delivery.c.attempt + 1}
    tx.connection.execute(update(delivery).where(delivery.c.campaign_id == campaign_id, delivery.c.person.in_(persons)).values(taken))
    readers = {row.person: opened(tx, row) for row in tx.connection.execute(select(reader).where(reader.c.person.in_(persons)))}
    return [Claimed(campaign_id, row.person, row.attempt + 1, readers.get(row.person)) for row in rows]


def standing(tx: Tx, claimed: Claimed) -> Standing:
    """Whether this reader still is ours and still wants it. Renews a claim that is still ours."""
    ours = tx.connection.execute(update(delivery).where(_held(claimed)).values(claimed_at=tx.now)).rowcount
    row = tx.connection.execute(select(campaign.c.topic, campaign.c.state).where(campaign.c.id == claimed.campaign_id)).one()
    stopped = exists().where(suppression.c.person == claimed.person)
    runs = exists().where(subscription.c.person == claimed.person, subscription.c.topic == row.topic, subscription.c.ended_at.is_(None))
    suppressed, subscribed = tx.connection.execute(select(stopped, runs)).one()
    return Standing(bool(ours), row.state == CampaignState.SENDING.value, bool(suppressed), bool(subscribed))


def _held(claimed: Claimed) -> ColumnElement[bool]:
    return and_(
        delivery.c.campaign_id == claimed.campaign_id, delivery.c.person == claimed.person, delivery.c.attempt == claimed.attempt,
        delivery.c.state == DeliveryState.CLAIMED.value,
    )  # fmt: skip


def settle(tx: Tx, claimed: Claimed, state: DeliveryState, reply: str, due: datetime | None = None) -> bool:
    """Write what became of one attempt; PLANNED with ``due`` tries again. False if a later attempt has taken over."""
    values = {"state": state.value, "reply": reply[:200], "claimed_at": None, "due": due}
    if state is DeliveryState.SENT:
        values["sent_at"] = tx.now
    return bool(tx.connection.execute(update(delivery).where(_held(claimed)).values(values)).rowcount)


def give_back(tx: Tx, lot: Sequence[Claimed]) -> int:
    """Return readers whom this process took and did not send to. How many were still its own."""
    planned = {"state": DeliveryState.PLANNED.value, "claimed_at": None}
    return sum(tx.connection.execute(update(delivery).where(_held(each)).values(planned)).rowcount for each in lot)


def next_due(tx: Tx, campaign_id: str) -> datetime | None:
    """When the next reader who was put off is tried again, or None."""
    waiting = (delivery.c.campaign_id == campaign_id) & (delivery.c.state == DeliveryState.PLANNED.value)
    return tx.connection.execute(select(func.min(delivery.c.due)).where(waiting)).scalar()


# Results ------------------------------------------------------------------------------------------------------


def reasons(tx: Tx, campaign_id: str) -> list[tuple[DeliveryState, str, int]]:
    """(state, why, number of readers), the most first. A message that left has no why: what a server answers names each message."""
    number, sent = func.count().label("number"), delivery.c.state == DeliveryState.SENT.value
    why = case((sent, ""), else_=func.coalesce(delivery.c.reply, "")).label("why")
    of = select(delivery.c.state, why, number).where(delivery.c.campaign_id == campaign_id)
    rows = tx.connection.execute(of.group_by(delivery.c.state, why).order_by(number.desc(), delivery.c.state, why))
    return [(DeliveryState(row.state), row.why, row.number) for row in rows]


def results(tx: Tx, actor: str, campaign_id: str, *, behind: str, limit: int) -> list[Result]:
    """What became of the next ``limit`` readers behind the person ``behind``: a look at personal data, written down by the same call."""
    query = (
        select(delivery).where(delivery.c.campaign_id == campaign_id, delivery.c.person > behind).order_by(delivery.c.person).limit(limit)
    )
    rows = tx.connection.execute(query).all()
    known = tx.connection.execute(select(reader).where(reader.c.person.in_([row.person for row in rows]))).all()
    tx.fetch_keys(row.key_id for row in known)
    addresses = {row.person: opened(tx, row).address.mailbox for row in known}
    if rows:
        audit.record(tx, audit.DESK, Event.DATA_READ, actor, {"campaign": campaign_id, "count": len(rows), "by": "newsletter results"})
    return [
        Result(row.person, addresses.get(row.person, ""), DeliveryState(row.state), row.attempt, row.sent_at, row.reply or "")
        for row in rows
    ]


# The end ------------------------------------------------------------------------------------------------------


def finish(tx: Tx, campaign_id: str) -> bool:
    """End a newsletter that has no reader left to try. True if this call ended it."""
    left = exists().where(delivery.c.campaign_id == campaign_id, delivery.c.state.in_(_OPEN))
    return _end(tx, campaign_id, CampaignState.DONE, "sender", (campaign.c.state == CampaignState.SENDING.value) & ~left)


def stop(tx: Tx, campaign_id: str) -> bool:
    """Stop one that the relay refuses. False if it was not going out."""
    return _end(tx, campaign_id, CampaignState.STOPPED, "sender", campaign.c.state == CampaignState.SENDING.value)


def cancel(tx: Tx, campaign_id: str, actor: str) -> bool:
    """Call off a newsletter, also in the middle. False if it has ended or is not known."""
    states = (CampaignState.PLANNED.value, CampaignState.SENDING.value, CampaignState.STOPPED.value)
    return _end(tx, campaign_id, CampaignState.CANCELLED, actor, campaign.c.state.in_(states))


def resume(tx: Tx, campaign_id: str, actor: str) -> bool:
    """Let a stopped newsletter go on where it stopped. False if it is not stopped."""
    stopped = (campaign.c.id == campaign_id) & (campaign.c.state == CampaignState.STOPPED.value)
    done = tx.connection.execute(update(campaign).where(stopped).values(state=CampaignState.SENDING.value, ended_at=None)).rowcount
    if done:
        audit.record(tx, audit.DESK, Event.CAMPAIGN_PLANNED, actor, {"campaign": campaign_id, "resumed": True})
    return bool(done)


def _end(tx: Tx, campaign_id: str, state: CampaignState, actor: str, when: ColumnElement[bool]) -> bool:
    ended = tx.connection.execute(
        update(campaign).where(campaign.c.id == campaign_id, when).values(state=state.value, ended_at=tx.now)
    ).rowcount
    if ended:
        facts = {each.value: number for each, number in counts(tx, campaign_id).items()}
        audit.record(tx, audit.DESK, Event.CAMPAIGN_ENDED, actor, {"campaign": campaign_id, "state": state, **facts})
    return bool(ended)
