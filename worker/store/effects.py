"""Changes that ``apply`` carries out, and packages for the person."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, update

from worker.rules.model import Change, Column, EffectKind, Right
from worker.store.cases import key_of
from worker.store.store import Tx, new_id
from worker.store.tables import effect, package

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime, timedelta

    from sqlalchemy import Row


class EffectState(StrEnum):
    """Where an effect is."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Effect:
    """A claimed effect; ``attempt`` is the fence, ``id`` the idempotency key of the register."""

    id: str
    case_id: str
    kind: EffectKind
    rights: tuple[Right, ...]
    attempt: int
    changes: tuple[Change, ...] = field(default=(), repr=False)
    approved: bool = False  # staff looked: who it is, is settled


def add(
    tx: Tx,
    case_id: str,
    kind: EffectKind,
    rights: Sequence[Right],
    due: datetime,
    changes: Sequence[Change] = (),
    *,
    approved: bool = False,
) -> str:
    """Plan a change and return its id."""
    effect_id = new_id()
    content = json.dumps({"changes": [[c.column.value, c.new, c.old] for c in changes], "approved": approved}).encode()
    tx.connection.execute(
        insert(effect).values(
            id=effect_id, case_id=case_id, kind=kind.value, rights=[r.value for r in rights], state=EffectState.WAITING, made_at=tx.now, due=due, attempt=0,
            sealed=tx.seal(key_of(tx, case_id), effect_id, content),
        )
    )  # fmt: skip
    return effect_id


def claim(tx: Tx, limit: int, stale: timedelta) -> list[Effect]:
    """Take effects that are due, and those whose claim is older than ``stale``. An erasure waits for the package of its case."""
    earlier = effect.alias()
    blocked = (
        select(earlier.c.id)
        .where(
            earlier.c.case_id == effect.c.case_id,
            earlier.c.id != effect.c.id,
            earlier.c.kind != EffectKind.ERASE.value,
            earlier.c.state.in_([EffectState.WAITING, EffectState.CLAIMED]),
        )
        .exists()
    )
    ready = (effect.c.state == EffectState.WAITING) & (effect.c.due <= tx.now)
    dead = (effect.c.state == EffectState.CLAIMED) & (effect.c.claimed_at <= tx.now - stale)
    free = (effect.c.kind != EffectKind.ERASE.value) | ~blocked
    rows = tx.connection.execute(
        select(effect).where((ready | dead) & free).order_by(effect.c.due, effect.c.id).limit(limit).with_for_update(skip_locked=True)
    ).all()
    if rows:
        values = {"state": EffectState.CLAIMED, "claimed_at": tx.now, "attempt": effect.c.attempt + 1}
        tx.connection.execute(update(effect).where(effect.c.id.in_([r.id for r in rows])).values(values))
    return [_effect(r, json.loads(tx.unseal(key_of(tx, r.case_id), r.id, r.sealed))) for r in rows]


def _effect(row: Row[Any], content: dict[str, Any]) -> Effect:
    changes = tuple(Change(Column(c), new, old) for c, new, old in content["changes"])
    return Effect(
        row.id, row.case_id, EffectKind(row.kind), tuple(Right(x) for x in row.rights), row.attempt + 1, changes, content["approved"]
    )


def finish(tx: Tx, claimed: Effect, *, state: EffectState, failure: str | None = None, due: datetime | None = None) -> bool:
    """Write the result of one attempt. False if a later attempt has taken over: then nothing is written."""
    values: dict[str, Any] = {"state": state, "failure": failure, "claimed_at": None}
    if state is EffectState.DONE:
        values["done_at"] = tx.now
    if due is not None:
        values["due"] = due
    fence = (effect.c.id == claimed.id) & (effect.c.attempt == claimed.attempt) & (effect.c.state == EffectState.CLAIMED)
    return bool(tx.connection.execute(update(effect).where(fence).values(values)).rowcount)


def cancel(tx: Tx, case_id: str, rights: Iterable[Right]) -> bool:
    """Drop the effects of these rights that have not begun. False if one of them is being carried out or was."""
    wanted = {r.value for r in rights}
    rows = [
        r
        for r in tx.connection.execute(select(effect.c.id, effect.c.state, effect.c.rights).where(effect.c.case_id == case_id))
        if wanted & set(r.rights)
    ]
    ids = [r.id for r in rows if r.state == EffectState.WAITING]
    done = tx.connection.execute(
        update(effect).where(effect.c.id.in_(ids), effect.c.state == EffectState.WAITING).values(state=EffectState.CANCELLED)
    ).rowcount if ids else 0  # fmt: skip
    return done == len(ids) and all(r.state in (EffectState.WAITING, EffectState.CANCELLED) for r in rows)


def waiting_until(tx: Tx, case_id: str, kind: EffectKind) -> datetime | None:
    """When the waiting effect of this kind will run, or None."""
    return tx.connection.execute(
        select(effect.c.due).where(effect.c.case_id == case_id, effect.c.kind == kind.value, effect.c.state == EffectState.WAITING)
    ).scalar()


def counts(tx: Tx) -> tuple[int, int]:
    """Effects that wait, and effects that failed for good."""
    rows: dict[str, int] = dict(tx.connection.execute(select(effect.c.state, func.count()).group_by(effect.c.state)).tuples().all())
    return rows.get(EffectState.WAITING, 0) + rows.get(EffectState.CLAIMED, 0), rows.get(EffectState.FAILED, 0)


def any_claimed(tx: Tx) -> bool:
    """True if somebody holds one: perhaps a process that died."""
    return tx.connection.execute(select(effect.c.id).where(effect.c.state == EffectState.CLAIMED).limit(1)).scalar() is not None


def next_due(tx: Tx) -> datetime | None:
    """When the next waiting effect is due, or None."""
    return tx.connection.execute(select(func.min(effect.c.due)).where(effect.c.state == EffectState.WAITING)).scalar()


def add_package(tx: Tx, case_id: str, holdings: dict[str, Any], expires_at: datetime) -> str:
    """Keep a package for the person under the case's key; returns its id."""
    package_id, key_id = new_id(), key_of(tx, case_id)
    sealed = tx.seal(key_id, package_id, json.dumps(holdings, ensure_ascii=False).encode())
    tx.connection.execute(
        insert(package).values(
            id=package_id, case_id=case_id, made_at=tx.now, expires_at=expires_at, fetched=0, key_id=key_id, sealed=sealed
        )
    )
    return package_id


def open_package(tx: Tx, package_id: str) -> dict[str, Any] | None:
    """A package's document, counted as fetched, or None once it has expired."""
    row = tx.connection.execute(select(package).where(package.c.id == package_id, package.c.expires_at > tx.now)).one_or_none()
    if row is None:
        return None
    tx.connection.execute(update(package).where(package.c.id == package_id).values(fetched=package.c.fetched + 1))
    value: dict[str, Any] = json.loads(tx.unseal(row.key_id, package_id, row.sealed))
    return value
