"""How the parts are that the desk depends on, as the process at work last saw them: for whoever asks from another one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from worker.store.newsletters import insert_new
from worker.store.tables import meta

if TYPE_CHECKING:
    from worker.store.store import Tx


def note(tx: Tx, kind: str, name: str, state: str) -> None:
    """Write how a part is: one word if it works, else what is wrong with it. ``since`` is when that was seen first."""
    row, said = f"{kind}:{name}"[:64], state[:200]
    known = tx.connection.execute(select(meta.c.value).where(meta.c.name == row)).scalar()
    if known is not None and json.loads(known)["state"] == said:
        return
    value = json.dumps({"state": said, "since": tx.now.isoformat()})
    if not insert_new(tx, meta, {"name": row, "value": value}):
        tx.connection.execute(update(meta).where(meta.c.name == row).values(value=value))


def noted(tx: Tx, kind: str) -> dict[str, dict[str, str]]:
    """Name of each part of one kind to its ``state`` and since when."""
    rows = tx.connection.execute(select(meta.c.name, meta.c.value).where(meta.c.name.startswith(f"{kind}:", autoescape=True)))
    return {row.name.removeprefix(f"{kind}:"): json.loads(row.value) for row in rows.all()}
