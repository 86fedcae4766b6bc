"""The person takes a request back, or says that he never made it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.rules.asking import the_case
from worker.rules.audit import Event
from worker.rules.decision import CancelEffects, Decision, Left, Move, Record, RevokeLinks, Send
from worker.rules.letters import Withdrawn
from worker.rules.model import TRANSITIONS, RequestState

if TYPE_CHECKING:
    from worker.rules.decision import Action, Situation


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
    said: list[Action] = [Record(Event.NOT_ME, {"rights": ",".join(rights)})] if left.not_me else []
    moves = [Move(right, RequestState.WITHDRAWN) for right in rights]
    letter = Send(Withdrawn(case.reference, rights=rights, not_me=left.not_me))
    return Decision((*said, CancelEffects(rights), RevokeLinks(rights), *moves, letter))
