"""The page behind a confirmation link: looks are inert, one button proves control of the address."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from worker.casework.commit import commit, situation_for, typed_code
from worker.casework.pages import CasePage, Click, LinkState, Outcome, RequestLine
from worker.handlers import HANDLERS
from worker.rules.audit import Event
from worker.rules.deadline import local_day
from worker.rules.decision import Intent
from worker.rules.model import Change, EffectKind, LinkKind, Proof, RequestState, Right
from worker.rules.names import same_person
from worker.rules.policy import CODE_TRIES, PROOF, is_role_mailbox
from worker.rules.trigger import Proved, To
from worker.store import audit, cases, effects, links

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
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
#: Other cases of the address that a page offers: who fills it with requests in another's name must not bury the person's own.
_ELSEWHERE: Final = 5

_Chosen = dict[str, tuple[Right, ...]]  # case id -> what was ticked of it
_Shown = dict[str, tuple[Change, ...]]  # case id -> its correction with the values on record


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


def case_page(tx: Tx, desk: Desk, link: StoredLink | None, *, confirmed: Iterable[str] = ()) -> CasePage:
    """What the page behind a link of a case shows. Nothing but the state for a link that is unknown.

    An open link of the requester offers what else waits under the same address; ``confirmed`` are the ids of other
    cases that were confirmed with this one.
    """
    case = cases.load(tx, link.case_id) if link is not None and link.case_id else None
    if link is None or case is None:
        return CasePage(LinkState.UNKNOWN)
    new_address, state = link.recipient == To.NEW_ADDRESS, link_state(link, tx.now)
    fresh = _FRESH_NEW if new_address else _FRESH
    lines = tuple(_line(tx, case, right, bare=new_address) for right in link.rights if case.request(right) is not None)
    states = {line.state for line in lines}
    grace = RequestState.WAITING_GRACE in states
    return CasePage(
        state=state, language=case.language, reference=case.reference, needs_code=link.code_hash is not None,
        tries_left=max(0, CODE_TRIES - link.tries), lines=(*lines, *_lines_elsewhere(tx, desk, link, frozenset(confirmed))),
        received=local_day(case.received_at, desk.timezone), legal_due=case.legal_due,
        can_withdraw=bool(states & (_FRESH_NEW if new_address else _CAN_LEAVE)),
        can_cancel=grace and not new_address, can_resend=bool(states & fresh), for_new_address=new_address,
        other_addresses=() if new_address or not case.proved else case.named,
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
    return RequestLine(right, request.state, () if bare else changes, effect_due=due, case_id=case.id)


def _lines_elsewhere(tx: Tx, desk: Desk, link: StoredLink, confirmed: frozenset[str]) -> list[RequestLine]:
    """The unconfirmed requests in other cases of the address: offered, never ticked, for anybody can have asked them.

    A link without a code opens none that needs one.
    """
    if link.recipient != To.REQUESTER or (not confirmed and link_state(link, tx.now) is not LinkState.OPEN):
        return []
    others = [c for c in cases.of_person(tx, link.person) if c.id != link.case_id and (c.id in confirmed if confirmed else True)]
    return [
        replace(_line(tx, case, r.right, bare=False), chosen=False, reference=case.reference, received=local_day(case.received_at, desk.timezone))
        for case in others[-_ELSEWHERE:]
        for r in case.requests
        if case.id in confirmed or (r.state in _AWAITS and (link.code_hash is not None or PROOF[r.right] is Proof.LINK))
    ]  # fmt: skip


def locked(tx: Tx, token: str, *kinds: LinkKind) -> tuple[StoredLink | None, Case | None]:
    """The link of ``token`` with its case, both held to the end of the transaction."""
    link, held = _locked_with(tx, token, kinds, ())
    return link, held.get(link.case_id) if link is not None and link.case_id else None


def _locked_with(tx: Tx, token: str, kinds: tuple[LinkKind, ...], also: Iterable[str]) -> tuple[StoredLink | None, dict[str, Case]]:
    """The link of ``token``, its case and the cases ``also``, by id.

    The cases first, as the clock and ``apply`` do, and in the order of their ids: two transactions that each held one
    would wait for each other.
    """
    found = links.find(tx, token, *kinds)
    own = (found.case_id,) if found is not None and found.case_id else ()
    loaded = [cases.load(tx, each, lock=True) for each in sorted({*also, *own})]
    return links.find(tx, token, *kinds, lock=True), {case.id: case for case in loaded if case is not None}


async def view(desk: Desk, token: str) -> CasePage:
    """GET: changes nothing, however often and by whomever it is opened."""
    return await desk.store.run(_view, desk, token)


def _view(tx: Tx, desk: Desk, token: str) -> CasePage:
    return case_page(tx, desk, links.find(tx, token, LinkKind.CONFIRM))


async def click(desk: Desk, token: str, *, code: str, choices: Collection[str], fingerprint: str = "") -> Click:
    """The button, for the lines whose ``choice`` was ticked.

    A correction is shown old -> new first and needs a second click, bound to what was shown.
    """
    first = await desk.store.run(_check, desk, token, code)
    if first.outcome is not Outcome.DONE:
        return first
    chosen: _Chosen = {}
    for line in first.page.lines:
        if line.state in _AWAITS and line.choice in choices:
            chosen[line.case_id] = (*chosen.get(line.case_id, ()), line.right)
    if not chosen:
        return Click(Outcome.CLOSED, first.page)
    shown = {} if first.page.for_new_address else await _review(desk, chosen)
    print_now = _fingerprint(desk, shown)
    if any(shown.values()) and print_now != fingerprint:
        lines = tuple((c.column.value, c.old or "", c.new) for changes in shown.values() for c in changes)
        return Click(Outcome.REVIEW, first.page, lines, print_now)
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


async def _review(desk: Desk, chosen: _Chosen) -> _Shown:
    """The changes of each chosen correction with the values on record; none where a person must look first."""
    corrected = [case_id for case_id, rights in chosen.items() if Right.CORRECTION in rights]
    return {case_id: await _on_record(desk, case_id) for case_id in corrected}


async def _on_record(desk: Desk, case_id: str) -> tuple[Change, ...]:
    """Empty if the address is unknown, a role's, belongs to several people, or to one of another name."""
    case, changes = await desk.store.run(_correction, case_id)
    if case is None or is_role_mailbox(case.address.key):  # whoever reads info@ is not yet the person: a person looks first
        return ()
    matches = await desk.register.find(case.address.mailbox)
    if len(matches) != 1 or not same_person(case.given_name, matches[0].name):
        return ()
    current = await desk.register.current(matches[0].person, tuple(c.column for c in changes))
    return tuple(Change(c.column, c.new, current.get(c.column, "")) for c in changes)


def _correction(tx: Tx, case_id: str) -> tuple[Case | None, tuple[Change, ...]]:
    case = cases.load(tx, case_id)
    request = case.request(Right.CORRECTION) if case else None
    if case is None or request is None:
        return None, ()
    audit.record(tx, case.id, Event.DATA_READ, "person", {"what": "values to correct"})
    return case, request.changes


def _fingerprint(desk: Desk, shown: _Shown) -> str:
    plain = {case_id: [[c.column.value, c.old, c.new] for c in changes] for case_id, changes in shown.items()}
    return desk.store.vault.token_hash("shown:" + json.dumps(plain, sort_keys=True))


def _confirm(tx: Tx, desk: Desk, token: str, code: str, chosen: _Chosen, shown: _Shown) -> Click:
    """Use the link, once, and carry on; a second click finds it used."""
    link, held = _locked_with(tx, token, (LinkKind.CONFIRM,), chosen)
    if link is None or link_state(link, tx.now) is not LinkState.OPEN:
        return Click(Outcome.CLOSED, case_page(tx, desk, link))
    if link.code_hash is not None and not links.code_fits(tx, link, typed_code(code)):
        return Click(Outcome.WRONG_CODE, case_page(tx, desk, link))
    waiting = [(case, rights) for case in held.values() if (rights := _still_waiting(case, chosen.get(case.id, ())))]
    if not waiting or not links.use(tx, link.id):  # refused or taken back since the page was looked at
        return Click(Outcome.CLOSED, case_page(tx, desk, link))
    for case, rights in waiting:
        situation = situation_for(tx, desk, Proved(rights, shown.get(case.id, ()), To(link.recipient)), case, link.person)
        commit(tx, desk, situation, HANDLERS[Intent.CONFIRMATION](situation), actor="person")
    others = [case.id for case, _ in waiting if case.id != link.case_id]
    return Click(Outcome.DONE, case_page(tx, desk, links.find(tx, token, LinkKind.CONFIRM), confirmed=others))


def _still_waiting(case: Case, rights: tuple[Right, ...]) -> tuple[Right, ...]:
    return tuple(r.right for r in case.requests if r.right in rights and r.state in _AWAITS)
