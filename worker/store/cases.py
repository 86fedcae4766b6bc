"""Cases and their requests."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, exists, func, insert, select, text, update

from worker.errors import EvidenceError
from worker.rules.mail import Address
from worker.rules.model import ENDED, TRANSITIONS, Case, Change, Column, HoldReason, Language, Origin, Request, RequestState, Right
from worker.store.letters import UNDELIVERED
from worker.store.store import Tx, new_id
from worker.store.tables import cases, mail, request

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from sqlalchemy import Row


@dataclass(frozen=True, slots=True)
class NewCase:
    """What casework knows when it opens a case. ``thread`` is (Message-ID, References) of the customer's mail."""

    address: Address = field(repr=False)
    person: str
    language: Language
    origin: Origin
    received_at: datetime
    due: date
    legal_due: date
    message_id: str = ""
    references: tuple[str, ...] = ()
    given_name: str = field(default="", repr=False)
    named: tuple[str, ...] = field(default=(), repr=False)


_ENDED: Final = [state.value for state in ENDED]
_AWAITS: Final = [RequestState.AWAITING_CONFIRMATION.value, RequestState.AWAITING_INFORMATION.value]
_INSERT: Final = insert(cases)
_INSERT_REQUEST: Final = insert(request)
# The next number of a year in one statement: who comes second gets no row, and asks again.
_NEXT: Final = text(
    "INSERT INTO reference (year, number) SELECT CAST(:year AS INTEGER), COALESCE(MAX(number), 0) + 1 FROM reference WHERE year = :year"
    " ON CONFLICT DO NOTHING RETURNING number"
)
_KEY: Final = select(cases.c.key_id).where(cases.c.id == bindparam("this"))
_ONE: Final = select(cases).where(cases.c.id == bindparam("this"))
_ONE_LOCKED: Final = _ONE.with_for_update()
_OF_PERSON: Final = select(cases).where(cases.c.person == bindparam("whose"), cases.c.closed_at.is_(None)).order_by(cases.c.id)
_REQUESTS: Final = select(request).where(request.c.case_id == bindparam("of")).order_by(request.c.id)
_REQUEST: Final = select(request.c.id, request.c.state).where(
    request.c.case_id == bindparam("of"), request.c.asked == bindparam("right")
).with_for_update()  # fmt: skip
_UPDATE_REQUEST: Final = update(request).where(request.c.id == bindparam("this"))
_OPEN_REQUESTS: Final = select(func.count()).select_from(request).where(
    request.c.case_id == bindparam("of"), request.c.state.not_in(_ENDED)
)  # fmt: skip
_REOPEN: Final = update(cases).where(cases.c.id == bindparam("this"), cases.c.closed_at.is_not(None)).values(closed_at=None)
_CLOSE: Final = update(cases).where(cases.c.id == bindparam("this"), cases.c.closed_at.is_(None))


def open_case(tx: Tx, new: NewCase) -> Case:
    """Write a new case under the next reference of the year."""
    case_id, key_id = new_id(), tx.new_key()
    tx.case_keys[case_id] = key_id
    name = next_reference(tx, new.received_at.year)
    dossier = {
        "mailbox": new.address.mailbox, "name": new.address.name, "message_id": new.message_id, "references": new.references,
        "given_name": new.given_name, "named": new.named,
    }  # fmt: skip
    row = {
        "id": case_id, "reference": name, "person": new.person, "language": new.language.value, "origin": new.origin.value, "received_at": new.received_at,
        "due": new.due, "legal_due": new.legal_due, "opened_at": tx.now, "key_id": key_id, "sealed": tx.seal(key_id, case_id, json.dumps(dossier).encode()),
    }  # fmt: skip
    tx.connection.execute(_INSERT, row)
    return Case(
        case_id,
        name,
        new.language,
        new.origin,
        new.address,
        new.received_at,
        new.due,
        new.legal_due,
        message_id=new.message_id,
        opened_at=tx.now,
        given_name=new.given_name,
        named=new.named,
    )


def next_reference(tx: Tx, year: int) -> str:
    """The next free reference such as ``PD-2026-000123``. Two transactions never get the same."""
    for _ in range(50):
        number = tx.connection.execute(_NEXT, {"year": year}).scalar()
        if number is not None:  # else another process was faster
            return f"PD-{year}-{number:06d}"
    msg = f"no free reference for {year} after 50 attempts"
    raise EvidenceError(msg)


def add_request(tx: Tx, case_id: str, right: Right, state: RequestState, changes: Sequence[Change] = ()) -> Request:
    """Add the request for ``right`` to a case; there is one per right."""
    request_id = new_id()
    row = {
        "id": request_id, "case_id": case_id, "asked": right.value, "state": state.value, "opened_at": tx.now,
        "ended_at": tx.now if state in ENDED else None, "sealed": _seal_changes(tx, case_id, request_id, changes),
    }  # fmt: skip
    tx.connection.execute(_INSERT_REQUEST, row)
    return Request(request_id, right, state, tuple(changes))


def _seal_changes(tx: Tx, case_id: str, request_id: str, changes: Sequence[Change]) -> bytes | None:
    if not changes:
        return None
    content = json.dumps([[c.column.value, c.new, c.old] for c in changes]).encode()
    return tx.seal(key_of(tx, case_id), request_id, content)


def key_of(tx: Tx, case_id: str) -> str:
    """The id of the case's key: what belongs to the case is sealed under it."""
    if case_id not in tx.case_keys:
        tx.case_keys[case_id] = tx.connection.execute(_KEY, {"this": case_id}).scalar_one()
    return tx.case_keys[case_id]


def set_changes(tx: Tx, case_id: str, right: Right, changes: Sequence[Change]) -> None:
    """Replace what a correction will write."""
    row = tx.connection.execute(_REQUEST, {"of": case_id, "right": right.value}).one()
    tx.connection.execute(_UPDATE_REQUEST, {"this": row.id, "sealed": _seal_changes(tx, case_id, row.id, changes)})


def move(tx: Tx, case_id: str, right: Right, to: RequestState) -> RequestState:
    """Take a request to another state and return the one it was in.

    Raises EvidenceError for a step that :data:`worker.rules.model.TRANSITIONS` does not allow.
    """
    row = tx.connection.execute(_REQUEST, {"of": case_id, "right": right.value}).one()
    before = RequestState(row.state)
    if to not in TRANSITIONS[before]:
        msg = f"case {case_id}: {right} cannot go from {before} to {to}"
        raise EvidenceError(msg)
    tx.connection.execute(_UPDATE_REQUEST, {"this": row.id, "state": to.value, "ended_at": tx.now if to in ENDED else None})
    close_or_reopen(tx, case_id)
    return before


def close_or_reopen(tx: Tx, case_id: str) -> None:
    """Close a case whose requests have all ended, and open it if one has not."""
    if tx.connection.execute(_OPEN_REQUESTS, {"of": case_id}).scalar_one():
        tx.connection.execute(_REOPEN, {"this": case_id})
    else:
        tx.connection.execute(_CLOSE, {"this": case_id, "closed_at": tx.now})


def load(tx: Tx, case_id: str, *, lock: bool = False) -> Case | None:
    """One case with its requests, or None. ``lock`` keeps other transactions off it (PostgreSQL)."""
    row = tx.connection.execute(_ONE_LOCKED if lock else _ONE, {"this": case_id}).one_or_none()
    return _case(tx, row) if row is not None else None


def _case(tx: Tx, row: Row[Any]) -> Case:
    tx.case_keys[row.id] = row.key_id
    dossier = json.loads(tx.unseal(row.key_id, row.id, row.sealed))
    rows = tx.connection.execute(_REQUESTS, {"of": row.id}).all()
    requests = tuple(Request(r.id, Right(r.asked), RequestState(r.state), _changes(tx, row.key_id, r)) for r in rows)
    return Case(
        id=row.id, reference=row.reference, language=Language(row.language), origin=Origin(row.origin), address=Address(dossier["mailbox"], dossier["name"]),
        received_at=row.received_at, due=row.due, legal_due=row.legal_due, requests=requests, message_id=dossier["message_id"], proved=row.proved_at is not None,
        opened_at=row.opened_at, given_name=dossier.get("given_name", ""), named=tuple(dossier.get("named", ())),
    )  # fmt: skip


def _changes(tx: Tx, key_id: str, row: Row[Any]) -> tuple[Change, ...]:
    if row.sealed is None:
        return ()
    return tuple(Change(Column(c), new, old) for c, new, old in json.loads(tx.unseal(key_id, row.id, row.sealed)))


def of_person(tx: Tx, person: str) -> list[Case]:
    """The open cases of one address, oldest first."""
    rows = tx.connection.execute(_OF_PERSON, {"whose": person}).all()
    return [_case(tx, row) for row in rows]


def every_of_person(tx: Tx, person: str) -> list[Case]:
    """The cases of one address that still have their key, closed ones too, oldest first."""
    rows = tx.connection.execute(select(cases).where(cases.c.person == person, cases.c.sealed.is_not(None)).order_by(cases.c.id)).all()
    return [_case(tx, row) for row in rows]


def mark_proved(tx: Tx, case_id: str) -> None:
    """Note that control of the requester's address was shown."""
    tx.connection.execute(update(cases).where(cases.c.id == case_id, cases.c.proved_at.is_(None)).values(proved_at=tx.now))


def hold(tx: Tx, case_id: str, reason: HoldReason | None) -> None:
    """Put a case before a person, or take it from there (None)."""
    tx.connection.execute(update(cases).where(cases.c.id == case_id).values(hold_reason=reason.value if reason else None))


def is_held(tx: Tx, case_id: str) -> bool:
    """True while the case waits for a person."""
    return tx.connection.execute(select(cases.c.hold_reason).where(cases.c.id == case_id)).scalar() is not None


def held(tx: Tx) -> list[Row[Any]]:
    """The rows of cases that wait for a person, oldest legal date first, without their content.

    ``held`` says that there is something to decide, ``undelivered`` that a letter failed for good, which may be after the case's end.
    """
    decide, lost = cases.c.hold_reason.is_not(None) & cases.c.closed_at.is_(None), cases.c.id.in_(UNDELIVERED)
    columns = (
        cases.c.id, cases.c.reference, cases.c.received_at, cases.c.legal_due, cases.c.language, cases.c.hold_reason, decide.label("held"),
        lost.label("undelivered"),
    )  # fmt: skip
    rows = select(*columns).where(decide | lost, cases.c.sealed.is_not(None)).order_by(cases.c.legal_due)
    return list(tx.connection.execute(rows))


def rights_of(tx: Tx, case_id: str) -> list[tuple[Right, RequestState]]:
    """The requests of a case without their content."""
    rows = tx.connection.execute(select(request.c.asked, request.c.state).where(request.c.case_id == case_id).order_by(request.c.id))
    return [(Right(r.asked), RequestState(r.state)) for r in rows]


def awaiting(tx: Tx) -> list[tuple[str, int, bool]]:
    """(case id, reminders behind it, before a person already) of cases with a request that awaits a click, also of a new address."""
    waits = select(request.c.case_id).where(request.c.state.in_(_AWAITS))
    rows = tx.connection.execute(
        select(cases.c.id, cases.c.reminded, cases.c.hold_reason).where(cases.c.id.in_(waits)).order_by(cases.c.legal_due)
    )
    return [(r.id, r.reminded, r.hold_reason is not None) for r in rows]


def reminded(tx: Tx, case_id: str, number: int) -> None:
    """Note how many of the reminders are behind the case."""
    tx.connection.execute(update(cases).where(cases.c.id == case_id).values(reminded=number))


def mails_of(tx: Tx, case_id: str) -> list[str]:
    """Ids of the mails that belong to a case."""
    return list(tx.connection.execute(select(mail.c.id).where(mail.c.case_id == case_id).order_by(mail.c.id)).scalars())


def thread(tx: Tx, case_id: str) -> tuple[str, tuple[str, ...]]:
    """Message-ID and References under which letters of this case thread."""
    row = tx.connection.execute(select(cases.c.key_id, cases.c.sealed).where(cases.c.id == case_id)).one()
    dossier = json.loads(tx.unseal(row.key_id, case_id, row.sealed))
    return dossier["message_id"], tuple(dossier["references"])


def by_reference(tx: Tx, name: str) -> str | None:
    """The id of the case with this reference, or None."""
    return tx.connection.execute(select(cases.c.id).where(cases.c.reference == name)).scalar()


def due_by(tx: Tx, last: date) -> list[tuple[str, date, bool]]:
    """(case id, legal last day, waits for a person) of the open cases whose legal last day is not after ``last``.

    A request that only its own writer has not confirmed yet waits for no person: it ends by itself in time.
    """
    reviewed = exists().where(request.c.case_id == cases.c.id, request.c.state == RequestState.IN_REVIEW.value)
    held = cases.c.hold_reason.is_not(None) & (cases.c.hold_reason != HoldReason.UNCONFIRMED.value)
    waits = (held | reviewed).label("waits")
    query = select(cases.c.id, cases.c.legal_due, waits).where(cases.c.closed_at.is_(None), cases.c.legal_due <= last)
    return [(row.id, row.legal_due, bool(row.waits)) for row in tx.connection.execute(query.order_by(cases.c.legal_due))]


def open_count(tx: Tx) -> tuple[int, date | None]:
    """How many cases are open, and the first legal last day among them."""
    row = tx.connection.execute(select(func.count(), func.min(cases.c.legal_due)).where(cases.c.closed_at.is_(None))).one()
    return row[0], row[1]
