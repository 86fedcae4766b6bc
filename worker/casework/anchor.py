"""The daily anchor: the heads of the audit chains, signed, in the ledger outside the store.

Whoever rewrites the store, even with its keys, cannot make it fit a ledger that somebody else keeps a copy of.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from worker.errors import AuditBroken
from worker.store import audit

if TYPE_CHECKING:
    from worker.casework.desk import Desk
    from worker.store import Store, Tx

WHAT: Final = "audit anchor"


async def anchor(desk: Desk) -> int:
    """Write the heads that grew since the last anchor into the ledger. Returns how many chains they are."""
    before = anchored(desk.store)
    return await desk.store.run(_write, before)


def _write(tx: Tx, before: dict[str, tuple[int, str]]) -> int:
    grown = {chain: list(head) for chain, head in audit.heads(tx).items() if before.get(chain) != head}
    if grown:
        tx.ledger.append(WHAT, tx.now, {"heads": grown, "signature": tx.vault.sign(_content(grown))})
    return len(grown)


def anchored(store: Store) -> dict[str, tuple[int, str]]:
    """Chain to the newest (length, last MAC) in the ledger. AuditBroken names a line whose signature is not ours."""
    found: dict[str, tuple[int, str]] = {}
    for line in store.ledger.entries():
        if line["what"] == WHAT:
            if not store.vault.signed(_content(line["heads"]), line["signature"]):
                msg = f"ledger line {line['number']}: the signature of the anchor does not fit"
                raise AuditBroken(msg)
            found |= {chain: (int(length), str(mac)) for chain, (length, mac) in line["heads"].items()}
    return found


def _content(heads: dict[str, Any]) -> bytes:
    return json.dumps(heads, sort_keys=True, separators=(",", ":")).encode()
