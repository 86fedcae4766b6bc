"""What takes the place of a letter that failed for good: with fresh links, and only where its case still allows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.rules.asking import ask_new_address, erasure_planned, package_ready
from worker.rules.decision import AskProof, Repeat, Send, confirmation_letter
from worker.rules.letters import (
    Confirm,
    ConfirmNewAddress,
    CorrectionOutdated,
    ErasurePlanned,
    Expired,
    FreshCode,
    NewLink,
    PackageReady,
    Unsubscribed,
)
from worker.rules.model import LinkKind, RequestState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from worker.rules.decision import Action, Situation
    from worker.rules.model import Case, Request
    from worker.rules.trigger import Lost


def afresh(situation: Situation, case: Case, lost: Iterable[Lost]) -> tuple[Action, ...]:
    """The letters that take the place of the ``lost`` ones, each once. Empty if the case has gone on since."""
    return tuple(dict.fromkeys(action for each in lost for action in _INSTEAD.get(each.name, _repeat)(situation, case, each)))


def _repeat(_situation: Situation, _case: Case, lost: Lost) -> tuple[Action, ...]:
    """What only tells what was done does not grow old."""
    return (Repeat(lost.id),)


def _confirm(situation: Situation, case: Case, _lost: Lost) -> tuple[Action, ...]:
    asks = [AskProof(r.right, r.changes) for r in _in(case, RequestState.AWAITING_CONFIRMATION)]
    return (confirmation_letter(situation, asks),) if asks else ()


def _confirm_new_address(situation: Situation, case: Case, _lost: Lost) -> tuple[Action, ...]:
    return (ask_new_address(situation, case),) if _in(case, RequestState.AWAITING_INFORMATION) else ()


def _package(_situation: Situation, case: Case, lost: Lost) -> tuple[Action, ...]:
    return (Send(package_ready(case, lost.at)),) if lost.at is not None else ()


def _planned(_situation: Situation, case: Case, lost: Lost) -> tuple[Action, ...]:
    """Nobody is told of an erasure that has begun: its own letter follows."""
    if lost.at is None or not _in(case, RequestState.WAITING_GRACE):
        return ()
    return (erasure_planned(case, lost.at),)


def _expired(_situation: Situation, case: Case, _lost: Lost) -> tuple[Action, ...]:
    rights = tuple(r.right for r in _in(case, RequestState.EXPIRED))
    return (Send(Expired(case.reference, rights=rights, link=NewLink(LinkKind.STATUS, None, rights))),) if rights else ()


def _unsubscribed(_situation: Situation, case: Case, _lost: Lost) -> tuple[Action, ...]:
    return (Send(Unsubscribed(case.reference, preferences=NewLink(LinkKind.PREFERENCES))),)


def _in(case: Case, state: RequestState) -> list[Request]:
    return [r for r in case.requests if r.state is state]


#: What is written instead of a letter with a link; every other one is repeated.
_INSTEAD: Final[Mapping[str, Callable[[Situation, Case, Lost], tuple[Action, ...]]]] = {
    Confirm.name: _confirm,
    CorrectionOutdated.name: _confirm,
    ConfirmNewAddress.name: _confirm_new_address,
    PackageReady.name: _package,
    FreshCode.name: _package,
    ErasurePlanned.name: _planned,
    Expired.name: _expired,
    Unsubscribed.name: _unsubscribed,
}
