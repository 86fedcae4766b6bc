"""``privacy-desk audit verify``: whether every chain of the log is whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.store import audit

if TYPE_CHECKING:
    from worker.casework.desk import Desk
    from worker.store import Ledger

#: What the ledger's lines say that fix the heads of the chains: ``{"heads": {chain: [length, mac]}}``.
ANCHOR = "audit anchor"


async def verify(desk: Desk) -> int:
    """Check every entry against its key, its predecessor and the anchors of the ledger. AuditBroken names the first that does not fit."""
    anchored = _anchored(desk.store.ledger)
    entries = await desk.store.run(audit.verify, anchored)
    print(f"{entries} entries fit together; {len(anchored)} chains are anchored in the ledger")
    return 0


def _anchored(ledger: Ledger) -> dict[str, tuple[int, str]]:
    """Chain to the longest (length, last MAC) that the ledger holds of it."""
    found: dict[str, tuple[int, str]] = {}
    for line in ledger.entries():
        if line["what"] == ANCHOR:
            found |= {chain: (int(length), str(mac)) for chain, (length, mac) in line["heads"].items()}
    return found
