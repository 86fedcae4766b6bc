"""What goes when its time has come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select, update

from worker.store.tables import cases, effect, letter, link, mail, package, request

if TYPE_CHECKING:
    from datetime import datetime

    from worker.store.store import Tx


def closed_before(tx: Tx, moment: datetime, limit: int = 200) -> list[str]:
    """Ids of cases that were closed before ``moment`` and still have their key."""
    query = select(cases.c.id).where(cases.c.closed_at < moment, cases.c.sealed.is_not(None)).limit(limit)
    return list(tx.connection.execute(query).scalars())


def destroy_case(tx: Tx, case_id: str) -> None:
    """Destroy a case's key and blank what was sealed under it: mails, letters, packages, values. The audit chain stays."""
    key_id = tx.connection.execute(select(cases.c.key_id).where(cases.c.id == case_id)).scalar_one()
    for table in (mail, letter, effect, request):
        tx.connection.execute(update(table).where(table.c.case_id == case_id).values(sealed=None))
    tx.connection.execute(update(mail).where(mail.c.case_id == case_id).values(sealed_reading=None))
    for table in (package, link):
        tx.connection.execute(delete(table).where(table.c.case_id == case_id))
    tx.connection.execute(update(cases).where(cases.c.id == case_id).values(sealed=None))
    tx.vault.destroy(tx.connection, key_id)
