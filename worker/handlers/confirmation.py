"""Control of the address was shown: from here on things are carried out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.rules.asking import ask_new_address, changes_address, plan_erasure, proved_trigger
from worker.rules.audit import Event
from worker.rules.decision import Decision, HoldCase, MarkProved, Mode, Move, Plan, Record, RevokeLinks, SetChanges
from worker.rules.model import EffectKind, HoldReason, RequestState, Right
from worker.rules.policy import is_role_mailbox
from worker.rules.trigger import To

if TYPE_CHECKING:
    from worker.rules.decision import Action, Situation
    from worker.rules.model import Case, Request
    from worker.rules.trigger import Proved


def handle(situation: Situation) -> Decision:
    """Carry out each confirmed right in its order: what informs first, then corrections, then what destroys."""
    proved, case = proved_trigger(situation)
    if proved.by is To.NEW_ADDRESS:
        return _second_proof(case, proved)
    actions: list[Action] = [MarkProved(), Record(Event.ADDRESS_PROVED, {"rights": ",".join(proved.rights)}), RevokeLinks(proved.rights)]
    requests = [r for r in (case.request(right) for right in proved.rights) if r is not None]
    if situation.mode is not Mode.ON or is_role_mailbox(case.address.key):
        reason = HoldReason.SHADOW if situation.mode is not Mode.ON else HoldReason.SHARED_MAILBOX
        moves = [Move(r.right, state) for r in requests for state in (RequestState.CONFIRMED, RequestState.IN_REVIEW)]
        return Decision((*actions, *moves, HoldCase(reason)))
    for request in requests:
        actions += _carry_out(situation, case, proved, request)
    return Decision(tuple(actions))


def _second_proof(case: Case, proved: Proved) -> Decision:
    """The new address of an e-mail change confirmed as well: now it can be written."""
    request = case.request(Right.CORRECTION)
    if request is None or request.state is not RequestState.AWAITING_INFORMATION:
        return Decision()
    steps = (RequestState.CONFIRMED, RequestState.APPLYING)
    moves = [Move(request.right, s) for s in steps]
    proof = Record(Event.ADDRESS_PROVED, {"rights": ",".join(proved.rights), "address": To.NEW_ADDRESS})
    return Decision((proof, RevokeLinks(proved.rights), *moves, Plan(EffectKind.RECTIFY, (request.right,), changes=request.changes)))


def _carry_out(situation: Situation, case: Case, proved: Proved, request: Request) -> list[Action]:
    match request.right:
        case Right.ACCESS | Right.PORTABILITY:
            return [
                Move(request.right, RequestState.CONFIRMED),
                Move(request.right, RequestState.APPLYING),
                Plan(EffectKind.PACKAGE, (request.right,)),
            ]
        case Right.CORRECTION:
            return _correct(situation, case, proved, request)
        case Right.DELETION:
            return plan_erasure(situation, case, proved=proved.rights)
        case _:
            steps = (RequestState.CONFIRMED, RequestState.IN_REVIEW)
            return [*(Move(request.right, s) for s in steps), HoldCase(HoldReason.NOT_AUTOMATIC)]


def _correct(situation: Situation, case: Case, proved: Proved, request: Request) -> list[Action]:
    changes = proved.changes or request.changes
    bound: list[Action] = [SetChanges(request.right, changes)]
    if changes_address(changes):
        return [*bound, ask_new_address(situation, case), Move(request.right, RequestState.AWAITING_INFORMATION)]
    steps = (RequestState.CONFIRMED, RequestState.APPLYING)
    return [*bound, *(Move(request.right, s) for s in steps), Plan(EffectKind.RECTIFY, (request.right,), changes=changes)]
