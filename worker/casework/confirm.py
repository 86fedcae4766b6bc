"""The page behind a confirmation link: looks are inert, one button proves control of the address."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from worker.casework.commit import commit, situation_for, typed_code
from worker.casework.pages import CasePage, Click, LinkState, Outcome, RequestLine
from worker.handlers import HANDLERS
from worker.rules.audit import Event
from worker.rules.deadline import local_day
from worker.rules.decision import Intent
from worker.rules.model import Change, EffectKind, LinkKind, RequestState, Right
from worker.rules.policy import CODE_TRIES, is_role_mailbox
from worker.rules.trigger import Proved, To
from worker.store import audit, cases, effects, links

if TYPE_CHECKING:
    from datetime import datetime

    from worker.casework.desk import Desk
    from worker.rules.model import Case
    from worker.store import Tx
    from worker.store.links import StoredLink

_AWAITS = (RequestState.AWAITING_CONFIRMATION, RequestState.AWAITING_INFORMATION)
#: What a fresh letter can be asked for; the owner of a new address only for his own part.
_FRESH = frozenset({*_AWAITS, RequestState.EXPIRED})
_FRESH_NEW = frozenset({RequestState.AWAITING_INFORMATION})
_CAN_LEAVE = frozenset({*_AWAITS, RequestState.IN_REVIEW})


def link_state(link: StoredLink | None, now: datetime) -> LinkState:
    """What a link is worth at ``now``."""
    if link is None:
        return LinkState.UNKNOWN
    if link.used_at is not None:
        return LinkState.USED
    if link.revoked_at is not None:
        return LinkState.REVOKED
    if link.locked:
        return LinkState.LOCKED
    return LinkState.EXPIRED if link.expires_at is not None and link.expires_at <= now else LinkState.OPEN


def case_page(tx: Tx, desk: Desk, link: StoredLink | None) -> CasePage:
    """What the page behind a link of a case shows. Nothing but the state for a link that is unknown."""
    case = cases.load(tx, link.case_id) if link is not None and link.case_id else None
    if link is None or case is None:
        return CasePage(LinkState.UNKNOWN)
    new_address = link.recipient == To.NEW_ADDRESS
    fresh = _FRESH_NEW if new_address else _FRESH
    lines = tuple(_line(tx, case, right, bare=new_address) for right in link.rights if case.request(right) is not None)
    states = {line.state for line in lines}
    grace = RequestState.WAITING_GRACE in states
    return CasePage(
        state=link_state(link, tx.now), language=case.language, reference=case.reference, needs_code=link.code_hash is not None,
        tries_left=max(0, CODE_TRIES - link.tries), lines=lines, received=local_day(case.received_at, desk.timezone), legal_due=case.legal_due,
        can_withdraw=bool(states & (_FRESH_NEW if new_address else _CAN_LEAVE)),
        can_cancel=grace and not new_address, can_resend=bool(states & fresh),
        for_new_address=new_address,
    )  # fmt: skip


def _line(tx: Tx, case: Case, right: Right, *, bare: bool) -> RequestLine:
    request = case.request(right)
    if request is None:
        msg = f"case {case.id} has no request for {right}"
        raise TypeError(msg)
    due = effects.waiting_until(tx, case.id, EffectKind.ERASE) if request.state is RequestState.WAITING_GRACE else None
    # After proof the old values are those of the record: they are shown against the code only, never to who opens the link.
    changes = tuple(replace(c, old=None) for c in request.changes) if case.proved else request.changes
    # Who only owns the new address sees nothing of the person whose record it is to become.
    return RequestLine(right, request.state, () if bare else changes, effect_due=due)


def locked(tx: Tx, token: str, *kinds: LinkKind) -> tuple[StoredLink | None, Case | None]:
    """The link of ``token`` with its case, both held to the end of the transaction.

    The case first, as the clock and ``apply`` do: two transactions that each held one would wait for each other.
    """
    found = links.find(tx, token, *kinds)
    case = cases.load(tx, found.case_id, lock=True) if found is not None and found.case_id else None
    return links.find(tx, token, *kinds, lock=True), case


async def view(desk: Desk, token: str) -> CasePage:
    """GET: changes nothing, however often and by whomever it is opened."""
    return await desk.store.run(_view, desk, token)


def _view(tx: Tx, desk: Desk, token: str) -> CasePage:
    return case_page(tx, desk, links.find(tx, token, LinkKind.CONFIRM))


async def click(desk: Desk, token: str, *, code: str, rights: tuple[Right, ...], fingerprint: str = "") -> Click:
    """The button. A correction is shown old -> new first and needs a second click, bound to what was shown."""
    first = await desk.store.run(_check, desk, token, code)
    if first.outcome is not Outcome.DONE:
        return first
    link_rights = tuple(line.right for line in first.page.lines if line.state in _AWAITS)
    chosen = tuple(r for r in rights if r in link_rights)
    if not chosen:
        return Click(Outcome.CLOSED, first.page)
    shown: tuple[Change, ...] = ()
    if Right.CORRECTION in chosen and not first.page.for_new_address:
        review = await _review(desk, token)
        print_now = _fingerprint(desk, review)
        if review and print_now != fingerprint:
            return Click(Outcome.REVIEW, first.page, tuple((c.column.value, c.old or "", c.new) for c in review), print_now)
        shown = review
    return await desk.store.run(_confirm, desk, token, code, chosen, shown)


def _check(tx: Tx, desk: Desk, token: str, code: str) -> Click:
    """Look at link and code without using them; a wrong code is counted."""
    link = links.find(tx, token, LinkKind.CONFIRM, lock=True)
    if link is None or link_state(link, tx.now) is not LinkState.OPEN:
        return Click(Outcome.CLOSED, case_page(tx, desk, link))
    if link.code_hash is not None and not links.code_fits(tx, link, typed_code(code)):
        audit.record(tx, link.case_id or audit.DESK, Event.CODE_WRONG, "person", {"link": link.id})
        return Click(Outcome.WRONG_CODE, case_page(tx, desk, links.find(tx, token, LinkKind.CONFIRM)))
    return Click(Outcome.DONE, case_page(tx, desk, link))


async def _review(desk: Desk, token: str) -> tuple[Change, ...]:
    """The changes with the values on record; empty if the address is unknown or belongs to several people."""
    address, changes = await desk.store.run(_correction, token)
    if is_role_mailbox(address):  # whoever reads info@ is not yet the person: a person looks first
        return ()
    matches = await desk.register.find(address)
    if len(matches) != 1:
        return ()
    current = await desk.register.current(matches[0].person, tuple(c.column for c in changes))
    return tuple(Change(c.column, c.new, current.get(c.column, "")) for c in changes)


def _correction(tx: Tx, token: str) -> tuple[str, tuple[Change, ...]]:
    link = links.find(tx, token, LinkKind.CONFIRM)
    case = cases.load(tx, link.case_id) if link and link.case_id else None
    request = case.request(Right.CORRECTION) if case else None
    if case is None or request is None:
        return "", ()
    audit.record(tx, case.id, Event.DATA_READ, "person", {"what": "values to correct"})
    return case.address.key, request.changes


def _fingerprint(desk: Desk, changes: tuple[Change, ...]) -> str:
    return desk.store.vault.token_hash("shown:" + json.dumps([[c.column.value, c.old, c.new] for c in changes]))


def _confirm(tx: Tx, desk: Desk, token: str, code: str, rights: tuple[Right, ...], shown: tuple[Change, ...]) -> Click:
    """Use the link, once, and carry on; a second click finds it used."""
    link, case = locked(tx, token, LinkKind.CONFIRM)
    if link is None or case is None or link_state(link, tx.now) is not LinkState.OPEN:
        return Click(Outcome.CLOSED, case_page(tx, desk, link))
    if link.code_hash is not None and not links.code_fits(tx, link, typed_code(code)):
        return Click(Outcome.WRONG_CODE, case_page(tx, desk, link))
    rights = tuple(r.right for r in case.requests if r.right in rights and r.right in link.rights and r.state in _AWAITS)
    if not rights or not links.use(tx, link.id):  # refused or taken back since the page was looked at
        return Click(Outcome.CLOSED, case_page(tx, desk, link))
    situation = situation_for(tx, desk, Proved(rights, shown, To(link.recipient)), case, link.person)
    commit(tx, desk, situation, HANDLERS[Intent.CONFIRMATION](situation), actor="person")
    return Click(Outcome.DONE, case_page(tx, desk, links.find(tx, token, LinkKind.CONFIRM)))
