"""What is waiting, in numbers: for ``/desk/health``, ``status`` and ``/metrics``. No personal data."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from worker.casework import alarm
from worker.rules.deadline import Standing
from worker.store import cases, effects, letters, mails, parts

if TYPE_CHECKING:
    from worker.casework.desk import Desk
    from worker.store import Tx

#: What is noted of a part that works.
_WELL: Final = frozenset({"connected", "answers"})


async def facts(desk: Desk) -> dict[str, Any]:
    """The mailboxes, relays and registers, counts of mails by state, open cases and the first legal date, what is due soon or overdue, letters and changes that wait or failed.

    Mails from before a mailbox's first connection were never fetched: they are counted by folder.
    """
    return await desk.store.run(_facts, desk)


def store_answers(desk: Desk) -> bool:
    """Whether the store answered when it was asked last."""
    return not desk.store.problem


def _facts(tx: Tx, desk: Desk) -> dict[str, Any]:
    open_cases, first_due = cases.open_count(tx)
    waiting, failed = letters.waiting(tx)
    effects_waiting, effects_failed = effects.counts(tx)
    history = {folder: found for folder, found in mails.history(tx).items() if found[0]}
    parts_seen, due = seen(tx), alarm.due(tx, desk)
    return {
        **parts_seen,
        "not_answering": sum(part["state"] not in _WELL for kind in parts_seen.values() for part in kind.values()),
        "mails": mails.counts(tx),
        "history_not_fetched": {folder: count for folder, (count, _) in history.items()},
        "history_up_to_uid": {folder: uid for folder, (_, uid) in history.items()},
        "held": len(mails.held(tx)) + len(cases.held(tx)),
        "open_cases": open_cases,
        "first_legal_due": first_due.isoformat() if first_due else None,
        "due_soon": sum(each.standing is Standing.SOON for each in due),
        "overdue": sum(each.standing is Standing.OVERDUE for each in due),
        "letters_waiting": waiting,
        "letters_failed": failed,
        "hourly_limit_reached": hourly_limit_reached(tx, desk),
        "effects_waiting": effects_waiting,
        "effects_failed": effects_failed,
    }


def hourly_limit_reached(tx: Tx, desk: Desk) -> bool:
    """Whether more letters were written in the last hour than [policy] letters_per_hour allows: then none leaves."""
    return letters.sent_since(tx, tx.now - timedelta(hours=1)) > desk.policy.letters_per_hour


def seen(tx: Tx) -> dict[str, dict[str, dict[str, str]]]:
    """How the process at work last saw what it depends on: kind to name to ``state`` and since when."""
    return {"doors": mails.doors(tx), "relays": parts.noted(tx, "relay"), "registers": parts.noted(tx, "register")}
