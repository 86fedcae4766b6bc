"""What the desk understood and did, for people who watch it: mails, requests, letters and audit entries.

States and references only, but for :func:`content`, which is a look at personal data and is written down as one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from worker.rules.audit import Event
from worker.rules.model import EffectKind, HoldReason, Language, MailState, RequestState, Right
from worker.store import audit, mails
from worker.store.effects import EffectState
from worker.store.letters import LetterState
from worker.store.tables import audit as audit_table
from worker.store.tables import cases, effect, letter, mail, mail_seen, request

if TYPE_CHECKING:
    from datetime import date, datetime

    from worker.rules.audit import Entry
    from worker.store.mails import StoredMail
    from worker.store.store import Tx


@dataclass(frozen=True, slots=True)
class SeenMail:
    """A mail and where it is. ``content_key`` is empty for a duplicate."""

    id: str
    content_key: str
    received_at: datetime
    state: MailState
    reasons: tuple[HoldReason, ...]
    labels: tuple[str, ...]
    language: Language | None
    case_id: str | None
    ruled: bool


@dataclass(frozen=True, slots=True)
class SeenCase:
    """A case with its requests, and whether a person must look at it."""

    id: str
    reference: str
    legal_due: date
    proved: bool
    held: HoldReason | None
    requests: tuple[tuple[Right, RequestState], ...]


@dataclass(frozen=True, slots=True)
class SeenLetter:
    """A letter of the desk; ``person`` is the keyed hash of its address."""

    case_id: str | None
    person: str
    name: str
    message_id: str
    state: LetterState
    due: datetime


@dataclass(frozen=True, slots=True)
class SeenEffect:
    """A change that is planned or was carried out."""

    case_id: str
    kind: EffectKind
    state: EffectState
    due: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """The desk at one moment. ``mails``, ``letters`` and ``effects`` stand oldest first."""

    at: datetime
    mails: tuple[SeenMail, ...]
    cases: dict[str, SeenCase]
    letters: tuple[SeenLetter, ...]
    effects: tuple[SeenEffect, ...]
    entries: int

    def letters_of(self, case_id: str) -> tuple[SeenLetter, ...]:
        """The letters of a case, oldest first."""
        return tuple(each for each in self.letters if each.case_id == case_id)


def seen(tx: Tx) -> Seen:
    """Everything as it is now; for a store of some hundreds of mails."""
    return Seen(tx.now, _mails(tx), _cases(tx), _letters(tx), _effects(tx), _entries(tx))


def _mails(tx: Tx) -> tuple[SeenMail, ...]:
    keys = {r.mail_id: r.content_key for r in tx.connection.execute(select(mail_seen))}
    columns = (mail.c.id, mail.c.received_at, mail.c.state, mail.c.reasons, mail.c.labels, mail.c.language, mail.c.case_id, mail.c.ruled_at)
    return tuple(
        SeenMail(
            r.id, keys.get(r.id, ""), r.received_at, MailState(r.state), tuple(HoldReason(x) for x in r.reasons), tuple(r.labels),
            Language(r.language) if r.language else None, r.case_id, r.ruled_at is not None,
        )
        for r in tx.connection.execute(select(*columns).order_by(mail.c.id))
    )  # fmt: skip


def _cases(tx: Tx) -> dict[str, SeenCase]:
    asked: dict[str, list[tuple[Right, RequestState]]] = {}
    for r in tx.connection.execute(select(request.c.case_id, request.c.asked, request.c.state).order_by(request.c.id)):
        asked.setdefault(r.case_id, []).append((Right(r.asked), RequestState(r.state)))
    columns = (cases.c.id, cases.c.reference, cases.c.legal_due, cases.c.proved_at, cases.c.hold_reason)
    return {
        r.id: SeenCase(
            r.id, r.reference, r.legal_due, r.proved_at is not None, HoldReason(r.hold_reason) if r.hold_reason else None, tuple(asked.get(r.id, ()))
        )
        for r in tx.connection.execute(select(*columns).order_by(cases.c.id))
    }  # fmt: skip


def _letters(tx: Tx) -> tuple[SeenLetter, ...]:
    columns = (letter.c.case_id, letter.c.person, letter.c.name, letter.c.message_id, letter.c.state, letter.c.due)
    rows = tx.connection.execute(select(*columns).order_by(letter.c.id))
    return tuple(SeenLetter(r.case_id, r.person, r.name, r.message_id, LetterState(r.state), r.due) for r in rows)


def _effects(tx: Tx) -> tuple[SeenEffect, ...]:
    rows = tx.connection.execute(select(effect.c.case_id, effect.c.kind, effect.c.state, effect.c.due).order_by(effect.c.id))
    return tuple(SeenEffect(r.case_id, EffectKind(r.kind), EffectState(r.state), r.due) for r in rows)


def _entries(tx: Tx) -> int:
    return int(tx.connection.execute(select(func.count()).select_from(audit_table)).scalar_one())


def story(tx: Tx, mail_id: str) -> tuple[Entry, ...]:
    """What was done about a mail, oldest first: its own entries in the desk's chain, and those of its case."""
    case_id = tx.connection.execute(select(mail.c.case_id).where(mail.c.id == mail_id)).scalar()
    own = [e for e in audit.entries(tx, audit.DESK) if mail_id in {e.facts.get("mail"), e.facts.get("item")}]
    return tuple(sorted([*own, *(audit.entries(tx, case_id) if case_id else ())], key=lambda e: (e.at, e.event is not Event.MAIL_READ)))


def since(tx: Tx, moment: datetime) -> dict[tuple[Event, str], int]:
    """How often each event was written from ``moment`` on, by (event, kind of letter or change or new state; else empty)."""
    found: dict[tuple[Event, str], int] = {}
    rows = tx.connection.execute(select(audit_table.c.event, audit_table.c.facts).where(audit_table.c.at >= moment))
    for r in rows:
        what = str(r.facts.get("letter") or r.facts.get("kind") or r.facts.get("to") or "")
        found[Event(r.event), what] = found.get((Event(r.event), what), 0) + 1
    return found


def content(tx: Tx, actor: str, mail_id: str) -> tuple[StoredMail, dict[str, Any]] | None:
    """A mail's bytes and how it was read: a look at personal data, written down by the same transaction. None if it is not there."""
    found = mails.load(tx, mail_id)
    if found is None:
        return None
    audit.record(tx, audit.DESK, Event.DATA_READ, actor, {"item": mail_id})
    return found, mails.reading(tx, mail_id) or {}
