"""What is waiting, in numbers: for ``/desk/health``, ``status`` and ``/metrics``. No personal data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker.store import cases, effects, letters, mails

if TYPE_CHECKING:
    from worker.casework.desk import Desk
    from worker.store import Tx


async def facts(desk: Desk) -> dict[str, Any]:
    """The mailboxes, counts of mails by state, open cases and the first legal date, letters and changes that wait or failed.

    Mails from before a mailbox's first connection were never fetched: they are counted by folder.
    """
    return await desk.store.run(_facts)


def _facts(tx: Tx) -> dict[str, Any]:
    open_cases, first_due = cases.open_count(tx)
    waiting, failed = letters.waiting(tx)
    effects_waiting, effects_failed = effects.counts(tx)
    history = {folder: found for folder, found in mails.history(tx).items() if found[0]}
    return {
        "doors": mails.doors(tx),
        "mails": mails.counts(tx),
        "history_not_fetched": {folder: count for folder, (count, _) in history.items()},
        "history_up_to_uid": {folder: uid for folder, (_, uid) in history.items()},
        "held": len(mails.held(tx)) + len(cases.held(tx)),
        "open_cases": open_cases,
        "first_legal_due": first_due.isoformat() if first_due else None,
        "letters_waiting": waiting,
        "letters_failed": failed,
        "effects_waiting": effects_waiting,
        "effects_failed": effects_failed,
    }
