"""Received mails: the raw bytes under seal, where they came from and where they are."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field, fields
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from worker.errors import SealBroken
from worker.rules.model import HoldReason, Language, MailState
from worker.store import parts
from worker.store.cases import key_of
from worker.store.store import Tx, new_id
from worker.store.tables import mail, mail_seen, mailbox_cursor

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Row


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a folder was read. ``uid`` is the highest one seen, ``pending`` those up to it that are not stored yet.

    ``first_connected_at``: the mailbox's first connection. ``resync_below``: UIDs below this one may be older than that
    and come all the same: the folder appeared later, or the server numbered it anew. ``history``: mails that were older
    and not fetched, up to the UID ``history_uid``.
    """

    uidvalidity: int
    uid: int
    pending: tuple[int, ...]
    first_connected_at: datetime
    resync_below: int = 0
    history: int = 0
    history_uid: int = 0


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail as a door hands it in. ``content_key`` recognises the same mail from another door or folder.

    Not ``whole``: ``raw`` is the beginning of a mail that is over the limit, and the door keeps it.
    """

    door: str
    folder: str
    uidvalidity: int
    uid: int
    received_at: datetime
    content_key: str
    raw: bytes = field(repr=False)
    state: MailState = MailState.STORED
    whole: bool = True


@dataclass(frozen=True, slots=True)
class StoredMail:
    """A mail's row. ``raw`` is empty once its key was destroyed; ``key_id`` names the key."""

    id: str
    key_id: str
    door: str
    folder: str
    received_at: datetime
    state: MailState
    reasons: tuple[HoldReason, ...]
    labels: tuple[str, ...]
    language: Language | None
    case_id: str | None
    whole: bool
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Lot:
    """Some mails that wait to be read. ``broken`` are ids whose seal does not open, ``left`` those for the next lot."""

    mails: tuple[StoredMail, ...]
    broken: tuple[str, ...]
    left: tuple[str, ...]


_FOLDER: Final = (mailbox_cursor.c.door == bindparam("of_door")) & (mailbox_cursor.c.folder == bindparam("of_folder"))
_CURSOR: Final = select(mailbox_cursor).where(_FOLDER)
_SET_CURSOR: Final = update(mailbox_cursor).where(_FOLDER)
_THESE: Final = mail.c.id.in_(bindparam("these", expanding=True))
_UIDS: Final = mail.c.uid.in_(bindparam("uids", expanding=True))
_IN_FOLDER: Final = (mail.c.door == bindparam("of_door")) & (mail.c.folder == bindparam("of_folder"))
_KNOWN: Final = select(mail.c.door, mail.c.folder, mail.c.uidvalidity, mail.c.uid).where(_IN_FOLDER, _UIDS)
_SEEN: Final = select(mail_seen.c.content_key).where(mail_seen.c.content_key.in_(bindparam("content_keys", expanding=True)))
_INSERT: Final = insert(mail)
_MOVED: Final = update(mail).where(_IN_FOLDER, mail.c.uidvalidity == bindparam("of_uidvalidity"), _UIDS)
_ONE: Final = select(mail).where(mail.c.id == bindparam("this"))
_STORED: Final = mail.c.state == MailState.STORED.value
_WAITING: Final = select(mail.c.id, mail.c.size).where(_THESE, _STORED).order_by(mail.c.id)
_LOT: Final = select(mail).where(_THESE).order_by(mail.c.id)
_LOCK: Final = select(mail.c.id).where(mail.c.id == bindparam("this"), _STORED).with_for_update()
_FINISH: Final = update(mail).where(mail.c.id == bindparam("this"), _STORED)


def cursor(tx: Tx, door: str, folder: str) -> Cursor | None:
    """How far ``folder`` of ``door`` was read, or None before it was begun."""
    row = tx.connection.execute(_CURSOR, {"of_door": door, "of_folder": folder}).one_or_none()
    if row is None:
        return None
    return Cursor(row.uidvalidity, row.uid, tuple(row.pending), row.first_connected_at, row.resync_below, row.history, row.history_uid)


def begin_folder(tx: Tx, door: str, folder: str, begun: Cursor) -> None:
    """Write where a folder that was never read begins."""
    values = {f.name: getattr(begun, f.name) for f in fields(begun)} | {"pending": sorted(begun.pending)}
    tx.connection.execute(insert(mailbox_cursor).values(door=door, folder=folder, **values))


def set_cursor(tx: Tx, door: str, folder: str, uidvalidity: int, uid: int, pending: Iterable[int] = ()) -> None:
    """Write how far a folder that was begun is read."""
    values = {"uidvalidity": uidvalidity, "uid": uid, "pending": sorted(pending)}
    tx.connection.execute(_SET_CURSOR, {"of_door": door, "of_folder": folder, **values})


def renumbered(tx: Tx, door: str, folder: str, uidvalidity: int, below: int) -> None:
    """The server numbers a folder anew: begin again, and remember up to where mails may be history. Each gets a row now."""
    here = (mailbox_cursor.c.door == door) & (mailbox_cursor.c.folder == folder)
    again = {"uidvalidity": uidvalidity, "uid": 0, "pending": [], "resync_below": below, "history": 0, "history_uid": 0}
    tx.connection.execute(update(mailbox_cursor).where(here).values(again))


def first_connected(tx: Tx, door: str) -> datetime | None:
    """When the first folder of ``door`` was begun, or None."""
    return tx.connection.execute(select(func.min(mailbox_cursor.c.first_connected_at)).where(mailbox_cursor.c.door == door)).scalar()


def history(tx: Tx) -> dict[str, tuple[int, int]]:
    """``door/folder`` to how many mails were older than the first connection and never fetched, and up to which UID."""
    c = mailbox_cursor.c
    rows = tx.connection.execute(select(c.door, c.folder, c.history, c.history_uid).order_by(c.door, c.folder))
    return {f"{row.door}/{row.folder}": (row.history, row.history_uid) for row in rows}


def note_door(tx: Tx, door: str, state: str) -> None:
    """Write how a door is: ``connected``, or what is wrong with it."""
    parts.note(tx, "door", door, state)


def doors(tx: Tx) -> dict[str, dict[str, str]]:
    """Door to its ``state`` and since when."""
    return parts.noted(tx, "door")


def add_lot(tx: Tx, arrivals: Sequence[Arrival]) -> list[str]:
    """Store a lot of mails and return the ids of those to read. A content key seen before makes a ``duplicate``.

    A UID that is stored already is passed over: a lot that was committed and not let go comes again.
    """
    known = _known_uids(tx, arrivals)
    fresh = [a for a in arrivals if (a.door, a.folder, a.uidvalidity, a.uid) not in known]
    first = _first_seen(tx, [a.content_key for a in fresh])
    rows = []
    for arrival in fresh:
        mail_id = first.pop(arrival.content_key, None)
        rows.append(_row(tx, arrival, mail_id or new_id(), duplicate=mail_id is None))
    if rows:
        tx.connection.execute(_INSERT, rows)
    return [row["id"] for row in rows if row["state"] == MailState.STORED]


def _first_seen(tx: Tx, content_keys: Sequence[str]) -> dict[str, str]:
    """Those keys that nobody has seen before, each with the id for its mail.

    Two doors may bring the same mail at the same moment: who writes its key second waits for the first and then gets
    nothing. In the order of the keys, so that two lots never wait for each other.
    """
    if not content_keys:
        return {}
    seen = set(tx.connection.execute(_SEEN, {"content_keys": content_keys}).scalars())
    ids = {key: new_id() for key in dict.fromkeys(content_keys) if key not in seen}
    if not ids:
        return {}
    rows = [{"content_key": key, "mail_id": ids[key]} for key in sorted(ids)]
    make = sqlite.insert if tx.connection.dialect.name == "sqlite" else postgresql.insert
    written = make(mail_seen).values(rows).on_conflict_do_nothing().returning(mail_seen.c.content_key, mail_seen.c.mail_id)
    return {row.content_key: row.mail_id for row in tx.connection.execute(written)}


def _known_uids(tx: Tx, arrivals: Sequence[Arrival]) -> set[tuple[str, str, int, int]]:
    if not arrivals:
        return set()
    first = arrivals[0]
    place = {"of_door": first.door, "of_folder": first.folder, "uids": [a.uid for a in arrivals]}
    rows = tx.connection.execute(_KNOWN, place)
    return {(r.door, r.folder, r.uidvalidity, r.uid) for r in rows}


def _row(tx: Tx, arrival: Arrival, mail_id: str, *, duplicate: bool) -> dict[str, Any]:
    key_id = tx.new_key()
    state = MailState.DUPLICATE if duplicate else arrival.state
    return {
        "id": mail_id, "door": arrival.door, "folder": arrival.folder, "uidvalidity": arrival.uidvalidity, "uid": arrival.uid,
        "received_at": arrival.received_at, "stored_at": tx.now, "state": state.value, "reasons": [], "labels": [], "size": len(arrival.raw),
        "whole": arrival.whole, "key_id": key_id, "sealed": tx.seal(key_id, mail_id, arrival.raw),
    }  # fmt: skip


def mark_moved(tx: Tx, door: str, folder: str, uidvalidity: int, uids: Sequence[int]) -> None:
    """Note that the mailbox let these go."""
    place = {"of_door": door, "of_folder": folder, "of_uidvalidity": uidvalidity, "uids": list(uids)}
    tx.connection.execute(_MOVED, place | {"moved_at": tx.now})


def not_moved(tx: Tx, door: str, folder: str, uidvalidity: int) -> list[int]:
    """UIDs that are stored whole and were not let go yet: a kill came between commit and move."""
    rows = tx.connection.execute(
        select(mail.c.uid).where(
            mail.c.door == door,
            mail.c.folder == folder,
            mail.c.uidvalidity == uidvalidity,
            mail.c.moved_at.is_(None),
            mail.c.whole,
            mail.c.state != MailState.HISTORY.value,
        )
    )
    return sorted(rows.scalars())


def load(tx: Tx, mail_id: str) -> StoredMail | None:
    """One mail with its raw bytes, or None."""
    row = tx.connection.execute(_ONE, {"this": mail_id}).one_or_none()
    return _stored(tx, row) if row is not None else None


def _stored(tx: Tx, row: Row[Any]) -> StoredMail:
    raw = tx.unseal(row.key_id, row.id, row.sealed) if row.sealed else b""
    language = Language(row.language) if row.language else None
    reasons = tuple(HoldReason(r) for r in row.reasons)
    return StoredMail(
        row.id, row.key_id, row.door, row.folder, row.received_at, MailState(row.state), reasons, tuple(row.labels), language, row.case_id, row.whole, raw
    )  # fmt: skip


def load_waiting(tx: Tx, mail_ids: Sequence[str], most: int, most_bytes: int) -> Lot:
    """The first of these mails that still wait to be read: up to ``most``, and after the first one up to ``most_bytes``."""
    rows = tx.connection.execute(_WAITING, {"these": list(mail_ids)}).all()
    sizes = list(accumulate(row.size for row in rows))
    count = max(1, sum(size <= most_bytes for size in sizes[:most]))
    chosen = tx.connection.execute(_LOT, {"these": [row.id for row in rows[:count]]}).all()
    tx.fetch_keys(row.key_id for row in chosen)
    opened: list[StoredMail] = []
    for row in chosen:
        with suppress(SealBroken):
            opened.append(_stored(tx, row))
    broken = {row.id for row in chosen} - {each.id for each in opened}
    return Lot(tuple(opened), tuple(sorted(broken)), tuple(row.id for row in rows[count:]))


def lock_stored(tx: Tx, mail_id: str) -> bool:
    """True if the mail still waits to be read; the row is then this transaction's alone."""
    return tx.connection.execute(_LOCK, {"this": mail_id}).one_or_none() is not None


def finish(
    tx: Tx, stored: StoredMail, *, state: MailState, reasons: Sequence[HoldReason] = (), labels: Sequence[str] = (), language: Language | None = None,
    case_id: str | None = None, person: str | None = None, reading: dict[str, Any] | None = None,
) -> bool:  # fmt: skip
    """Take a mail out of ``stored``. False if somebody else did so before: then nothing is written."""
    sealed = tx.seal(stored.key_id, stored.id + "/reading", json.dumps(reading).encode()) if reading is not None else None
    values = {
        "this": stored.id, "state": state.value, "reasons": [r.value for r in reasons], "labels": list(labels), "language": language.value if language else None,
        "case_id": case_id, "person": person, "read_at": tx.now, "sealed_reading": sealed,
    }  # fmt: skip
    if not tx.connection.execute(_FINISH, values).rowcount:
        return False
    if case_id is not None:
        tx.adopt(stored.key_id, key_of(tx, case_id))
    return True


def reading(tx: Tx, mail_id: str) -> dict[str, Any] | None:
    """The explanation that was kept with a mail, or None."""
    row = tx.connection.execute(select(mail.c.key_id, mail.c.sealed_reading).where(mail.c.id == mail_id)).one_or_none()
    if row is None or row.sealed_reading is None:
        return None
    value: dict[str, Any] = json.loads(tx.unseal(row.key_id, mail_id + "/reading", row.sealed_reading))
    return value


def lock_held(tx: Tx, mail_id: str) -> bool:
    """True if the mail still waits for a person; the row is then this transaction's alone."""
    waits = mail.c.state.in_((MailState.HELD.value, MailState.QUARANTINED.value)) & mail.c.ruled_at.is_(None)
    return tx.connection.execute(select(mail.c.id).where(mail.c.id == mail_id, waits).with_for_update()).one_or_none() is not None


def rule(tx: Tx, mail_id: str, *, state: MailState, case_id: str | None = None) -> bool:
    """A person took a mail out of the queue. False if it was no longer there."""
    if case_id is not None:
        tx.adopt(tx.connection.execute(select(mail.c.key_id).where(mail.c.id == mail_id)).scalar_one(), key_of(tx, case_id))
    values: dict[str, Any] = {"state": state.value, "ruled_at": tx.now}
    if case_id is not None:
        values["case_id"] = case_id
    return bool(tx.connection.execute(update(mail).where(mail.c.id == mail_id, mail.c.ruled_at.is_(None)).values(**values)).rowcount)


def replay(tx: Tx, mail_id: str) -> bool:
    """Put a quarantined or held mail back to ``stored``, to be read again; of one that is over the limit there is nothing to read."""
    states = (MailState.QUARANTINED.value, MailState.HELD.value, MailState.QUIET.value, MailState.MACHINE.value)
    values: dict[str, Any] = {"state": MailState.STORED.value, "reasons": [], "labels": [], "ruled_at": None}
    return bool(
        tx.connection.execute(update(mail).where(mail.c.id == mail_id, mail.c.whole, mail.c.state.in_(states)).values(**values)).rowcount
    )


def held(tx: Tx) -> list[Row[Any]]:
    """The rows of mails that wait for a person, oldest first, without their content."""
    columns = (mail.c.id, mail.c.received_at, mail.c.state, mail.c.reasons, mail.c.labels, mail.c.language, mail.c.case_id)
    waiting = (MailState.HELD.value, MailState.QUARANTINED.value)
    return list(
        tx.connection.execute(select(*columns).where(mail.c.state.in_(waiting), mail.c.ruled_at.is_(None)).order_by(mail.c.received_at))
    )


def unread(tx: Tx, limit: int = 500) -> list[str]:
    """Ids of mails that wait to be read, oldest first."""
    return list(
        tx.connection.execute(select(mail.c.id).where(mail.c.state == MailState.STORED.value).order_by(mail.c.id).limit(limit)).scalars()
    )


def counts(tx: Tx) -> dict[str, int]:
    """Mail state to number of mails."""
    return {row[0]: row[1] for row in tx.connection.execute(select(mail.c.state, func.count()).group_by(mail.c.state))}
