"""``privacy-desk replay-mail``: read a stored mail again, after what stopped it was mended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from worker.rules.audit import Event
from worker.store import audit, mails

if TYPE_CHECKING:
    from worker.casework.desk import Desk
    from worker.store import Tx

_LEFT: Final = "is unknown, part of a case, or only the beginning of a mail over limits.mail_size: left as it is"


async def replay(desk: Desk, mail_ids: Sequence[str]) -> int:
    """Put the mails back to be read; the running desk takes them within a minute. Exit code 1 if one could not be."""
    missed = 0
    for mail_id in mail_ids:
        done = await desk.store.run(_replay, mail_id)
        missed += not done
        print(f"{mail_id}: {'will be read again' if done else _LEFT}")
    return 1 if missed else 0


def _replay(tx: Tx, mail_id: str) -> bool:
    done = mails.replay(tx, mail_id)
    if done:
        audit.record(tx, audit.DESK, Event.MAIL_RULED, "command", {"mail": mail_id, "ruling": "replay"})
    return done
