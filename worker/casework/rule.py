"""The staff's queue: the list, one held mail, and what staff decide of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from worker.casework import undelivered
from worker.casework.alarm import legal_due_of, standing_of
from worker.casework.commit import Party, commit, situation_for
from worker.casework.pages import HeldPage, LostLetter, QueueLine
from worker.casework.take import mail_reference
from worker.errors import UnreadableMail
from worker.handlers import HANDLERS
from worker.mail.parse import parse
from worker.rules.audit import Event
from worker.rules.deadline import local_day
from worker.rules.decision import Decision, Intent, MarkMail, Send, combine
from worker.rules.letters import Answer, Reason, Refused
from worker.rules.model import Change, Column, HoldReason, Language, MailState, RequestState, Right
from worker.rules.reading.model import Evidence, Label, Part
from worker.rules.trigger import Ruled, RulingKind, To
from worker.store import audit, cases, effects, letters, links, mails

if TYPE_CHECKING:
    from worker.casework.desk import Desk
    from worker.rules.mail import InboundMail
    from worker.rules.model import Case
    from worker.store import Tx
    from worker.store.mails import StoredMail


#: Why a person must look at who it is: then the names on record are shown beside the one that was given.
_WHO: Final = frozenset({HoldReason.NAME_DIFFERS, HoldReason.SEVERAL_MATCHES})


async def queue(desk: Desk, actor: str) -> tuple[QueueLine, ...]:  # noqa: ARG001 - the list shows no personal data
    """What waits for a person, oldest legal date first."""
    return await desk.store.run(_queue, desk)


def _queue(tx: Tx, desk: Desk) -> tuple[QueueLine, ...]:
    lines = [_mail_line(tx, desk, row) for row in mails.held(tx)] + [_case_line(tx, desk, row) for row in cases.held(tx)]
    return tuple(sorted(lines, key=lambda line: (line.legal_due, line.received, line.id)))


def _mail_line(tx: Tx, desk: Desk, row: Any) -> QueueLine:
    received = local_day(row.received_at, desk.timezone)
    legal_due = legal_due_of(row, desk)
    return QueueLine(
        row.id, "mail", mail_reference(row.id), received, legal_due, (legal_due - local_day(tx.now, desk.timezone)).days,
        tuple(HoldReason(r) for r in row.reasons), tuple(Label(x) for x in row.labels), Language(row.language) if row.language else None, MailState(row.state),
        standing_of(tx, desk, legal_due),
    )  # fmt: skip


def _case_line(tx: Tx, desk: Desk, row: Any) -> QueueLine:
    labels = tuple(Label(right.value) for right, _ in cases.rights_of(tx, row.id))
    days = (row.legal_due - local_day(tx.now, desk.timezone)).days
    received = local_day(row.received_at, desk.timezone)
    reasons = (*([HoldReason(row.hold_reason)] if row.held else []), *([HoldReason.UNDELIVERED] if row.undelivered else []))
    return QueueLine(
        row.id,
        "case",
        row.reference,
        received,
        row.legal_due,
        days,
        reasons,
        labels,
        Language(row.language),
        standing=standing_of(tx, desk, row.legal_due),
    )


async def look(desk: Desk, actor: str, item_id: str) -> HeldPage | None:
    """One held mail or case with its text: written to the audit log by the same transaction."""
    page = await desk.store.run(_look, desk, actor, item_id)
    if page is None or not _WHO & set(page.line.reasons):
        return page
    return replace(page, on_record=tuple(m.name for m in await desk.register.find(page.sender)))


def _look(tx: Tx, desk: Desk, actor: str, item_id: str) -> HeldPage | None:
    line = next((x for x in _queue(tx, desk) if x.id == item_id), None)
    if line is None:
        return None
    case = cases.load(tx, item_id) if line.kind == "case" else None
    mail_ids = cases.mails_of(tx, item_id) if case else [item_id]
    audit.record(tx, item_id if case else audit.DESK, Event.DATA_READ, actor, {"item": item_id})
    stored = mails.load(tx, mail_ids[0]) if mail_ids else None
    page = _held_page(tx, desk, line, case, stored)
    return _with_lost_letters(tx, desk, page, case) if case and HoldReason.UNDELIVERED in line.reasons else page


def _with_lost_letters(tx: Tx, desk: Desk, page: HeldPage, case: Case) -> HeldPage:
    found = letters.undelivered(tx, case.id)
    _, decision, _ = undelivered.decide(tx, desk, case, found)
    lost = tuple(LostLetter(each.id, each.name, local_day(each.made_at, desk.timezone), each.reply) for each in found)
    decidable = page.line.reasons != (HoldReason.UNDELIVERED,)
    return replace(page, decidable=decidable, undelivered=lost, can_send_again=bool(decision.actions))


def _held_page(tx: Tx, desk: Desk, line: QueueLine, case: Case | None, stored: StoredMail | None) -> HeldPage:
    inbound = _parsed(desk, stored)
    why = (mails.reading(tx, stored.id) if stored else None) or {}
    address = case.address if case else (inbound.sender if inbound else None)
    raw_text = stored.raw[:20_000].decode("utf-8", "replace") if stored and inbound is None else ""
    changes = tuple(Change(Column(c), new, old) for c, new, old in why.get("changes", ()))
    rights = tuple(r.right for r in case.requests) if case else tuple(Right(r) for r in why.get("rights", ()))
    return HeldPage(
        line, address.mailbox if address else "", address.name if address else "", inbound.subject if inbound else "", inbound.text if inbound else raw_text,
        tuple(Evidence(rule, Part(part), (start, end), text) for rule, part, start, end, text in why.get("because", ())), rights, changes,
        case.origin if case else None, address is not None, case.given_name if case else "",
        left_in=f"{stored.door}/{stored.folder}" if stored is not None and not stored.whole else "",
    )  # fmt: skip


def _parsed(desk: Desk, stored: StoredMail | None) -> InboundMail | None:
    try:
        return parse(stored.raw, desk.limits) if stored and stored.raw else None
    except UnreadableMail:
        return None


async def approve(desk: Desk, actor: str, item_id: str, rights: tuple[Right, ...] = (), changes: tuple[Change, ...] = ()) -> bool:
    """Open the requests that staff read out of a mail, or let a held case go on. False if it was decided meanwhile."""
    return await desk.store.run(_rule, desk, actor, item_id, RulingKind.APPROVE, rights=rights, changes=changes)


async def answer(desk: Desk, actor: str, item_id: str, words: str) -> bool:
    """Answer in staff's own words; nothing is changed."""
    return await desk.store.run(_rule, desk, actor, item_id, RulingKind.ANSWER, words=words)


async def refuse(desk: Desk, actor: str, item_id: str, rights: tuple[Right, ...], reason: Reason, words: str) -> bool:
    """Refuse with a reason; the letter names complaint and court."""
    return await desk.store.run(_rule, desk, actor, item_id, RulingKind.REFUSE, rights=rights, reason=reason, words=words)


async def close(desk: Desk, actor: str, item_id: str) -> bool:
    """Take it out of the queue without a letter."""
    return await desk.store.run(_rule, desk, actor, item_id, RulingKind.CLOSE)


def _rule(
    tx: Tx, desk: Desk, actor: str, item_id: str, kind: RulingKind, *, rights: tuple[Right, ...] = (), changes: tuple[Change, ...] = (), words: str = "",
    reason: Reason | None = None,
) -> bool:  # fmt: skip
    case = cases.load(tx, item_id, lock=True)
    if case is not None:
        proved = links.used_for(tx, case.id, Right.CORRECTION, To.NEW_ADDRESS)
        every = rights or tuple(r.right for r in case.requests)
        ruled = Ruled(kind, every, changes, words, reason, new_address_proved=proved, failed=effects.failed(tx, case.id))
        return _rule_case(tx, desk, actor, case, ruled)
    stored = mails.load(tx, item_id) if mails.lock_held(tx, item_id) else None
    return stored is not None and _rule_mail(tx, desk, actor, stored, Ruled(kind, rights, changes, words, reason))


def _rule_case(tx: Tx, desk: Desk, actor: str, case: Case, ruled: Ruled) -> bool:
    if not cases.is_held(tx, case.id):
        return False
    situation = situation_for(tx, desk, ruled, case, tx.vault.person(case.address.key))
    decision = HANDLERS[Intent.RULING](situation)
    if not decision.actions:  # a request that is before a person is answered or refused, never closed in silence
        return False
    commit(tx, desk, situation, decision, actor=actor)
    audit.record(tx, case.id, Event.MAIL_RULED, actor, {"ruling": ruled.kind})
    return True


def _rule_mail(tx: Tx, desk: Desk, actor: str, stored: StoredMail, ruled: Ruled) -> bool:
    inbound = _parsed(desk, stored)
    party = _mail_party(tx, desk, stored, inbound)
    ruled = Ruled(
        ruled.kind,
        ruled.rights,
        ruled.changes,
        ruled.words,
        ruled.reason,
        stored.received_at,
        party.language if party else desk.languages[0],
    )
    case = _joined(cases.load(tx, stored.case_id, lock=True) if stored.case_id else None, ruled)
    situation = situation_for(tx, desk, ruled, case, party.person if party else "")
    decision = _mail_decision(situation.reference, ruled) if ruled.kind is not RulingKind.APPROVE else None
    if decision is None:
        decision = combine(situation, [HANDLERS[Intent(right.value)](situation) for right in Right if right in ruled.rights])
    held_again = any(isinstance(action, MarkMail) and action.state is MailState.HELD for action in decision.actions)
    if held_again or (party is None and ruled.kind is not RulingKind.CLOSE):
        return False
    after, _ = commit(tx, desk, situation, decision, actor=actor, party=party)
    state = MailState.CASE if after is not None else MailState.QUIET
    ruled_now = mails.rule(tx, stored.id, state=state, case_id=after.id if after and stored.case_id != after.id else None)
    audit.record(tx, after.id if after else audit.DESK, Event.MAIL_RULED, actor, {"mail": stored.id, "ruling": ruled.kind})
    return ruled_now


def _joined(case: Case | None, ruled: Ruled) -> Case | None:
    """The case that a held mail belongs to, unless what staff approve has gone on or ended there: that is asked anew."""
    if case is None or ruled.kind is not RulingKind.APPROVE:
        return case
    there = [r for r in (case.request(right) for right in ruled.rights) if r is not None]
    changed = any(r.right is Right.CORRECTION and r.changes != ruled.changes for r in there)
    return None if changed or any(r.state is not RequestState.AWAITING_CONFIRMATION for r in there) else case


def _mail_party(tx: Tx, desk: Desk, stored: StoredMail, inbound: InboundMail | None) -> Party | None:
    if inbound is None or inbound.sender is None:
        return None
    language = stored.language or desk.languages[0]
    return Party(
        inbound.sender,
        tx.vault.person(inbound.sender.key),
        language,
        inbound.message_id,
        inbound.references[-5:],
        mail_reference(stored.id),
    )


def _mail_decision(reference: str, ruled: Ruled) -> Decision:
    match ruled.kind:
        case RulingKind.ANSWER:
            return Decision((Send(Answer(reference, words=ruled.words)),))
        case RulingKind.REFUSE:
            return Decision(
                (Send(Refused(reference, rights=ruled.rights, reason=ruled.reason or Reason.UNFOUNDED, explanation=ruled.words)),)
            )
        case _:
            return Decision()
