"""What the handlers of the rights share: how a right that needs proof is opened, and how one is put before a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.rules.decision import Asked, AskProof, Decision, HoldCase, MarkMail, Mode, OpenCase, OpenRequest, Proved, Received, Ruled
from worker.rules.model import Case, HoldReason, MailState, Origin, RequestState, Right

if TYPE_CHECKING:
    from worker.rules.decision import Action, Situation
    from worker.rules.model import Change


def ask_for_proof(situation: Situation, right: Right, changes: tuple[Change, ...] = ()) -> Decision:
    """Open the request for ``right`` (or join the open one) and ask for its proof."""
    held = held_by_mode(situation)
    if held is not None:
        return held
    opened: tuple[Action, ...] = ()
    if situation.case is None or situation.case.request(right) is None:
        opened = (OpenRequest(right, RequestState.AWAITING_CONFIRMATION, changes),)
    return Decision((case_of(situation), *opened, AskProof(right, changes), MarkMail(MailState.CASE)))


def case_of(situation: Situation) -> OpenCase:
    """The case that this trigger opens, unless the situation has one."""
    trigger = situation.trigger
    match trigger:
        case Received():
            return OpenCase(trigger.origin, trigger.reading.language, trigger.received_at)
        case Asked():
            return OpenCase(trigger.origin, trigger.language, trigger.received_at)
        case Ruled():
            return OpenCase(Origin.MAIL, trigger.language, trigger.received_at or situation.now)
        case _:
            msg = f"{type(trigger).__name__} opens no case"
            raise TypeError(msg)


def held_by_mode(situation: Situation) -> Decision | None:
    """In shadow mode every mail waits for staff; a decision of theirs is carried out in every mode."""
    if situation.mode is Mode.SHADOW and isinstance(situation.trigger, Received):
        return for_a_person(HoldReason.SHADOW)
    return None


def for_a_person(reason: HoldReason) -> Decision:
    """Hold the mail as a whole."""
    return Decision((MarkMail(MailState.HELD, (reason,)),))


def open_for_a_person(situation: Situation, right: Right) -> Decision:
    """Open the request for ``right`` in review: staff approved it and carry it out themselves."""
    opened = OpenRequest(right, RequestState.IN_REVIEW)
    return Decision((case_of(situation), opened, HoldCase(HoldReason.NOT_AUTOMATIC), MarkMail(MailState.CASE)))


def the_case(situation: Situation) -> Case:
    """The case of a situation that must have one."""
    if situation.case is None:
        msg = f"{type(situation.trigger).__name__} needs a case"
        raise TypeError(msg)
    return situation.case


def proved_trigger(situation: Situation) -> tuple[Proved, Case]:
    """The proof and its case."""
    if not isinstance(situation.trigger, Proved):
        msg = f"a confirmation answers a proof, not {type(situation.trigger).__name__}"
        raise TypeError(msg)
    return situation.trigger, the_case(situation)
