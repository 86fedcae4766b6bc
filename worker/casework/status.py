"""The page that shows where a request is: a fresh letter, cancel, withdraw, "this was not me"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.casework.commit import commit, party_of, situation_for
from worker.casework.confirm import case_page
from worker.casework.pages import CasePage, Click, LinkState, Outcome
from worker.handlers import HANDLERS
from worker.rules.decision import Asked, AskProof, Decision, Intent, Left, Send, To, confirmation_letter
from worker.rules.letters import NEW_CODE, ConfirmNewAddress, FreshCode, NewLink
from worker.rules.model import LinkKind, RequestState, Right
from worker.store import cases, effects, links

if TYPE_CHECKING:
    from worker.casework.desk import Desk
    from worker.rules.decision import Situation
    from worker.rules.model import Case
    from worker.store import Tx
    from worker.store.links import StoredLink

_KINDS = (LinkKind.STATUS, LinkKind.CONFIRM, LinkKind.DOWNLOAD)


async def view(desk: Desk, token: str) -> CasePage:
    """GET: where the requests of this link are."""
    return await desk.store.run(_view, desk, token)


def _view(tx: Tx, desk: Desk, token: str) -> CasePage:
    return case_page(tx, desk, links.find(tx, token, *_KINDS))


async def cancel(desk: Desk, token: str) -> Click:
    """Stop an erasure that still waits for its hour."""
    return await desk.store.run(_leave, desk, token, not_me=False, states=(RequestState.WAITING_GRACE,))


async def withdraw(desk: Desk, token: str, *, not_me: bool) -> Click:
    """Take back everything of this link that has not begun; ``not_me``: somebody else had asked."""
    states = (RequestState.AWAITING_CONFIRMATION, RequestState.AWAITING_INFORMATION, RequestState.IN_REVIEW)
    return await desk.store.run(_leave, desk, token, not_me=not_me, states=(*states, RequestState.WAITING_GRACE) if not_me else states)


def _leave(tx: Tx, desk: Desk, token: str, *, not_me: bool, states: tuple[RequestState, ...]) -> Click:
    link = links.find(tx, token, *_KINDS, lock=True)
    case = cases.load(tx, link.case_id, lock=True) if link is not None and link.case_id else None
    if link is None or case is None:
        return Click(Outcome.CLOSED, case_page(tx, desk, link))
    rights = tuple(r.right for r in case.requests if r.right in link.rights and r.state in states)
    situation = situation_for(tx, desk, Left(rights, not_me), case, link.person)
    if rights and _none_has_begun(tx, case, rights):
        commit(tx, desk, situation, HANDLERS[Intent.WITHDRAWAL](situation), actor="person")
        return Click(Outcome.DONE, case_page(tx, desk, link))
    return Click(Outcome.CLOSED, case_page(tx, desk, link))


def _none_has_begun(tx: Tx, case: Case, rights: tuple[Right, ...]) -> bool:
    """False if ``apply`` holds or did one of these: then "cancelled" would be a lie."""
    return effects.cancel(tx, case.id, rights)


async def resend(desk: Desk, token: str) -> Click:
    """A fresh letter to the address that the old one went to; the page says the same whether or not one is due today."""
    return await desk.store.run(_resend, desk, token)


def _resend(tx: Tx, desk: Desk, token: str) -> Click:
    link = links.find(tx, token, *_KINDS, lock=True)
    case = cases.load(tx, link.case_id, lock=True) if link is not None and link.case_id else None
    if link is None or case is None:
        return Click(Outcome.CLOSED, CasePage(LinkState.UNKNOWN))
    situation = situation_for(tx, desk, Left((), not_me=False), case, link.person)
    if situation.letters_today >= desk.policy.letters_per_day:
        return Click(Outcome.LATER, case_page(tx, desk, link))
    if any(r.state is RequestState.EXPIRED for r in case.requests if r.right in link.rights):
        _ask_again(tx, desk, case, link)
    else:
        decision = Decision(_fresh_letter(situation, case, link))
        commit(tx, desk, situation, decision, actor="person", subject_id=link.subject_id)
    return Click(Outcome.DONE, case_page(tx, desk, links.find(tx, token, *_KINDS)))


def _fresh_letter(situation: Situation, case: Case, link: StoredLink) -> tuple[Send, ...]:
    if link.kind is LinkKind.DOWNLOAD:
        return (Send(_fresh_code(case, link), verification=True),)
    if link.recipient == To.NEW_ADDRESS:
        return (Send(_for_new_address(situation, case), to=To.NEW_ADDRESS, verification=True),)
    asks = [AskProof(r.right, r.changes) for r in case.requests if r.right in link.rights and r.state is RequestState.AWAITING_CONFIRMATION]
    return (confirmation_letter(situation, asks),) if asks else ()


def _fresh_code(case: Case, link: StoredLink) -> FreshCode:
    expires = link.expires_at or case.received_at
    return FreshCode(
        case.reference, NewLink(LinkKind.DOWNLOAD, expires, with_code=True), NewLink(LinkKind.STATUS, None, link.rights), NEW_CODE, expires
    )


def _for_new_address(situation: Situation, case: Case) -> ConfirmNewAddress:
    until, rights = situation.confirm_until, (Right.CORRECTION,)
    link = NewLink(LinkKind.CONFIRM, until, rights, with_code=True)
    return ConfirmNewAddress(case.reference, link, NewLink(LinkKind.STATUS, None, rights), NEW_CODE, until)


def _ask_again(tx: Tx, desk: Desk, case: Case, link: StoredLink) -> None:
    """An expired request is asked anew: a case of its own, with a month of its own."""
    changes = next((r.changes for r in case.requests if r.changes), ())
    asked = Asked(link.rights, case.origin, case.language, tx.now, changes)
    situation = situation_for(tx, desk, asked, None, link.person)
    commit(tx, desk, situation, HANDLERS[Intent.ENTERED](situation), actor="person", party=party_of(tx, case))
