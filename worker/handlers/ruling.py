"""Staff decided: an answer in their words, a refusal with its reason, a case let go, or a held case carried on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.rules.asking import the_case
from worker.rules.decision import Decision, HoldCase, Move, Plan, Ruled, RulingKind, Send
from worker.rules.letters import Answer, Reason, Refused
from worker.rules.model import TRANSITIONS, EffectKind, RequestState, Right

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.rules.decision import Action, Situation
    from worker.rules.model import Case

_EFFECTS: Mapping[Right, EffectKind] = {
    Right.ACCESS: EffectKind.PACKAGE,
    Right.PORTABILITY: EffectKind.PACKAGE,
    Right.CORRECTION: EffectKind.RECTIFY,
    Right.DELETION: EffectKind.ERASE,
}


def handle(situation: Situation) -> Decision:
    """Carry out what staff decided of a case."""
    ruled, case = situation.trigger, the_case(situation)
    if not isinstance(ruled, Ruled):
        msg = f"a ruling is made by staff, not {type(ruled).__name__}"
        raise TypeError(msg)
    match ruled.kind:
        case RulingKind.APPROVE:
            return Decision((*_carry_on(case), HoldCase(None)))
        case RulingKind.ANSWER:
            return Decision((*_to(case, RequestState.FULFILLED), HoldCase(None), Send(Answer(case.reference, words=ruled.words))))
        case RulingKind.REFUSE:
            letter = Refused(case.reference, rights=ruled.rights, reason=ruled.reason or Reason.UNFOUNDED, explanation=ruled.words)
            return Decision((*_to(case, RequestState.REFUSED, ruled.rights), HoldCase(None), Send(letter)))
        case RulingKind.CLOSE:
            return Decision((HoldCase(None),))


def _carry_on(case: Case) -> list[Action]:
    """What a person has looked at goes on from where it stopped."""
    actions: list[Action] = []
    for request in case.requests:
        if request.state is RequestState.IN_REVIEW and request.right in _EFFECTS:
            actions += [
                Move(request.right, RequestState.APPLYING),
                Plan(_EFFECTS[request.right], (request.right,), changes=request.changes, approved=True),
            ]
    return actions


def _to(case: Case, state: RequestState, rights: tuple[Right, ...] | None = None) -> list[Action]:
    wanted = [r for r in case.requests if state in TRANSITIONS[r.state] and (rights is None or r.right in rights)]
    return [Move(r.right, state) for r in wanted if r.state is RequestState.IN_REVIEW or rights is not None]
