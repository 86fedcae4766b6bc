"""A change was carried out, or failed: now, and not before, the person is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.rules.asking import package_ready, the_case
from worker.rules.deadline import local_day
from worker.rules.decision import Decision, HoldCase, Move, Send
from worker.rules.letters import NEW_CODE, Corrected, CorrectionOutdated, Erased, Item, NewLink, NothingHeld, Reason
from worker.rules.model import EffectKind, HoldReason, LinkKind, Origin, RequestState, Right
from worker.rules.trigger import Carried

if TYPE_CHECKING:
    from datetime import date

    from worker.rules.decision import Action, Situation
    from worker.rules.model import Case


def handle(situation: Situation) -> Decision:
    """The closing letter of an effect, or a person when it failed or must not be decided by a machine."""
    carried, case = situation.trigger, the_case(situation)
    if not isinstance(carried, Carried):
        msg = f"applied answers an effect, not {type(carried).__name__}"
        raise TypeError(msg)
    if carried.failed or carried.hold is not None:
        moves = [Move(right, RequestState.IN_REVIEW) for right in carried.rights]
        return Decision((*moves, HoldCase(carried.hold or HoldReason.FAILED)))
    if not carried.known:
        moves = [Move(right, RequestState.FULFILLED) for right in carried.rights]
        return Decision((*moves, Send(NothingHeld(case.reference, rights=carried.rights))))
    return Decision(tuple(_close(situation, case, carried)))


def _close(situation: Situation, case: Case, carried: Carried) -> list[Action]:
    match carried.kind:
        case EffectKind.PACKAGE:
            ready = package_ready(case, situation.now + situation.policy.download_expires)
            return [*(Move(right, RequestState.FULFILLED) for right in carried.rights), Send(ready)]
        case EffectKind.RECTIFY if carried.outdated:
            return [Move(Right.CORRECTION, RequestState.AWAITING_CONFIRMATION), Send(_look_again(situation, case), verification=True)]
        case EffectKind.RECTIFY:
            letter = Corrected(case.reference, changed=carried.changed, refused=carried.refused, recipients=carried.recipients)
            return [Move(Right.CORRECTION, _how_far(bool(carried.changed), bool(carried.refused))), Send(letter)]
        case EffectKind.ERASE:
            kept = (*carried.kept, *_kept_by_us(situation, case))
            told = Erased(case.reference, erased=carried.erased, kept=kept, recipients=carried.recipients)
            return [Move(Right.DELETION, _how_far(done=bool(carried.erased), refused=bool(carried.kept))), Send(told)]


def _how_far(done: bool, refused: bool) -> RequestState:
    if not refused:
        return RequestState.FULFILLED
    return RequestState.PARTLY_REFUSED if done else RequestState.REFUSED


def _kept_by_us(situation: Situation, case: Case) -> tuple[Item, ...]:
    """What the request itself leaves behind: its file, the mark on the suppression list, the mail in the mailbox."""
    mailbox = (Item("mail", 1, Reason.MAILBOX_COPY),) if case.origin is Origin.MAIL else ()
    file = Item("request_file", 1, Reason.REQUEST_FILE, _file_until(situation))
    return (file, Item("suppression", 1, Reason.SUPPRESSION), *mailbox)


def _look_again(situation: Situation, case: Case) -> CorrectionOutdated:
    until = situation.confirm_until
    rights = (Right.CORRECTION,)
    return CorrectionOutdated(
        case.reference,
        link=NewLink(LinkKind.CONFIRM, until, rights, with_code=True),
        not_me=NewLink(LinkKind.STATUS, None, rights),
        code=NEW_CODE,
        expires=until,
    )


def _file_until(situation: Situation) -> date:
    return local_day(situation.now + situation.policy.request_file, situation.timezone)
