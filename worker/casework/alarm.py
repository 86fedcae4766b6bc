"""The alarm before a legal date: what waits for a person is told when its last day is near, and when it is over. Once each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import structlog

from worker.rules.audit import Event
from worker.rules.deadline import Standing, due_days, local_day, standing
from worker.store import audit, cases, fires, mails

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from worker.casework.desk import Desk
    from worker.store import Tx

log = structlog.get_logger(__name__)
_SAID: Final[Mapping[Standing, tuple[Event, str]]] = {
    Standing.SOON: (Event.DEADLINE_NEAR, "the legal date of something that waits for a person is near"),
    Standing.OVERDUE: (Event.DEADLINE_MISSED, "the legal date of something that waits for a person is over"),
}
#: Calendar days for each working day: more than weekends and any run of holidays take.
_CALENDAR: Final = 3


@dataclass(frozen=True, slots=True)
class Due:
    """A held mail, or an open case, whose legal last day is near or over."""

    id: str
    is_case: bool
    legal_due: date
    standing: Standing


def standing_of(tx: Tx, desk: Desk, legal_due: date) -> Standing:
    """How near a legal last day is now, by the company's working days."""
    return standing(legal_due, local_day(tx.now, desk.timezone), desk.country, desk.policy.alarm_days)


def legal_due_of(row: Any, desk: Desk) -> date:
    """The legal last day of a held mail's row: a month after it came, as if it asked for something."""
    return due_days(local_day(row.received_at, desk.timezone), desk.country)[1]


def due(tx: Tx, desk: Desk) -> list[Due]:
    """Everything that must be looked at now: what waits for a person, and whatever else is still open after its last day."""
    return [each for each in (*_mails(tx, desk), *_cases(tx, desk)) if each.standing is not Standing.IN_TIME]


def _mails(tx: Tx, desk: Desk) -> Iterator[Due]:
    for row in mails.held(tx):
        legal_due = legal_due_of(row, desk)
        yield Due(row.id, False, legal_due, standing_of(tx, desk, legal_due))


def _cases(tx: Tx, desk: Desk) -> Iterator[Due]:
    horizon = local_day(tx.now, desk.timezone) + timedelta(days=_CALENDAR * desk.policy.alarm_days + _CALENDAR)
    for case_id, legal_due, waits in cases.due_by(tx, horizon):
        now = standing_of(tx, desk, legal_due)
        if waits or now is Standing.OVERDUE:
            yield Due(case_id, True, legal_due, now)


async def ring(desk: Desk) -> None:
    """Tell of each once: in the audit log and in the log."""
    await desk.store.run(_ring, desk)


def _ring(tx: Tx, desk: Desk) -> None:
    for each in due(tx, desk):
        event, words = _SAID[each.standing]
        if fires.take(tx, event, f"{each.id}{each.legal_due:%Y%m%d}"):
            facts = {"legal_due": each.legal_due.isoformat()} | ({} if each.is_case else {"mail": each.id})
            audit.record(tx, each.id if each.is_case else audit.DESK, event, "clock", facts)
            tx.after_commit(partial(log.warning, words, item=each.id, legal_due=each.legal_due.isoformat()))
