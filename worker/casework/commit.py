"""Writes a Decision: requests, letters, effects and audit entries, in the transaction of its caller.

Here, and nowhere else, ids, tokens and codes are made: a handler only says that a letter carries a link.
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, time
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from worker.mail.render import again, compose
from worker.rules.audit import Event
from worker.rules.deadline import local_day
from worker.rules.decision import (
    AskProof,
    CancelEffects,
    HoldCase,
    MarkMail,
    MarkProved,
    Move,
    OpenCase,
    OpenRequest,
    Plan,
    Record,
    Reminded,
    Repeat,
    RevokeLinks,
    Send,
    SetChanges,
    Situation,
    Suppress,
    open_rights,
)
from worker.rules.letters import NEW_CODE, NewLink
from worker.rules.mail import Address
from worker.rules.model import Column, Language, LinkKind, Right
from worker.rules.policy import CODE_ALPHABET, CODE_LENGTH, TOKEN_BYTES
from worker.rules.trigger import To
from worker.store import Tx, audit, cases, effects, letters, links, new_id, newsletters

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker.casework.desk import Desk
    from worker.rules.decision import Action, Decision
    from worker.rules.letters import AnyLetter
    from worker.rules.model import Case, Request
    from worker.rules.trigger import Trigger


@dataclass(frozen=True, slots=True)
class Party:
    """Who a decision is about, and under which mail its letters thread."""

    address: Address = field(repr=False)
    person: str
    language: Language
    message_id: str = ""
    references: tuple[str, ...] = ()
    #: The reference of a letter that belongs to no case.
    reference: str = ""


@dataclass(slots=True)
class _Work:
    """One decision being written. ``subject_id`` is what a download link opens."""

    tx: Tx
    desk: Desk
    situation: Situation
    party: Party | None
    actor: str
    case: Case | None
    subject_id: str | None = None
    mark: MarkMail | None = None
    #: The case was opened by this decision.
    opened: bool = False


def party_of(tx: Tx, case: Case) -> Party:
    """The requester of a case."""
    message_id, references = cases.thread(tx, case.id)
    return Party(case.address, tx.vault.person(case.address.key), case.language, message_id, references, case.reference)


def situation_for(tx: Tx, desk: Desk, trigger: Trigger, case: Case | None, person: str) -> Situation:
    """What a handler may know about ``trigger``."""
    return Situation(
        now=tx.now, trigger=trigger, policy=desk.policy, country=desk.country, timezone=desk.timezone, mode=desk.mode, case=case,
        letters_today=letters.verifications_since(tx, person, day_start(desk, tx.now)),
    )  # fmt: skip


def day_start(desk: Desk, moment: datetime) -> datetime:
    """The first moment of the local day of ``moment``."""
    return datetime.combine(local_day(moment, desk.timezone), time(), tzinfo=ZoneInfo(desk.timezone))


def commit(
    tx: Tx, desk: Desk, situation: Situation, decision: Decision, *, actor: str, party: Party | None = None, subject_id: str | None = None
) -> tuple[Case | None, MarkMail | None]:
    """Write ``decision``; returns the case as it then is, and where the mail goes (for a decision on a mail)."""
    work = _Work(tx, desk, situation, party, actor, situation.case, subject_id)
    if work.party is None and work.case is not None:
        work.party = party_of(tx, work.case)
    for action in decision.actions:
        _write(work, action)
    if work.case is not None and len(open_rights(work.case)) < max(1, len(work.case.requests)):
        cases.close_or_reopen(tx, work.case.id)
    return work.case, work.mark


def _write(work: _Work, action: Action) -> None:  # noqa: C901, PLR0912 - one branch an action, checked for totality
    match action:
        case OpenCase():
            _open_case(work, action)
        case OpenRequest():
            _open_request(work, action)
        case Move():
            before = cases.move(work.tx, _case(work).id, action.right, action.to)
            _change_request(work, action.right, lambda request: replace(request, state=action.to))
            _record(work, Event.REQUEST_MOVED, {"right": action.right, "from": before, "to": action.to})
        case SetChanges():
            cases.set_changes(work.tx, _case(work).id, action.right, action.changes)
            _change_request(work, action.right, lambda request: replace(request, changes=action.changes))
        case Send():
            _send(work, action)
        case Repeat():
            _repeat(work, action)
        case Plan():
            _plan(work, action)
        case CancelEffects():
            effects.cancel(work.tx, _case(work).id, action.rights)
        case RevokeLinks():
            links.revoke(work.tx, _case(work).id, action.rights, (LinkKind.CONFIRM,))
        case Suppress():
            newsletters.suppress(work.tx, _party(work).person, "mail")
        case MarkMail():
            work.mark = action
        case HoldCase():
            cases.hold(work.tx, _case(work).id, action.reason)
        case Reminded():
            cases.reminded(work.tx, _case(work).id, action.number)
        case MarkProved():
            cases.mark_proved(work.tx, _case(work).id)
            work.case = replace(_case(work), proved=True)
        case Record():
            _record(work, action.event, action.facts)
        case AskProof():
            msg = "combine turns every AskProof into a letter"
            raise TypeError(msg)


def _change_request(work: _Work, right: Right, change: Callable[[Request], Request]) -> None:
    """Keep the case in step with what was written."""
    case = _case(work)
    work.case = replace(case, requests=tuple(change(each) if each.right is right else each for each in case.requests))


def _case(work: _Work) -> Case:
    if work.case is None:
        msg = "this action needs a case"
        raise TypeError(msg)
    return work.case


def _party(work: _Work) -> Party:
    if work.party is None:
        msg = "this action needs to know whom it is about"
        raise TypeError(msg)
    return work.party


def _record(work: _Work, event: Event, facts: Mapping[str, str | int | bool | None], *, opens: bool = False) -> None:
    audit.record(work.tx, work.case.id if work.case else audit.DESK, event, work.actor, facts, opens=opens)


def _open_case(work: _Work, action: OpenCase) -> None:
    if work.case is not None:
        return
    party, (due, legal_due) = _party(work), work.situation.due
    language = action.language if action.language in work.desk.languages else work.desk.languages[0]
    new = cases.NewCase(
        party.address, party.person, language, action.origin, action.received_at, due, legal_due, party.message_id, party.references,
        action.given_name, action.named,
    )  # fmt: skip
    work.case, work.opened = cases.open_case(work.tx, new), True
    facts = {"reference": work.case.reference, "origin": action.origin, "due": due.isoformat(), "legal_due": legal_due.isoformat()}
    _record(work, Event.CASE_OPENED, facts, opens=True)


def _open_request(work: _Work, action: OpenRequest) -> None:
    case = _case(work)
    if case.request(action.right) is not None:
        return
    request = cases.add_request(work.tx, case.id, action.right, action.state, action.changes)
    work.case = replace(case, requests=(*case.requests, request))
    _record(work, Event.REQUEST_OPENED, {"right": action.right, "state": action.state})


def _plan(work: _Work, action: Plan) -> None:
    case, due = _case(work), action.due or work.tx.now
    plan = effects.again if action.again else effects.add
    effect_id = plan(work.tx, effects.NewEffect(case.id, action.kind, action.rights, due, action.changes, action.approved))
    _record(work, Event.EFFECT_PLANNED, {"kind": action.kind, "effect": effect_id, "due": due.isoformat()})
    work.desk.engine.enqueue(work.tx, "apply", case.id, [effect_id], due)


# Letters ------------------------------------------------------------------------------------------------------


def _send(work: _Work, send: Send) -> None:
    party, letter_id = _party(work), new_id()
    to = party.address if send.to is To.REQUESTER else _new_address(_case(work))
    person = work.tx.vault.person(to.key)
    reference = work.case.reference if work.case else party.reference
    letter = _with_links(work, replace(send.letter, reference=reference), send.to, person, revoke=send.not_before is None)
    language = work.case.language if work.case else (party.language if party.language in work.desk.languages else work.desk.languages[0])
    key_id = cases.key_of(work.tx, work.case.id) if work.case else work.tx.new_key()
    # A letter to a new address starts a thread of its own: it must not show the other conversation.
    threads = send.to is To.REQUESTER
    # The mailbox alone: the name beside it is whatever a stranger wrote there.
    deliver(
        work.tx, work.desk, letter, language, to=Address(to.mailbox), letter_id=letter_id, key_id=key_id, case_id=work.case.id if work.case else None,
        in_reply_to=party.message_id if threads else "", references=party.references if threads else (), due=send.not_before, verification=send.verification,
    )  # fmt: skip
    _record(work, Event.LETTER_WRITTEN, {"letter": letter.name, "id": letter_id, "to": send.to})


def deliver(
    tx: Tx, desk: Desk, letter: AnyLetter, language: Language, *, to: Address, letter_id: str, key_id: str, case_id: str | None, in_reply_to: str = "",
    references: tuple[str, ...] = (), due: datetime | None = None, verification: bool = False,
) -> None:  # fmt: skip
    """Render a letter whose links are issued, put it into the outbox and wake the outbox."""
    message_id = f"<{letter_id}@{desk.mail_domain}>"
    chain = (*references, in_reply_to) if in_reply_to else references
    outbound = desk.letters.render(letter, language, to=to, message_id=message_id, in_reply_to=in_reply_to, references=chain)
    raw = compose(outbound, desk.sender, date=tx.now)
    letters.add(
        tx, letter_id=letter_id, case_id=case_id, key_id=key_id, person=tx.vault.person(to.key), name=letter.name, to=to, raw=raw, message_id=message_id,
        due=due or tx.now, verification=verification,
    )  # fmt: skip
    desk.engine.enqueue(tx, "outbox", "outbox", [letter_id], due)


def _repeat(work: _Work, action: Repeat) -> None:
    tx, letter_id = work.tx, new_id()
    message_id, old = f"<{letter_id}@{work.desk.mail_domain}>", letters.load(tx, action.letter_id)
    letters.add(
        tx, letter_id=letter_id, case_id=old.case_id, key_id=old.key_id, person=old.person, name=old.name, to=old.to,
        raw=again(old.raw, message_id, date=tx.now), message_id=message_id, due=tx.now,
    )  # fmt: skip
    work.desk.engine.enqueue(tx, "outbox", "outbox", [letter_id])
    _record(work, Event.LETTER_WRITTEN, {"letter": old.name, "id": letter_id, "again": action.letter_id})


def _new_address(case: Case) -> Address:
    request = case.request(Right.CORRECTION)
    found = [c.new for c in request.changes if c.column is Column.EMAIL] if request else []
    if not found:
        msg = f"case {case.id} has no new address"
        raise TypeError(msg)
    return Address(found[0])


def _with_links(work: _Work, letter: AnyLetter, recipient: To, person: str, *, revoke: bool) -> AnyLetter:
    """Issue every link of ``letter`` and the code that belongs to it."""
    values: dict[str, Any] = {}
    issued: list[links.NewLink] = []
    for f in fields(letter):
        wanted = getattr(letter, f.name)
        if isinstance(wanted, NewLink):
            new = _new_link(work, wanted, recipient, person)
            issued.append(new)
            values[f.name] = link_url(work.desk, new.kind, new.token)
            if new.code:
                values["code"] = new.code
    if getattr(letter, "code", "") == NEW_CODE and "code" not in values:
        msg = f"letter {letter.name} promises a code without a link"
        raise TypeError(msg)
    _issue(work, issued, revoke=revoke)
    return replace(letter, **values)


def _new_link(work: _Work, wanted: NewLink, recipient: To, person: str) -> links.NewLink:
    return links.NewLink(
        kind=wanted.kind, token=new_token(), code=_new_code() if wanted.with_code else None, case_id=work.case.id if work.case else None, rights=wanted.rights,
        recipient=recipient, person=person, expires_at=wanted.expires, subject_id=work.subject_id if wanted.kind is LinkKind.DOWNLOAD else None,
    )  # fmt: skip


def _issue(work: _Work, issued: list[links.NewLink], *, revoke: bool) -> None:
    """A new confirmation link makes the older ones of the same requests useless. A new case has none.

    One whose letter waits for tomorrow leaves them: else a stranger who asks too often locks the person out for the day.
    """
    for new in issued:
        if revoke and new.kind is LinkKind.CONFIRM and new.case_id and not work.opened:
            links.revoke(work.tx, new.case_id, new.rights, (LinkKind.CONFIRM,), new.recipient)
    for link_id, new in zip(links.add(work.tx, issued), issued, strict=True):
        _record(work, Event.LINK_ISSUED, {"link": link_id, "kind": new.kind, "code": new.code is not None})


def link_url(desk: Desk, kind: LinkKind, token: str) -> str:
    """The address behind which a token opens its page."""
    return f"{desk.card.base_url.rstrip('/')}/{kind}/{token}"


def new_token() -> str:
    """256 random bits for a URL."""
    return urlsafe_b64encode(secrets.token_bytes(TOKEN_BYTES)).decode().rstrip("=")


def _new_code() -> str:
    return "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))


def typed_code(text: str) -> str:
    """A code as somebody typed it: spaces, dashes and small letters do not matter."""
    return "".join(c for c in text.upper() if c.isalnum())[: CODE_LENGTH * 2]
