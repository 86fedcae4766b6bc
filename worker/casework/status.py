"""The page that shows where a request is: a fresh letter, cancel, withdraw, "this was not me"."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from worker.casework import ask
from worker.casework.commit import commit, day_start, situation_for
from worker.casework.confirm import case_page, locked
from worker.casework.pages import CasePage, Click, LinkState, Outcome
from worker.handlers import HANDLERS
from worker.rules.asking import ask_new_address
from worker.rules.decision import AskProof, Decision, Intent, Send, confirmation_letter
from worker.rules.letters import NEW_CODE, FreshCode, NewLink
from worker.rules.mail import Address
from worker.rules.model import Column, LinkKind, RequestState, Right
from worker.rules.trigger import Asked, Left, To
from worker.store import effects, letters, links

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
    # In its grace an erasure is cancelled, not withdrawn; "not me" does both.
    states = (RequestState.AWAITING_CONFIRMATION, RequestState.AWAITING_INFORMATION, RequestState.IN_REVIEW)
    return await desk.store.run(_leave, desk, token, not_me=not_me, states=(*states, RequestState.WAITING_GRACE) if not_me else states)


def _leave(tx: Tx, desk: Desk, token: str, *, not_me: bool, states: tuple[RequestState, ...]) -> Click:
    link, case = locked(tx, token, *_KINDS)
    if link is None or case is None:
        return Click(Outcome.CLOSED, case_page(tx, desk, link))
    by = To(link.recipient)
    mine = states if by is To.REQUESTER else (RequestState.AWAITING_INFORMATION,)
    rights = tuple(r.right for r in case.requests if r.right in link.rights and r.state in mine)
    situation = situation_for(tx, desk, Left(rights, not_me, by), case, link.person)
    if rights and _none_has_begun(tx, case, rights):
        commit(tx, desk, situation, HANDLERS[Intent.WITHDRAWAL](situation), actor="person")
        return Click(Outcome.DONE, case_page(tx, desk, link))
    return Click(Outcome.CLOSED, case_page(tx, desk, link))


def _none_has_begun(tx: Tx, case: Case, rights: tuple[Right, ...]) -> bool:
    """False if ``apply`` holds or did one of these, also in part: then "cancelled" would be a lie."""
    if Right.DELETION in rights and Right.DELETION in effects.failed(tx, case.id):
        return False
    return effects.cancel(tx, case.id, rights)


async def resend(desk: Desk, token: str) -> Click:
    """A fresh letter to the address that the old one went to; the page says the same whether or not one is due today."""
    return await desk.store.run(_resend, desk, token)


def _resend(tx: Tx, desk: Desk, token: str) -> Click:
    link, case = locked(tx, token, *_KINDS)
    if link is None or case is None:
        return Click(Outcome.CLOSED, CasePage(LinkState.UNKNOWN))
    sent = _fresh(tx, desk, case, link)
    return Click(sent, case_page(tx, desk, links.find(tx, token, *_KINDS)))


def _fresh(tx: Tx, desk: Desk, case: Case, link: StoredLink) -> Outcome:
    """Write the letter that ``link`` can still have; the limit is that of the address it goes to."""
    send = _new_address_letter if _only_new_address(case, link) else _requester_letter
    to = _new_address(case) if send is _new_address_letter else case.address
    situation = situation_for(tx, desk, Left((), not_me=False), case, tx.vault.person(to.key))
    if situation.letters_today >= desk.policy.letters_per_day:
        return Outcome.LATER
    expired = tuple(r.right for r in case.requests if r.right in link.rights and r.state is RequestState.EXPIRED)
    if expired and link.recipient == To.REQUESTER:
        _ask_again(tx, desk, case, expired)
        return Outcome.DONE
    letters = send(situation, case, link)
    commit(tx, desk, situation, Decision(letters), actor="person", subject_id=link.subject_id)
    return Outcome.DONE if letters else Outcome.CLOSED


async def there_too(desk: Desk, token: str, address: str) -> Click:
    """Ask for the same under another address that the mail names; what belongs to it is answered there.

    The page says the same whether or not the address is known; it counts in the daily limit of that address.
    """
    return await desk.store.run(_there_too, desk, token, address)


def _there_too(tx: Tx, desk: Desk, token: str, address: str) -> Click:
    link, case = locked(tx, token, *_KINDS)
    page = case_page(tx, desk, link)
    if link is None or case is None or address not in page.other_addresses:
        return Click(Outcome.CLOSED, page)
    to = Address(address)
    if letters.verifications_since(tx, tx.vault.person(to.key), day_start(desk, tx.now)) >= desk.policy.letters_per_day:
        return Click(Outcome.LATER, page)
    ask.ask(tx, desk, to, _same_request(case, link), actor="person")
    return Click(Outcome.DONE, page)


def _same_request(case: Case, link: StoredLink) -> Asked:
    """What the link's letter asked, from the day on which it was asked, without anything that is on record."""
    wanted = [r for r in case.requests if r.right in link.rights or not link.rights]
    changes = tuple(replace(c, old=None) for r in wanted for c in r.changes)
    return Asked(tuple(r.right for r in wanted), case.origin, case.language, case.received_at, changes, case.given_name)


def _only_new_address(case: Case, link: StoredLink) -> bool:
    """What this link still waits for is the new address of an e-mail change."""
    states = {r.state for r in case.requests if r.right in link.rights}
    return RequestState.AWAITING_INFORMATION in states and not states & {RequestState.AWAITING_CONFIRMATION, RequestState.EXPIRED}


def _new_address(case: Case) -> Address:
    request = case.request(Right.CORRECTION)
    return Address(next(c.new for c in request.changes if c.column is Column.EMAIL)) if request else case.address


def _new_address_letter(situation: Situation, case: Case, link: StoredLink) -> tuple[Send, ...]:  # noqa: ARG001 - as its brother
    return (ask_new_address(situation, case),)


def _requester_letter(situation: Situation, case: Case, link: StoredLink) -> tuple[Send, ...]:
    if link.recipient != To.REQUESTER:
        return ()
    if link.kind is LinkKind.DOWNLOAD:
        over = link.expires_at is None or link.expires_at <= situation.now
        return () if over else (Send(_fresh_code(case, link), verification=True),)
    asks = [AskProof(r.right, r.changes) for r in case.requests if r.right in link.rights and r.state is RequestState.AWAITING_CONFIRMATION]
    return (confirmation_letter(situation, asks),) if asks else ()


def _fresh_code(case: Case, link: StoredLink) -> FreshCode:
    expires = link.expires_at or case.received_at
    return FreshCode(
        case.reference, NewLink(LinkKind.DOWNLOAD, expires, with_code=True), NewLink(LinkKind.STATUS, None, link.rights), NEW_CODE, expires
    )


def _ask_again(tx: Tx, desk: Desk, case: Case, rights: tuple[Right, ...]) -> None:
    """What expired is asked anew: a case of its own, with a month of its own, or the one that was opened so before."""
    asked = next((r.changes for r in case.requests if r.right in rights and r.changes), ())
    changes = tuple(replace(each, old=None) for each in asked)  # what was on record when it was shown is of yesterday
    ask.ask(tx, desk, case.address, Asked(rights, case.origin, case.language, tx.now, changes), actor="person")
