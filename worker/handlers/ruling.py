"""Staff decided: an answer in their words, a refusal with its reason, a case let go or carried on, a lost letter sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.rules.afresh import afresh
from worker.rules.asking import ask_new_address, changes_address, plan_erasure, released, the_case
from worker.rules.decision import AskProof, CancelEffects, Decision, Move, Plan, RevokeLinks, Send, confirmation_letter
from worker.rules.letters import Answer, Reason, Refused
from worker.rules.model import EffectKind, RequestState, Right
from worker.rules.trigger import Ruled, RulingKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.rules.decision import Action, Situation
    from worker.rules.model import Case, Request

_EFFECTS: Mapping[Right, EffectKind] = {
    Right.ACCESS: EffectKind.PACKAGE,
    Right.PORTABILITY: EffectKind.PACKAGE,
    Right.CORRECTION: EffectKind.RECTIFY,
    Right.DELETION: EffectKind.ERASE,
}
_BEFORE_A_PERSON: Final = frozenset({RequestState.IN_REVIEW})
#: What staff can refuse: nothing of it has begun.
_REFUSABLE: Final = frozenset({
    RequestState.RECEIVED, RequestState.IN_REVIEW, RequestState.AWAITING_CONFIRMATION, RequestState.AWAITING_INFORMATION,
})  # fmt: skip


def handle(situation: Situation) -> Decision:
    """Carry out what staff decided of a case."""
    ruled, case = situation.trigger, the_case(situation)
    if not isinstance(ruled, Ruled):
        msg = f"a ruling is made by staff, not {type(ruled).__name__}"
        raise TypeError(msg)
    match ruled.kind:
        case RulingKind.APPROVE:
            return _approved(situation, case, ruled)
        case RulingKind.ANSWER:
            rights = _those(case, ruled.rights, _BEFORE_A_PERSON)
            moves = [Move(right, RequestState.FULFILLED) for right in rights]
            return Decision((*moves, *released(case, rights), Send(Answer(case.reference, words=ruled.words))))
        case RulingKind.REFUSE:
            return _refused(case, ruled)
        case RulingKind.CLOSE:
            return Decision(released(case, ()))
        case RulingKind.SEND_AGAIN:
            return Decision(afresh(situation, case, ruled.lost))


def _those(case: Case, rights: tuple[Right, ...], states: frozenset[RequestState]) -> tuple[Right, ...]:
    return tuple(r.right for r in case.requests if r.right in rights and r.state in states)


def _refused(case: Case, ruled: Ruled) -> Decision:
    """What has not begun is refused, and the letter names nothing else. What is being carried out can no longer be."""
    rights = _those(case, ruled.rights, _REFUSABLE)
    if not rights:
        return Decision()
    letter = Refused(case.reference, rights=rights, reason=ruled.reason or Reason.UNFOUNDED, explanation=ruled.words)
    moves = [Move(right, RequestState.REFUSED) for right in rights]
    return Decision((CancelEffects(rights), RevokeLinks(rights), *moves, *released(case, rights), Send(letter)))


def _approved(situation: Situation, case: Case, ruled: Ruled) -> Decision:
    """What a person has looked at goes on from where it stopped; what nobody has proved is asked for its proof."""
    rights = tuple(right for right in _those(case, ruled.rights, _BEFORE_A_PERSON) if right in _EFFECTS)
    requests = [r for r in case.requests if r.right in rights]
    if not case.proved:
        moves = [Move(right, RequestState.AWAITING_CONFIRMATION) for right in rights]
        letter = [confirmation_letter(situation, [AskProof(r.right, r.changes) for r in requests])] if requests else []
        return Decision((*moves, *released(case, rights), *letter))
    actions = [action for request in requests for action in _carry_on(situation, case, ruled, request)]
    return Decision((*actions, *released(case, rights)))


def _carry_on(situation: Situation, case: Case, ruled: Ruled, request: Request) -> list[Action]:
    again = request.right in ruled.failed
    if request.right is Right.DELETION and not again:  # one that has begun cannot be cancelled any more: it gets no second grace
        return plan_erasure(situation, case, approved=True)
    if changes_address(request.changes) and not ruled.new_address_proved:
        return [ask_new_address(situation, case), Move(request.right, RequestState.AWAITING_INFORMATION)]
    plan = Plan(_EFFECTS[request.right], (request.right,), changes=request.changes, approved=True, again=again)
    return [Move(request.right, RequestState.APPLYING), plan]
