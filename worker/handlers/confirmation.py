"""Control of the address was shown: from here on things are carried out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.rules.asking import proved_trigger
from worker.rules.audit import Event
from worker.rules.deadline import grace_end
from worker.rules.decision import (
    CancelEffects,
    Decision,
    HoldCase,
    MarkProved,
    Mode,
    Move,
    Plan,
    Record,
    RevokeLinks,
    Send,
    SetChanges,
    To,
)  # fmt: skip
from worker.rules.letters import NEW_CODE, ConfirmNewAddress, ErasurePlanned, NewLink
from worker.rules.model import Column, EffectKind, HoldReason, LinkKind, RequestState, Right
from worker.rules.policy import ROLE_MAILBOXES

if TYPE_CHECKING:
    from worker.rules.decision import Action, Proved, Situation
    from worker.rules.model import Case, Request


def handle(situation: Situation) -> Decision:
    """Carry out each confirmed right in its order: what informs first, then corrections, then what destroys."""
    proved, case = proved_trigger(situation)
    if proved.by is To.NEW_ADDRESS:
        return _second_proof(case, proved)
    actions: list[Action] = [MarkProved(), Record(Event.ADDRESS_PROVED, {"rights": ",".join(proved.rights)}), RevokeLinks(proved.rights)]
    requests = [r for r in (case.request(right) for right in proved.rights) if r is not None]
    if situation.mode is Mode.ASSIST or _is_role_mailbox(case):
        reason = HoldReason.SHADOW if situation.mode is Mode.ASSIST else HoldReason.SHARED_MAILBOX
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


def _is_role_mailbox(case: Case) -> bool:
    return case.address.key.partition("@")[0] in ROLE_MAILBOXES


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
            return _plan_erasure(situation, case, request)
        case _:
            steps = (RequestState.CONFIRMED, RequestState.IN_REVIEW)
            return [*(Move(request.right, s) for s in steps), HoldCase(HoldReason.NOT_AUTOMATIC)]


def _correct(situation: Situation, case: Case, proved: Proved, request: Request) -> list[Action]:
    changes = proved.changes or request.changes
    bound: list[Action] = [SetChanges(request.right, changes)]
    if any(c.column is Column.EMAIL for c in changes):
        return [*bound, _ask_new_address(situation, case), Move(request.right, RequestState.AWAITING_INFORMATION)]
    steps = (RequestState.CONFIRMED, RequestState.APPLYING)
    return [*bound, *(Move(request.right, s) for s in steps), Plan(EffectKind.RECTIFY, (request.right,), changes=changes)]


def _ask_new_address(situation: Situation, case: Case) -> Send:
    """The second proof of an e-mail change: a letter to the new address, which names nobody."""
    until = situation.confirm_until
    letter = ConfirmNewAddress(
        case.reference, link=NewLink(LinkKind.CONFIRM, until, (Right.CORRECTION,), with_code=True), not_me=NewLink(LinkKind.STATUS, None, (Right.CORRECTION,)),
        code=NEW_CODE, expires=until,
    )  # fmt: skip
    return Send(letter, to=To.NEW_ADDRESS, verification=True)


def _plan_erasure(situation: Situation, case: Case, request: Request) -> list[Action]:
    at = grace_end(
        situation.now,
        situation.policy.deletion_grace,
        case.legal_due,
        situation.policy.grace_margin_days,
        situation.country,
        situation.timezone,
    )
    letter = ErasurePlanned(
        case.reference, at=at, cancel=NewLink(LinkKind.STATUS, None, (request.right,)), after_package=case.request(Right.ACCESS) is not None
    )
    return [
        Move(request.right, RequestState.CONFIRMED),
        Move(request.right, RequestState.WAITING_GRACE),
        CancelEffects((request.right,)),
        Plan(EffectKind.ERASE, (request.right,), due=at),
        Send(letter),
    ]
