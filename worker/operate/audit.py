"""``privacy-desk audit verify``: whether every chain of the log is whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.casework import anchor
from worker.store import audit

if TYPE_CHECKING:
    from worker.casework.desk import Desk


async def verify(desk: Desk) -> int:
    """Check every entry against its key, its predecessor and the anchors of the ledger. AuditBroken names the first that does not fit."""
    anchored = anchor.anchored(desk.store)
    entries = await desk.store.run(audit.verify, anchored)
    print(f"{entries} entries fit together; {len(anchored)} chains are anchored in the ledger")
    return 0
