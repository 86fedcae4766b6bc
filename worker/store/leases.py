"""Lease rows: who may do what only one process at a time may do, on a database that several share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, update

from worker.store.newsletters import insert_new
from worker.store.tables import lease

if TYPE_CHECKING:
    from datetime import timedelta

    from worker.store.store import Tx


def take(tx: Tx, name: str, holder: str, term: timedelta) -> int | None:
    """Take the lease, or take it again, for ``term``. Returns its fence, or None while another process holds it.

    The fence grows with every new holder: what an old one writes afterwards can be told apart.
    """
    insert_new(tx, lease, {"name": name, "holder": holder, "fence": 1, "until": tx.now})
    row = tx.connection.execute(select(lease).where(lease.c.name == name).with_for_update()).one()
    if row.holder != holder and row.until > tx.now:
        return None
    fence: int = row.fence if row.holder == holder else row.fence + 1
    tx.connection.execute(update(lease).where(lease.c.name == name).values(holder=holder, fence=fence, until=tx.now + term))
    return fence


def give_back(tx: Tx, name: str, holder: str) -> None:
    """End the lease at once, if it is still ours."""
    tx.connection.execute(update(lease).where(lease.c.name == name, lease.c.holder == holder).values(until=tx.now))


def holder(tx: Tx, name: str) -> str | None:
    """Who holds the lease now, or None."""
    return tx.connection.execute(select(lease.c.holder).where(lease.c.name == name, lease.c.until > tx.now)).scalar()
