"""Several decisions become one."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from worker.handlers import HANDLERS
from worker.rules.decision import (
    Decision,
    Intent,
    MarkMail,
    Mode,
    Move,
    OpenCase,
    OpenRequest,
    Send,
    Situation,
    Suppress,
    combine,
)
from worker.rules.intents import doubt, intents
from worker.rules.letters import Confirm, HeldNote
from worker.rules.mail import Address, Authenticity
from worker.rules.model import ENDED, TRANSITIONS, HoldReason, Language, MailState, Origin, Proof, RequestState, Right
from worker.rules.policy import PROOF, Policy
from worker.rules.reading.model import Exit, Label, Reading
from worker.rules.trigger import Asked, Received

NOW = datetime(2026, 3, 5, 9, 0, tzinfo=UTC)


def a_situation(*labels: Label, way: Exit = Exit.AUTOMATIC, mode: Mode = Mode.ON, letters_today: int = 0, **facts: object) -> Situation:
    """A mail with this reading arrived."""
    reading = Reading(way, labels, Language.NL, machine=bool(facts.pop("machine", False)))
    received = Received("m1", reading, Address("ann@example.com"), Authenticity.NONE, NOW, **facts)  # type: ignore[arg-type]
    return Situation(NOW, received, Policy(), "BE", "Europe/Brussels", mode=mode, letters_today=letters_today)


def decided(situation: Situation) -> Decision:
    """What the handlers of a mail decide together."""
    assert isinstance(situation.trigger, Received)
    return combine(situation, [HANDLERS[i](situation) for i in intents(situation.trigger, replies=False)])


def test_every_intent_has_a_handler_and_every_handler_an_intent() -> None:
    assert set(HANDLERS) == set(Intent)
    assert len(set(HANDLERS.values())) == len(HANDLERS)


def test_several_rights_give_one_case_and_one_letter_with_the_strictest_proof() -> None:
    decision = decided(a_situation(Label.DELETION, Label.ACCESS))
    letters = [a.letter for a in decision.actions if isinstance(a, Send)]
    assert len([a for a in decision.actions if isinstance(a, OpenCase)]) == 1
    assert len(letters) == 1
    assert isinstance(letters[0], Confirm)
    assert letters[0].rights == (Right.ACCESS, Right.DELETION)
    assert letters[0].code


def test_access_alone_needs_no_code() -> None:
    (send,) = decided(a_situation(Label.ACCESS)).of(Send)
    assert isinstance(send, Send)
    assert isinstance(send.letter, Confirm)
    assert send.letter.code == ""


def test_one_right_for_a_person_holds_the_whole_mail() -> None:
    situation = a_situation(Label.ACCESS, Label.OBJECTION)
    decision = combine(situation, [HANDLERS[Intent.ACCESS](situation), HANDLERS[Intent.OBJECTION](situation)])
    assert decision.actions == (MarkMail(MailState.HELD, (HoldReason.NOT_AUTOMATIC,)),)


def test_a_letter_over_the_daily_limit_waits_until_tomorrow() -> None:
    (send,) = decided(a_situation(Label.ACCESS, letters_today=3)).of(Send)
    assert isinstance(send, Send)
    assert send.not_before is not None
    assert send.not_before > NOW


def test_shadow_mode_writes_nothing() -> None:
    for label in (Label.ACCESS, Label.DELETION, Label.UNSUBSCRIBE):
        decision = decided(a_situation(label, mode=Mode.SHADOW))
        assert decision.actions == (MarkMail(MailState.HELD, (HoldReason.SHADOW,)),)


def test_unsubscribing_needs_no_proof() -> None:
    decision = decided(a_situation(Label.UNSUBSCRIBE))
    assert decision.of(Suppress)
    assert OpenRequest(Right.UNSUBSCRIBE, RequestState.FULFILLED) in decision.actions


def test_a_held_mail_is_noted_once_a_day() -> None:
    first = decided(a_situation(Label.COMPLAINT, way=Exit.STAFF))
    second = decided(a_situation(Label.COMPLAINT, way=Exit.STAFF, notes_today=1))
    assert [type(a.letter) for a in first.actions if isinstance(a, Send)] == [HeldNote]
    assert not second.of(Send)


@pytest.mark.parametrize("label", [Label.SPAM, Label.AUTHORITY, Label.BOUNCE])
def test_spam_authorities_and_bounces_are_not_written_to(label: Label) -> None:
    assert not decided(a_situation(label, way=Exit.STAFF)).of(Send)


def test_machine_mail_is_never_answered() -> None:
    decision = decided(a_situation(Label.AUTO_REPLY, way=Exit.QUIET, machine=True))
    assert decision.actions == (MarkMail(MailState.MACHINE),)


def test_a_mail_disowned_by_its_domain_goes_to_a_person() -> None:
    situation = a_situation(Label.ACCESS)
    forged = Received("m1", situation.trigger.reading, Address("ann@example.com"), Authenticity.FAIL, NOW)  # type: ignore[union-attr]
    assert doubt(situation, forged) is HoldReason.FORGED


@pytest.mark.parametrize("before", RequestState)
@pytest.mark.parametrize("after", RequestState)
def test_no_request_leaves_its_end_but_through_the_doors_left_open(before: RequestState, after: RequestState) -> None:
    reopened = {(RequestState.REFUSED, RequestState.IN_REVIEW)} | {(RequestState.EXPIRED, s) for s in TRANSITIONS[RequestState.EXPIRED]}
    if before in ENDED and after in TRANSITIONS[before]:
        assert (before, after) in reopened
    assert before not in TRANSITIONS[before]


def test_every_state_can_be_reached_and_every_open_one_left() -> None:
    reached = {s for targets in TRANSITIONS.values() for s in targets}
    assert reached | {RequestState.RECEIVED} == set(RequestState)
    assert all(TRANSITIONS[s] for s in set(RequestState) - ENDED)


def test_what_cannot_be_undone_needs_the_code() -> None:
    assert set(PROOF) == set(Right)
    assert all(PROOF[r] is Proof.CODE for r in (Right.CORRECTION, Right.DELETION, Right.RESTRICTION))


def test_the_form_asks_for_all_its_rights_in_one_letter() -> None:
    asked = Asked((Right.ACCESS, Right.DELETION), Origin.WEB_FORM, Language.FR, NOW)
    situation = Situation(NOW, asked, Policy(), "BE", "Europe/Brussels")
    decision = HANDLERS[Intent.ENTERED](situation)
    (send,) = decision.of(Send)
    assert isinstance(send, Send)
    assert isinstance(send.letter, Confirm)
    assert not send.letter.by_mail
    assert not decision.of(Move)
