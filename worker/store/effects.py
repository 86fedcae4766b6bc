"""Changes that ``apply`` carries out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import structlog
from sqlalchemy import func, insert, select, update

from worker.errors import SealBroken
from worker.rules.model import Change, Column, EffectKind, RequestState, Right
from worker.store.cases import key_of
from worker.store.store import Tx, new_id
from worker.store.tables import effect, request

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta

    from sqlalchemy import ColumnElement, Row

log = structlog.get_logger(__name__)
#: What informs; an erasure of the same case waits for it, also while a person must look at it.
_INFORMS: Final = (Right.ACCESS.value, Right.PORTABILITY.value)
_UNDER_WAY: Final = (RequestState.IN_REVIEW.value, RequestState.CONFIRMED.value, RequestState.APPLYING.value)


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


@dataclass(frozen=True, slots=True)
class NewEffect:
    """A change to be planned. ``approved``: staff looked, so that who it is, is settled."""

    case_id: str
    kind: EffectKind
    rights: tuple[Right, ...]
    due: datetime
    changes: tuple[Change, ...] = field(default=(), repr=False)
    approved: bool = False


def add(tx: Tx, new: NewEffect) -> str:
    """Plan a change and return its id."""
    effect_id = new_id()
    tx.connection.execute(
        insert(effect).values(
            id=effect_id, case_id=new.case_id, kind=new.kind.value, rights=[r.value for r in new.rights], state=EffectState.WAITING, made_at=tx.now, due=new.due,
            attempt=0, sealed=_sealed(tx, new, effect_id),
        )
    )  # fmt: skip
    return effect_id


def _sealed(tx: Tx, new: NewEffect, effect_id: str) -> bytes:
    content = json.dumps({"changes": [[c.column.value, c.new, c.old] for c in new.changes], "approved": new.approved}).encode()
    return tx.seal(key_of(tx, new.case_id), effect_id, content)


def failed(tx: Tx, case_id: str) -> frozenset[Right]:
    """The rights of a case whose effect was begun and has failed: a part of it may be done."""
    return frozenset(Right(right) for row in _failed(tx, case_id) for right in row.rights)


def _failed(tx: Tx, case_id: str) -> list[Row[Any]]:
    query = select(effect.c.id, effect.c.kind, effect.c.rights).where(effect.c.case_id == case_id, effect.c.state == EffectState.FAILED)
    return list(tx.connection.execute(query.order_by(effect.c.id.desc()).with_for_update()))


def again(tx: Tx, new: NewEffect) -> str:
    """Have the change that failed carried out again, and return the id it had: by that id the register knows what of it is done."""
    wanted = {r.value for r in new.rights}
    effect_id: str = next(row.id for row in _failed(tx, new.case_id) if row.kind == new.kind and wanted == set(row.rights))
    sealed = _sealed(tx, new, effect_id)
    values = {"state": EffectState.WAITING, "due": new.due, "failure": None, "sealed": sealed}
    tx.connection.execute(update(effect).where(effect.c.id == effect_id).values(values))
    return effect_id


def claim(tx: Tx, limit: int, stale: timedelta) -> list[Effect]:
    """Take effects that are due, and those whose claim is older than ``stale``. An erasure waits for the package of its case.

    One that cannot be opened (its key was destroyed) has failed; it does not stop the others.
    """
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
    unanswered = (
        select(request.c.id)
        .where(request.c.case_id == effect.c.case_id, request.c.asked.in_(_INFORMS), request.c.state.in_(_UNDER_WAY))
        .exists()
    )
    ready = (effect.c.state == EffectState.WAITING) & (effect.c.due <= tx.now)
    dead = (effect.c.state == EffectState.CLAIMED) & (effect.c.claimed_at <= tx.now - stale)
    free = (effect.c.kind != EffectKind.ERASE.value) | (~blocked & ~unanswered)
    rows = tx.connection.execute(
        select(effect).where((ready | dead) & free).order_by(effect.c.due, effect.c.id).limit(limit).with_for_update(skip_locked=True)
    ).all()
    if rows:
        values = {"state": EffectState.CLAIMED, "claimed_at": tx.now, "attempt": effect.c.attempt + 1}
        tx.connection.execute(update(effect).where(effect.c.id.in_([r.id for r in rows])).values(values))
    return [opened for row in rows if (opened := _opened(tx, row)) is not None]


def _opened(tx: Tx, row: Row[Any]) -> Effect | None:
    try:
        return _effect(row, json.loads(tx.unseal(key_of(tx, row.case_id), row.id, row.sealed or b"")))
    except SealBroken:
        log.exception("the seal of a change does not open", effect=row.id)
        tx.connection.execute(update(effect).where(effect.c.id == row.id).values(state=EffectState.FAILED, failure="seal"))
        return None


def is_held(tx: Tx, claimed: Effect) -> bool:
    """True while nobody has taken this effect over or away."""
    return tx.connection.execute(select(effect.c.id).where(_fence(claimed)).with_for_update()).one_or_none() is not None


def renew(tx: Tx, claimed: Effect) -> bool:
    """Say that this attempt, which takes long, is alive. False if it has been taken over or away."""
    return bool(tx.connection.execute(update(effect).where(_fence(claimed)).values(claimed_at=tx.now)).rowcount)


def _fence(claimed: Effect) -> ColumnElement[bool]:
    return (effect.c.id == claimed.id) & (effect.c.attempt == claimed.attempt) & (effect.c.state == EffectState.CLAIMED)


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
    return bool(tx.connection.execute(update(effect).where(_fence(claimed)).values(values)).rowcount)


def give_back(tx: Tx, untouched: Iterable[Effect]) -> None:
    """Return effects that were taken and not begun, as they were: this was no attempt."""
    values = {"state": EffectState.WAITING, "claimed_at": None, "attempt": effect.c.attempt - 1}
    for each in untouched:
        tx.connection.execute(update(effect).where(_fence(each)).values(values))


def cancel(tx: Tx, case_id: str, rights: Iterable[Right]) -> bool:
    """Drop the effects of these rights that have not begun. False, and nothing dropped, if one is being carried out.

    Those that were reported before are no hindrance: what they changed stands in their request's state.
    """
    wanted = {r.value for r in rights}
    query = select(effect.c.id, effect.c.state, effect.c.rights).where(
        effect.c.case_id == case_id, effect.c.state.in_((EffectState.WAITING, EffectState.CLAIMED))
    )
    rows = [r for r in tx.connection.execute(query.with_for_update()) if wanted & set(r.rights)]
    if any(r.state == EffectState.CLAIMED for r in rows):
        return False
    tx.connection.execute(update(effect).where(effect.c.id.in_([r.id for r in rows])).values(state=EffectState.CANCELLED))
    return True


def waiting_until(tx: Tx, case_id: str, kind: EffectKind) -> datetime | None:
    """When the waiting effect of this kind will run, or None."""
    return tx.connection.execute(
        select(effect.c.due).where(effect.c.case_id == case_id, effect.c.kind == kind.value, effect.c.state == EffectState.WAITING)
    ).scalar()


def counts(tx: Tx) -> tuple[int, int]:
    """Effects that wait, and effects that failed for good."""
    rows: dict[str, int] = {row[0]: row[1] for row in tx.connection.execute(select(effect.c.state, func.count()).group_by(effect.c.state))}
    return rows.get(EffectState.WAITING, 0) + rows.get(EffectState.CLAIMED, 0), rows.get(EffectState.FAILED, 0)


def any_claimed(tx: Tx) -> bool:
    """True if somebody holds one: perhaps a process that died."""
    return tx.connection.execute(select(effect.c.id).where(effect.c.state == EffectState.CLAIMED).limit(1)).scalar() is not None


def next_due(tx: Tx) -> datetime | None:
    """When the next waiting effect is due, or None."""
    return tx.connection.execute(select(func.min(effect.c.due)).where(effect.c.state == EffectState.WAITING)).scalar()
