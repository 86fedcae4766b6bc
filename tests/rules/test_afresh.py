"""What takes the place of a letter that failed for good, if its case still allows it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from worker.rules.afresh import afresh
from worker.rules.decision import Repeat, Send, Situation
from worker.rules.letters import LETTERS, NewLink
from worker.rules.mail import Address
from worker.rules.model import Case, Change, Column, Language, LinkKind, Origin, Request, RequestState, Right
from worker.rules.policy import Policy
from worker.rules.trigger import Lost, Ruled, RulingKind, To

NOW = datetime(2026, 3, 5, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=2)
#: Letters without a link say what was done: nothing in them grows old.
TELLING = {"nothing_held", "corrected", "withdrawn", "refused", "answer", "extended", "erased", "held_note"}


def a_case(right: Right, state: RequestState) -> Case:
    changes = (Change(Column.EMAIL, "new@example.com"),) if right is Right.CORRECTION else ()
    return Case(
        "c1", "PD-2026-000001", Language.NL, Origin.MAIL, Address("ann@example.com"), NOW, date(2026, 4, 5), date(2026, 4, 7),
        (Request("r1", right, state, changes),), opened_at=NOW,
    )  # fmt: skip


def written(name: str, right: Right, state: RequestState, at: datetime | None = None) -> list[object]:
    case = a_case(right, state)
    lost = Lost("l1", name, at)
    situation = Situation(NOW, Ruled(RulingKind.SEND_AGAIN, lost=(lost,)), Policy(), "BE", "Europe/Brussels", case=case)
    return list(afresh(situation, case, (lost,)))


WAITS = (
    ("confirm", Right.ACCESS, RequestState.AWAITING_CONFIRMATION, None, "confirm", LinkKind.CONFIRM),
    ("correction_outdated", Right.CORRECTION, RequestState.AWAITING_CONFIRMATION, None, "confirm", LinkKind.CONFIRM),
    ("confirm_new_address", Right.CORRECTION, RequestState.AWAITING_INFORMATION, None, "confirm_new_address", LinkKind.CONFIRM),
    ("package_ready", Right.ACCESS, RequestState.FULFILLED, LATER, "package_ready", LinkKind.DOWNLOAD),
    ("fresh_code", Right.ACCESS, RequestState.FULFILLED, LATER, "package_ready", LinkKind.DOWNLOAD),
    ("erasure_planned", Right.DELETION, RequestState.WAITING_GRACE, LATER, "erasure_planned", LinkKind.STATUS),
    ("expired", Right.ACCESS, RequestState.EXPIRED, None, "expired", LinkKind.STATUS),
    ("unsubscribed", Right.UNSUBSCRIBE, RequestState.FULFILLED, None, "unsubscribed", LinkKind.PREFERENCES),
)  # fmt: skip


@pytest.mark.parametrize(("name", "right", "state", "at", "new", "kind"), WAITS)
def test_a_letter_with_a_link_gets_a_fresh_one(
    name: str, right: Right, state: RequestState, at: datetime | None, new: str, kind: LinkKind
) -> None:
    (send,) = written(name, right, state, at)
    assert isinstance(send, Send)
    assert send.letter.name == new
    links = [getattr(send.letter, each) for each in type(send.letter).__dataclass_fields__]
    assert kind in {each.kind for each in links if isinstance(each, NewLink)}
    assert (send.to is To.NEW_ADDRESS) == (name == "confirm_new_address")


@pytest.mark.parametrize(("name", "right", "state"), [each[:3] for each in WAITS if each[0] != "unsubscribed"])
def test_a_letter_whose_case_went_on_is_not_written_again(name: str, right: Right, state: RequestState) -> None:
    gone = RequestState.WITHDRAWN
    assert written(name, right, gone) == []


@pytest.mark.parametrize("name", sorted(TELLING))
def test_a_letter_that_only_tells_is_sent_again_as_it_was(name: str) -> None:
    assert written(name, Right.DELETION, RequestState.FULFILLED) == [Repeat("l1")]


def test_every_letter_of_a_case_is_one_of_these() -> None:
    of_no_case = {"opt_in"}
    assert {letter.name for letter in LETTERS} == TELLING | {each[0] for each in WAITS} | of_no_case
