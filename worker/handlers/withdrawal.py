"""The person takes a request back, or says that he never made it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.rules.asking import released, the_case
from worker.rules.audit import Event
from worker.rules.decision import CancelEffects, Decision, Move, Record, RevokeLinks, Send
from worker.rules.letters import Reason, Refused, Withdrawn
from worker.rules.model import TRANSITIONS, RequestState
from worker.rules.trigger import Left, To

if TYPE_CHECKING:
    from worker.rules.decision import Action, Situation
    from worker.rules.model import Case, Right


def handle(situation: Situation) -> Decision:
    """Withdraw what can still be withdrawn of these rights; what is being carried out goes on."""
    left, case = situation.trigger, the_case(situation)
    if not isinstance(left, Left):
        msg = f"a withdrawal answers a click, not {type(left).__name__}"
        raise TypeError(msg)
    wanted = [r for r in case.requests if r.right in left.rights and RequestState.WITHDRAWN in TRANSITIONS[r.state]]
    rights = tuple(r.right for r in wanted)
    if not rights:
        return Decision()
    if left.by is To.NEW_ADDRESS:
        return _unwanted_address(case, rights)
    said: list[Action] = [Record(Event.NOT_ME, {"rights": ",".join(rights)})] if left.not_me else []
    moves = [Move(right, RequestState.WITHDRAWN) for right in rights]
    letter = Send(Withdrawn(case.reference, rights=rights, not_me=left.not_me))
    return Decision((*said, CancelEffects(rights), RevokeLinks(rights), *moves, *released(case, rights), letter))


def _unwanted_address(case: Case, rights: tuple[Right, ...]) -> Decision:
    """The owner of the new address of an e-mail change says no: the requester is told that it cannot be used."""
    moves = [Move(right, RequestState.REFUSED) for right in rights]
    letter = Send(Refused(case.reference, rights=rights, reason=Reason.ADDRESS_TAKEN, explanation=""))
    return Decision((Record(Event.NOT_ME, {"address": To.NEW_ADDRESS}), RevokeLinks(rights), *moves, *released(case, rights), letter))
