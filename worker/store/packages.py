"""Packages: everything held about a person, for the link of one letter.

A package is a JSON document and, where a table is long, parts: the rows that the document leaves out. It has the id of the effect
that makes it. Its parts are sealed and committed while it is being made; until :func:`finish` it opens nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, insert, select, update

from worker.errors import SealBroken
from worker.store import effects
from worker.store.cases import key_of
from worker.store.tables import package, package_part

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from worker.store.effects import Effect
    from worker.store.store import Tx

#: What was never finished is of use to nobody: the next attempt begins anew. No attempt takes longer.
_UNFINISHED: Final = timedelta(days=1)
_FURTHER: Final = "further"


@dataclass(frozen=True, slots=True)
class Further:
    """How a long table goes on: the number of all its rows, and of the parts in which those are that the document leaves out."""

    rows: int
    parts: range


@dataclass(frozen=True, slots=True)
class Package:
    """What is opened. ``further`` tells of the long tables, by their place in the document."""

    id: str
    document: dict[str, Any] = field(repr=False)
    further: Mapping[int, Further] = field(default_factory=dict)


def begin(tx: Tx, claimed: Effect) -> bool:
    """Begin the package of an effect; what an earlier attempt left of it is destroyed. False if another attempt has taken over."""
    if not effects.renew(tx, claimed):
        return False
    _drop(tx, claimed.id)
    key_id, expires = tx.new_key(key_of(tx, claimed.case_id)), tx.now + _UNFINISHED
    row = {"id": claimed.id, "case_id": claimed.case_id, "made_at": tx.now, "expires_at": expires, "fetched": 0, "key_id": key_id}
    tx.connection.execute(insert(package).values(row))
    return True


def add_part(tx: Tx, claimed: Effect, number: int, rows: str) -> bool:
    """Seal a part of what was begun. False, and nothing written, if another attempt has taken over."""
    if not effects.renew(tx, claimed):
        return False
    sealed = tx.seal(_key_of(tx, claimed.id), _about(claimed.id, number), rows.encode())
    tx.connection.execute(insert(package_part).values(package_id=claimed.id, number=number, sealed=sealed))
    return True


def finish(tx: Tx, made: Package, expires_at: datetime) -> None:
    """Make a package one that can be opened until it expires."""
    further = [[place, each.rows, each.parts.start, each.parts.stop] for place, each in made.further.items()]
    content = json.dumps({**made.document, _FURTHER: further}, ensure_ascii=False).encode()
    sealed = tx.seal(_key_of(tx, made.id), made.id, content)
    tx.connection.execute(update(package).where(package.c.id == made.id).values(sealed=sealed, made_at=tx.now, expires_at=expires_at))


def fetch(tx: Tx, package_id: str) -> Package | None:
    """A package, counted as fetched, or None once it has expired."""
    alive = (package.c.id == package_id) & (package.c.expires_at > tx.now) & package.c.sealed.is_not(None)
    row = tx.connection.execute(select(package.c.key_id, package.c.sealed).where(alive)).one_or_none()
    if row is None:
        return None
    tx.connection.execute(update(package).where(package.c.id == package_id).values(fetched=package.c.fetched + 1))
    document = json.loads(tx.unseal(row.key_id, package_id, row.sealed))
    further = {place: Further(rows, range(start, stop)) for place, rows, start, stop in document.pop(_FURTHER, ())}
    return Package(package_id, document, further)


def newest(tx: Tx, case_id: str) -> tuple[str, datetime] | None:
    """(id, when it expires) of the newest package of a case that can still be opened, or None."""
    alive = (package.c.case_id == case_id) & (package.c.expires_at > tx.now) & package.c.sealed.is_not(None)
    row = tx.connection.execute(
        select(package.c.id, package.c.expires_at).where(alive).order_by(package.c.made_at.desc()).limit(1)
    ).one_or_none()
    return (row.id, row.expires_at) if row is not None else None


def part(tx: Tx, package_id: str, number: int) -> str:
    """The rows of one part; SealBroken if it is gone."""
    mine = (package_part.c.package_id == package_id) & (package_part.c.number == number)
    sealed: bytes | None = tx.connection.execute(select(package_part.c.sealed).where(mine)).scalar()
    if sealed is None:
        msg = f"package {package_id}: part {number} is gone"
        raise SealBroken(msg)
    return tx.unseal(_key_of(tx, package_id), _about(package_id, number), sealed).decode()


def forget(tx: Tx) -> int:
    """Destroy the packages that nobody can open any more: a copy of everything held outlives its link by nothing."""
    over = tx.connection.execute(select(package.c.id).where(package.c.expires_at <= tx.now)).scalars().all()
    for package_id in over:
        _drop(tx, package_id)
    return len(over)


def forget_of(tx: Tx, case_id: str) -> None:
    """Delete the packages of a case whose key is destroyed."""
    mine = select(package.c.id).where(package.c.case_id == case_id)
    tx.connection.execute(delete(package_part).where(package_part.c.package_id.in_(mine)))
    tx.connection.execute(delete(package).where(package.c.case_id == case_id))


def _drop(tx: Tx, package_id: str) -> None:
    row = tx.connection.execute(select(package.c.case_id, package.c.key_id).where(package.c.id == package_id)).one_or_none()
    if row is None:
        return
    tx.connection.execute(delete(package_part).where(package_part.c.package_id == package_id))
    tx.connection.execute(delete(package).where(package.c.id == package_id))
    if row.key_id != key_of(tx, row.case_id):
        tx.vault.destroy(tx.connection, row.key_id)


def _key_of(tx: Tx, package_id: str) -> str:
    key_id: str = tx.connection.execute(select(package.c.key_id).where(package.c.id == package_id)).scalar_one()
    return key_id


def _about(package_id: str, number: int) -> str:
    """What a part's seal is bound to."""
    return f"{package_id}/{number}"
