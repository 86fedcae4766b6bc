"""Writes and checks the audit chains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import func, insert, select

from worker.errors import AuditBroken
from worker.rules.audit import GENESIS, Entry, Event, entry_mac, first_break
from worker.store.tables import audit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.store.store import Tx

#: The chain of what belongs to no case.
DESK: Final = "desk"


def record(tx: Tx, chain: str, event: Event, actor: str, facts: Mapping[str, str | int | bool | None] | None = None) -> None:
    """Append one entry to ``chain`` (a case id or :data:`DESK`). ``facts`` hold references, codes and counts only."""
    last = tx.connection.execute(
        select(audit.c.number, audit.c.mac).where(audit.c.chain == chain).order_by(audit.c.number.desc()).limit(1)
    ).one_or_none()
    number, previous = (last.number + 1, last.mac) if last else (1, GENESIS)
    content = dict(facts or {})
    mac = entry_mac(tx.vault.audit_key(chain), chain, number, tx.now, event, actor, content, previous)
    tx.connection.execute(
        insert(audit).values(
            chain=chain, number=number, at=tx.now, event=event.value, actor=actor, facts=content, previous=previous, mac=mac
        )
    )


def entries(tx: Tx, chain: str) -> tuple[Entry, ...]:
    """The entries of one chain in order."""
    rows = tx.connection.execute(select(audit).where(audit.c.chain == chain).order_by(audit.c.number))
    return tuple(Entry(r.chain, r.number, r.at, Event(r.event), r.actor, r.facts, r.previous, r.mac) for r in rows)


def heads(tx: Tx) -> dict[str, tuple[int, str]]:
    """Chain to (length, last MAC): what an anchor in the ledger fixes."""
    last = select(audit.c.chain, func.max(audit.c.number).label("number")).group_by(audit.c.chain).subquery()
    rows = tx.connection.execute(
        select(audit.c.chain, audit.c.number, audit.c.mac).join(last, (audit.c.chain == last.c.chain) & (audit.c.number == last.c.number))
    )
    return {r.chain: (r.number, r.mac) for r in rows}


def verify(tx: Tx, anchored: Mapping[str, tuple[int, str]]) -> int:
    """Check every chain and that none is missing or shorter than ``anchored`` says. Returns the number of entries.

    Raises AuditBroken with the chain and the number of the first entry that does not fit.
    """
    found = heads(tx)
    for chain, (length, mac) in anchored.items():
        here = found.get(chain)
        if here is None or here[0] < length or not _anchored(tx, chain, length, mac):
            msg = f"chain {chain}: entries are missing that were anchored (up to number {length})"
            raise AuditBroken(msg)
    for chain in found:
        broken = first_break(tx.vault.audit_key(chain), entries(tx, chain))
        if broken is not None:
            msg = f"chain {chain}: entry {broken} does not fit"
            raise AuditBroken(msg)
    return sum(length for length, _ in found.values())


def _anchored(tx: Tx, chain: str, number: int, mac: str) -> bool:
    return tx.connection.execute(select(audit.c.mac).where(audit.c.chain == chain, audit.c.number == number)).scalar() == mac
