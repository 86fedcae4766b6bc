"""The outbox: letters under seal, claimed with the attempt number as fence."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, func, insert, select, update

from worker.rules.letters import Confirm, ConfirmNewAddress, CorrectionOutdated, HeldNote
from worker.rules.mail import Address
from worker.store.tables import letter

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta

    from worker.store.store import Tx


class LetterState(StrEnum):
    """Where a letter is."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    SENT = "sent"
    FAILED = "failed"
    CANCELLED = "cancelled"
    REPLACED = "replaced"  # failed, and another letter has taken its place
    TOLD = "told"  # failed, and staff told the person by another way


@dataclass(frozen=True, slots=True)
class Claimed:
    """A letter that this process may send now; ``attempt`` is its fence."""

    id: str
    case_id: str | None
    name: str
    attempt: int
    recipient: str = field(repr=False)
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Result:
    """What one attempt came to; ``due`` says when the next one is, for a letter that goes on waiting."""

    state: LetterState
    reply: str = ""
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class FailedLetter:
    """A letter of a case that failed for good and was not settled. ``reply`` is the server's, without addresses."""

    id: str
    name: str
    made_at: datetime
    reply: str


@dataclass(frozen=True, slots=True)
class Written:
    """A letter with its content."""

    case_id: str | None
    key_id: str
    name: str
    person: str
    to: Address
    raw: bytes = field(repr=False)


#: A note that a person will read a mail: the mail is before that person anyway.
_NO_MATTER: Final = HeldNote.name
#: The letters that make an earlier one of their kind needless.
_RENEWS: Final = frozenset({Confirm.name, CorrectionOutdated.name, ConfirmNewAddress.name})
#: Ids of the cases whose person was not told something.
UNDELIVERED: Final = select(letter.c.case_id).where(
    letter.c.state == LetterState.FAILED.value, letter.c.case_id.is_not(None), letter.c.name != _NO_MATTER
)  # fmt: skip
_UNSETTLED: Final = (
    select(letter.c.id, letter.c.name, letter.c.made_at, letter.c.reply)
    .where(letter.c.case_id == bindparam("of"), letter.c.state == LetterState.FAILED.value, letter.c.name != _NO_MATTER)
    .order_by(letter.c.id)
)
_SETTLE: Final = update(letter).where(letter.c.id == bindparam("this"), letter.c.state == LetterState.FAILED.value)
_NEWER: Final = letter.alias("newer")
_RENEW: Final = update(letter).where(
    letter.c.case_id == bindparam("of"), letter.c.name.in_(_RENEWS), letter.c.state == LetterState.FAILED.value,
    letter.c.person.in_(select(_NEWER.c.person).where(_NEWER.c.id == bindparam("by"))),
)  # fmt: skip
_INSERT: Final = insert(letter)
_DUE: Final = (
    select(letter)
    .where(
        ((letter.c.state == LetterState.WAITING.value) & (letter.c.due <= bindparam("now")))
        | ((letter.c.state == LetterState.CLAIMED.value) & (letter.c.claimed_at <= bindparam("dead")))
    )
    .order_by(letter.c.due, letter.c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_CLAIM: Final = update(letter).where(letter.c.id.in_(bindparam("these", expanding=True))).values(attempt=letter.c.attempt + 1)
_FINISH: Final = update(letter).where(
    letter.c.id == bindparam("this"), letter.c.attempt == bindparam("fence"), letter.c.state == LetterState.CLAIMED.value
)  # fmt: skip
_GIVE_BACK: Final = _FINISH.values(state=LetterState.WAITING.value, claimed_at=None, attempt=letter.c.attempt - 1)
_COUNT: Final = select(func.count()).select_from(letter)
_OF_PERSON: Final = _COUNT.where(letter.c.person == bindparam("whose"), letter.c.made_at >= bindparam("since"))
# A letter that waits for tomorrow counts for tomorrow as well.
_VERIFICATIONS: Final = _COUNT.where(letter.c.person == bindparam("whose"), letter.c.due >= bindparam("since"), letter.c.verification)
_NAMED: Final = _OF_PERSON.where(letter.c.name == bindparam("kind"))
_ANSWERED: Final = (
    select(letter.c.case_id).where(letter.c.message_id.in_(bindparam("these", expanding=True)), letter.c.case_id.is_not(None)).limit(1)
)
_SINCE: Final = _COUNT.where(letter.c.made_at >= bindparam("since"))


def add(
    tx: Tx, *, letter_id: str, case_id: str | None, key_id: str, person: str, name: str, to: Address, raw: bytes, message_id: str,
    due: datetime, verification: bool = False,
) -> None:  # fmt: skip
    """Put a rendered letter into the outbox, sealed under ``key_id``."""
    content = json.dumps({"to": to.mailbox}).encode() + b"\n" + raw
    row = {
        "id": letter_id, "case_id": case_id, "name": name, "state": LetterState.WAITING.value, "message_id": message_id, "person": person,
        "verification": verification, "made_at": tx.now, "due": due, "attempt": 0, "key_id": key_id, "sealed": tx.seal(key_id, letter_id, content),
    }  # fmt: skip
    tx.connection.execute(_INSERT, row)


def claim(tx: Tx, limit: int, stale: timedelta) -> list[Claimed]:
    """Take up to ``limit`` letters that are due, and those whose claim is older than ``stale`` (their process died)."""
    rows = tx.connection.execute(_DUE, {"now": tx.now, "dead": tx.now - stale, "most": limit}).all()
    if rows:
        tx.connection.execute(_CLAIM, {"these": [r.id for r in rows], "state": LetterState.CLAIMED.value, "claimed_at": tx.now})
    tx.fetch_keys(r.key_id for r in rows)
    return [_claimed(r.id, r.case_id, r.name, r.attempt + 1, tx.unseal(r.key_id, r.id, r.sealed)) for r in rows]


def _claimed(letter_id: str, case_id: str | None, name: str, attempt: int, content: bytes) -> Claimed:
    head, _, raw = content.partition(b"\n")
    return Claimed(letter_id, case_id, name, attempt, json.loads(head)["to"], raw)


def finish(tx: Tx, claimed: Claimed, result: Result) -> bool:
    """Write the result of one attempt. False if a later attempt has taken over: then nothing is written."""
    values: dict[str, Any] = {"state": result.state, "reply": result.reply[:200], "claimed_at": None}
    if result.state is LetterState.SENT:
        values["sent_at"] = tx.now
    if result.due is not None:
        values["due"] = result.due
    values |= {"this": claimed.id, "fence": claimed.attempt}
    written = bool(tx.connection.execute(_FINISH, values).rowcount)
    if written and result.state is LetterState.SENT and claimed.name in _RENEWS:
        tx.connection.execute(_RENEW, {"of": claimed.case_id, "by": claimed.id, "state": LetterState.REPLACED.value})
    return written


def give_back(tx: Tx, untouched: Iterable[Claimed]) -> None:
    """Return letters that were taken and did not begin to leave, as they were: this was no attempt."""
    for each in untouched:
        tx.connection.execute(_GIVE_BACK, {"this": each.id, "fence": each.attempt})


def undelivered(tx: Tx, case_id: str) -> tuple[FailedLetter, ...]:
    """The letters of a case that failed for good and wait for a person, oldest first."""
    rows = tx.connection.execute(_UNSETTLED, {"of": case_id})
    return tuple(FailedLetter(r.id, r.name, r.made_at, r.reply or "") for r in rows)


def replace_failed(tx: Tx, letter_ids: Iterable[str]) -> None:
    """Note that other letters have taken the place of these."""
    for each in letter_ids:
        tx.connection.execute(_SETTLE, {"this": each, "state": LetterState.REPLACED.value})


def settle(tx: Tx, letter_id: str, note: str) -> bool:
    """Note, under the letter's own seal, how the person was told instead. False if the letter had been settled before."""
    row = tx.connection.execute(select(letter.c.key_id, letter.c.sealed).where(letter.c.id == letter_id)).one()
    head, _, raw = tx.unseal(row.key_id, letter_id, row.sealed).partition(b"\n")
    content = json.dumps(json.loads(head) | {"note": note}).encode() + b"\n" + raw
    values = {"this": letter_id, "state": LetterState.TOLD.value, "sealed": tx.seal(row.key_id, letter_id, content)}
    return bool(tx.connection.execute(_SETTLE, values).rowcount)


def note(tx: Tx, letter_id: str) -> str:
    """How the person was told instead of by this letter; empty if nobody said."""
    row = tx.connection.execute(select(letter.c.key_id, letter.c.sealed).where(letter.c.id == letter_id)).one()
    found: str = json.loads(tx.unseal(row.key_id, letter_id, row.sealed).partition(b"\n")[0]).get("note", "")
    return found


def load(tx: Tx, letter_id: str) -> Written:
    """One letter with its content, which must not have been destroyed."""
    row = tx.connection.execute(select(letter).where(letter.c.id == letter_id)).one()
    head, _, raw = tx.unseal(row.key_id, letter_id, row.sealed).partition(b"\n")
    return Written(row.case_id, row.key_id, row.name, row.person, Address(json.loads(head)["to"]), raw)


def cancel_waiting(tx: Tx, case_id: str, name: str) -> int:
    """Drop letters of one kind that have not left."""
    waiting = (letter.c.case_id == case_id) & (letter.c.name == name) & (letter.c.state == LetterState.WAITING)
    return tx.connection.execute(update(letter).where(waiting).values(state=LetterState.CANCELLED)).rowcount


def verifications_since(tx: Tx, person: str, since: datetime) -> int:
    """How many verification letters to a person left since then, or wait."""
    return tx.connection.execute(_VERIFICATIONS, {"whose": person, "since": since}).scalar_one()


def named_since(tx: Tx, person: str, name: str, since: datetime) -> int:
    """How many letters of one kind were written to a person since then."""
    return tx.connection.execute(_NAMED, {"whose": person, "since": since, "kind": name}).scalar_one()


def sent_since(tx: Tx, since: datetime) -> int:
    """How many letters the desk wrote since then: the circuit breaker's count."""
    return tx.connection.execute(_SINCE, {"since": since}).scalar_one()


def case_of(tx: Tx, message_ids: tuple[str, ...]) -> str | None:
    """The case to which one of our Message-IDs belongs, or None."""
    wanted = [each for each in message_ids if each]
    return tx.connection.execute(_ANSWERED, {"these": wanted}).scalar() if wanted else None


def waiting(tx: Tx) -> tuple[int, int]:
    """Letters that wait, and letters that failed for good."""
    rows: dict[str, int] = {row[0]: row[1] for row in tx.connection.execute(select(letter.c.state, func.count()).group_by(letter.c.state))}
    return rows.get(LetterState.WAITING, 0) + rows.get(LetterState.CLAIMED, 0), rows.get(LetterState.FAILED, 0)


def any_claimed(tx: Tx) -> bool:
    """True if somebody holds one: perhaps a process that died."""
    return tx.connection.execute(select(letter.c.id).where(letter.c.state == LetterState.CLAIMED).limit(1)).scalar() is not None


def next_due(tx: Tx) -> datetime | None:
    """When the next waiting letter is due, or None."""
    return tx.connection.execute(select(func.min(letter.c.due)).where(letter.c.state == LetterState.WAITING)).scalar()
