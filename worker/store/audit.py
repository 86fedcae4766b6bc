"""Writes and checks the audit chains."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, func, insert, select, text

from worker.errors import AuditBroken
from worker.rules.audit import GENESIS, Entry, Event, entry_mac, first_break
from worker.store.tables import audit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.store.store import Tx

#: The chain of what belongs to no case.
DESK: Final = "desk"


#: Several transactions continue one chain one after the other (PostgreSQL; on SQLite there is one writer anyway).
_LOCK: Final = text("SELECT pg_advisory_xact_lock(each) FROM unnest(CAST(:chains AS bigint[])) AS each")
_INSERT: Final = insert(audit)
_ENTRIES: Final = select(audit).where(audit.c.chain == bindparam("of")).order_by(audit.c.number)
_AT: Final = select(audit.c.mac).where(audit.c.chain == bindparam("of"), audit.c.number == bindparam("at_number"))
_LAST: Final = select(audit.c.number, audit.c.mac).where(audit.c.chain == bindparam("of")).order_by(audit.c.number.desc()).limit(1)


@dataclass(frozen=True, slots=True)
class Unwritten:
    """An entry that waits for the end of its transaction. ``opens`` says that it begins its chain."""

    chain: str
    event: Event
    actor: str
    facts: dict[str, str | int | bool | None]
    opens: bool


def record(
    tx: Tx, chain: str, event: Event, actor: str, facts: Mapping[str, str | int | bool | None] | None = None, *, opens: bool = False
) -> None:
    """Append one entry to ``chain`` (a case id or :data:`DESK`). ``facts`` hold references, codes and counts only.

    It is written right before the commit, with all others of the transaction. ``opens``: nothing of this chain is there yet.
    """
    if not tx.entries:
        tx.before_commit(lambda: _write(tx))
    tx.entries.append(Unwritten(chain, event, actor, dict(facts or {}), opens))


def _write(tx: Tx) -> None:
    """Number and bind the entries that wait, and write them."""
    waiting, tx.entries = tx.entries, []
    if not waiting:
        return
    opened = {each.chain for each in waiting if each.opens}
    last = _heads_of(tx, sorted({each.chain for each in waiting} - opened))
    rows = []
    for each in waiting:
        number, previous = last.get(each.chain, (0, GENESIS))
        key = tx.vault.audit_key(each.chain)
        mac = entry_mac(key, each.chain, number + 1, tx.now, each.event, each.actor, each.facts, previous)
        last[each.chain] = (number + 1, mac)
        rows.append({
            "chain": each.chain, "number": number + 1, "at": tx.now, "event": each.event.value, "actor": each.actor, "facts": each.facts,
            "previous": previous, "mac": mac,
        })  # fmt: skip
    tx.connection.execute(_INSERT, rows)


def _heads_of(tx: Tx, chains: list[str]) -> dict[str, tuple[int, str]]:
    """Chain to (length, last MAC). Nobody else continues these chains before this transaction ends."""
    if not chains:
        return {}
    if tx.connection.dialect.name == "postgresql":
        tx.connection.execute(_LOCK, {"chains": sorted(_lock_number(each) for each in chains)})
    found = {each: tx.connection.execute(_LAST, {"of": each}).one_or_none() for each in chains}
    return {chain: (row.number, row.mac) for chain, row in found.items() if row is not None}


def _lock_number(chain: str) -> int:
    """63 bits that stand for a chain; two that share them only wait for each other."""
    return int.from_bytes(sha256(f"audit\0{chain}".encode()).digest()[:8]) >> 1


def entries(tx: Tx, chain: str) -> tuple[Entry, ...]:
    """The entries of one chain in order."""
    _write(tx)
    rows = tx.connection.execute(_ENTRIES, {"of": chain})
    return tuple(Entry(r.chain, r.number, r.at, Event(r.event), r.actor, r.facts, r.previous, r.mac) for r in rows)


def heads(tx: Tx) -> dict[str, tuple[int, str]]:
    """Chain to (length, last MAC): what an anchor in the ledger fixes."""
    _write(tx)
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
    return tx.connection.execute(_AT, {"of": chain, "at_number": number}).scalar() == mac
