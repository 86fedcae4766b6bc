"""Tokens behind links: only keyed hashes are stored, and each is used once, in one UPDATE."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, insert, select, update

from worker.rules.model import LinkKind, Right
from worker.rules.policy import CODE_TRIES
from worker.store.store import Tx, new_id
from worker.store.tables import link

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Row


@dataclass(frozen=True, slots=True)
class StoredLink:
    """A link's row. ``recipient`` says whose letter it stood in: ``requester`` or ``new-address``."""

    id: str
    case_id: str | None
    kind: LinkKind
    rights: tuple[Right, ...]
    recipient: str
    subject_id: str | None
    person: str
    code_hash: str | None = field(repr=False)
    tries: int
    made_at: datetime
    expires_at: datetime | None
    used_at: datetime | None
    revoked_at: datetime | None

    @property
    def locked(self) -> bool:
        """Too many wrong codes."""
        return self.tries >= CODE_TRIES


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link to be stored; of ``token`` and ``code`` only hashes are. ``subject_id`` is what a download opens."""

    kind: LinkKind
    token: str = field(repr=False)
    code: str | None = field(repr=False)
    case_id: str | None
    rights: tuple[Right, ...]
    recipient: str
    person: str
    expires_at: datetime | None
    subject_id: str | None = None


_INSERT: Final = insert(link)
_UNUSED: Final = select(link.c.id, link.c.rights).where(
    link.c.case_id == bindparam("of"), link.c.kind.in_(bindparam("kinds", expanding=True)), link.c.used_at.is_(None), link.c.revoked_at.is_(None)
)  # fmt: skip
_UNUSED_OF: Final = _UNUSED.where(link.c.recipient == bindparam("whose"))


def add(tx: Tx, new: Sequence[NewLink]) -> list[str]:
    """Store the hashes of new links and return their ids."""
    rows = [_row(tx, each) for each in new]
    if rows:
        tx.connection.execute(_INSERT, rows)
    return [row["id"] for row in rows]


def _row(tx: Tx, new: NewLink) -> dict[str, Any]:
    link_id = new_id()
    return {
        "id": link_id, "case_id": new.case_id, "kind": new.kind.value, "token_hash": tx.vault.token_hash(new.token),
        "code_hash": tx.vault.token_hash(f"{link_id}:{new.code}") if new.code else None, "tries": 0, "rights": [r.value for r in new.rights],
        "recipient": new.recipient, "subject_id": new.subject_id, "person": new.person, "made_at": tx.now, "expires_at": new.expires_at,
    }  # fmt: skip


def find(tx: Tx, token: str, *kinds: LinkKind, lock: bool = False) -> StoredLink | None:
    """The link of a token, if it is of one of ``kinds``, else None."""
    query = select(link).where(link.c.token_hash == tx.vault.token_hash(token), link.c.kind.in_([k.value for k in kinds]))
    row = tx.connection.execute(query.with_for_update() if lock else query).one_or_none()
    return _stored(row) if row is not None else None


def _stored(row: Row[Any]) -> StoredLink:
    rights = tuple(Right(r) for r in row.rights)
    return StoredLink(
        row.id, row.case_id, LinkKind(row.kind), rights, row.recipient, row.subject_id, row.person, row.code_hash, row.tries, row.made_at, row.expires_at,
        row.used_at, row.revoked_at,
    )  # fmt: skip


def code_fits(tx: Tx, stored: StoredLink, code: str) -> bool:
    """Compare a typed code in constant time; a wrong one is counted. A locked link fits nothing."""
    if stored.locked:
        return False
    typed = tx.vault.token_hash(f"{stored.id}:{code}")
    if stored.code_hash is not None and tx.vault.same(typed, stored.code_hash):
        return True
    tx.connection.execute(update(link).where(link.c.id == stored.id).values(tries=link.c.tries + 1))
    return False


def use(tx: Tx, link_id: str) -> bool:
    """Use a link once; False if it was used, revoked or had expired."""
    fresh = (link.c.id == link_id) & link.c.used_at.is_(None) & link.c.revoked_at.is_(None)
    alive = link.c.expires_at.is_(None) | (link.c.expires_at > tx.now)
    return bool(tx.connection.execute(update(link).where(fresh & alive).values(used_at=tx.now)).rowcount)


def revoke(tx: Tx, case_id: str, rights: Iterable[Right], kinds: Iterable[LinkKind], recipient: str | None = None) -> int:
    """Revoke the unused links of these requests: a new one replaces older ones of the same request only."""
    wanted, values = {r.value for r in rights}, {"of": case_id, "kinds": [k.value for k in kinds]}
    query = _UNUSED if recipient is None else _UNUSED_OF
    ids = [row.id for row in tx.connection.execute(query, values | {"whose": recipient}) if wanted & set(row.rights)]
    if ids:
        tx.connection.execute(update(link).where(link.c.id.in_(ids)).values(revoked_at=tx.now))
    return len(ids)


def used_for(tx: Tx, case_id: str, right: Right, recipient: str) -> bool:
    """True if a confirmation link of this recipient was used for ``right``."""
    rows = tx.connection.execute(
        select(link.c.rights).where(
            link.c.case_id == case_id, link.c.kind == LinkKind.CONFIRM.value, link.c.recipient == recipient, link.c.used_at.is_not(None)
        )
    )
    return any(right.value in row.rights for row in rows)
