"""What the handlers of the rights share: how a right that needs proof is opened, and how one is put before a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.rules.deadline import grace_end
from worker.rules.decision import (
    AskProof,
    CancelEffects,
    Decision,
    HoldCase,
    MarkMail,
    Mode,
    Move,
    OpenCase,
    OpenRequest,
    Plan,
    Send,
)
from worker.rules.letters import NEW_CODE, ConfirmNewAddress, ErasurePlanned, NewLink, PackageReady
from worker.rules.mail import Address
from worker.rules.model import ENDED, Case, Column, EffectKind, HoldReason, LinkKind, MailState, Origin, RequestState, Right
from worker.rules.trigger import Asked, Proved, Received, Ruled, To

if TYPE_CHECKING:
    from datetime import datetime

    from worker.rules.decision import Action, Situation
    from worker.rules.model import Change
    from worker.rules.reading.model import Fields


def ask_for_proof(situation: Situation, right: Right, changes: tuple[Change, ...] = ()) -> Decision:
    """Open the request for ``right`` (or join the open one) and ask for its proof."""
    held = held_by_mode(situation)
    if held is not None:
        return held
    opened: tuple[Action, ...] = ()
    if situation.case is None or situation.case.request(right) is None:
        opened = (OpenRequest(right, RequestState.AWAITING_CONFIRMATION, changes),)
    elif situation.letters_today > situation.policy.letters_per_day:
        return Decision((MarkMail(MailState.CASE),))  # the letters that went out, and the one that waits, are good
    return Decision((case_of(situation), *opened, AskProof(right, changes), MarkMail(MailState.CASE)))


def case_of(situation: Situation) -> OpenCase:
    """The case that this trigger opens, unless the situation has one."""
    trigger = situation.trigger
    match trigger:
        case Received():
            fields = trigger.reading.fields
            return OpenCase(
                trigger.origin, trigger.reading.language, trigger.received_at, given_name(fields.name, fields.changes), named_addresses(trigger.sender, fields)
            )  # fmt: skip
        case Asked():
            return OpenCase(trigger.origin, trigger.language, trigger.received_at, trigger.given_name, trigger.named)
        case Ruled():
            return OpenCase(Origin.MAIL, trigger.language, trigger.received_at or situation.now)
        case _:
            msg = f"{type(trigger).__name__} opens no case"
            raise TypeError(msg)


def given_name(name: str | None, changes: tuple[Change, ...]) -> str:
    """The name to look for on record: of a corrected name the old one, or none, since the new one cannot stand there yet."""
    corrected = next((c for c in changes if c.column is Column.NAME), None)
    return (corrected.old or "") if corrected is not None else (name or "")


def named_addresses(sender: Address | None, fields: Fields) -> tuple[str, ...]:
    """The writer's other addresses in a mail: one that he says is his, and the old one of an e-mail change."""
    old = [c.old for c in fields.changes if c.column is Column.EMAIL]
    new = {c.new.casefold() for c in fields.changes if c.column is Column.EMAIL}
    mine = sender.key if sender is not None else ""
    found = dict.fromkeys(a for a in (fields.email, *old) if a and a.casefold() not in new and Address(a).key != mine)
    return tuple(found)


def held_by_mode(situation: Situation) -> Decision | None:
    """In shadow mode every mail waits for staff; a decision of theirs is carried out in every mode."""
    if situation.mode is Mode.SHADOW and isinstance(situation.trigger, Received):
        return for_a_person(HoldReason.SHADOW)
    return None


def for_a_person(reason: HoldReason) -> Decision:
    """Hold the mail as a whole."""
    return Decision((MarkMail(MailState.HELD, (reason,)),))


def open_for_a_person(situation: Situation, right: Right) -> Decision:
    """Open the request for ``right`` in review: staff approved it and carry it out themselves."""
    opened = OpenRequest(right, RequestState.IN_REVIEW)
    return Decision((case_of(situation), opened, HoldCase(HoldReason.NOT_AUTOMATIC), MarkMail(MailState.CASE)))


def the_case(situation: Situation) -> Case:
    """The case of a situation that must have one."""
    if situation.case is None:
        msg = f"{type(situation.trigger).__name__} needs a case"
        raise TypeError(msg)
    return situation.case


def proved_trigger(situation: Situation) -> tuple[Proved, Case]:
    """The proof and its case."""
    if not isinstance(situation.trigger, Proved):
        msg = f"a confirmation answers a proof, not {type(situation.trigger).__name__}"
        raise TypeError(msg)
    return situation.trigger, the_case(situation)


def ask_new_address(situation: Situation, case: Case) -> Send:
    """The second proof of an e-mail change: a letter to the new address, which names nobody."""
    until, rights = situation.confirm_until, (Right.CORRECTION,)
    letter = ConfirmNewAddress(
        case.reference, link=NewLink(LinkKind.CONFIRM, until, rights, with_code=True), not_me=NewLink(LinkKind.STATUS, None, rights), code=NEW_CODE,
        expires=until,
    )  # fmt: skip
    return Send(letter, to=To.NEW_ADDRESS, verification=True)


def package_ready(case: Case, expires: datetime) -> PackageReady:
    """The answer to access, behind a link with a code until ``expires``."""
    deletion = case.request(Right.DELETION)
    follows = deletion is not None and deletion.state not in ENDED
    link = NewLink(LinkKind.DOWNLOAD, expires, with_code=True)
    return PackageReady(case.reference, link=link, code=NEW_CODE, expires=expires, deletion_follows=follows)


def changes_address(changes: tuple[Change, ...]) -> bool:
    """True for an e-mail change, which both addresses must confirm."""
    return any(c.column is Column.EMAIL for c in changes)


def erasure_planned(case: Case, at: datetime, proved: tuple[Right, ...] = ()) -> Send:
    """The letter of an erasure that waits for its hour; ``proved`` are the rights of the click that is being decided."""
    cancel = NewLink(LinkKind.STATUS, None, (Right.DELETION,))
    return Send(ErasurePlanned(case.reference, at=at, cancel=cancel, after_package=_copy_first(case, proved)))


def _copy_first(case: Case, proved: tuple[Right, ...]) -> bool:
    """A copy was asked for as well, and it is under way or confirmed by the same click: the erasure waits for it."""
    copies = [r for r in (case.request(right) for right in (Right.ACCESS, Right.PORTABILITY)) if r is not None and r.state not in ENDED]
    return any(r.right in proved or r.state is not RequestState.AWAITING_CONFIRMATION for r in copies)


def plan_erasure(situation: Situation, case: Case, *, proved: tuple[Right, ...] = (), approved: bool = False) -> list[Action]:
    """Erase after the grace, which can be cancelled; the legal date shortens it."""
    policy, rights = situation.policy, (Right.DELETION,)
    at = grace_end(situation.now, policy.deletion_grace, case.legal_due, policy.grace_margin_days, situation.country, situation.timezone)
    return [
        Move(Right.DELETION, RequestState.CONFIRMED),
        Move(Right.DELETION, RequestState.WAITING_GRACE),
        CancelEffects(rights),
        Plan(EffectKind.ERASE, rights, due=at, approved=approved),
        erasure_planned(case, at, proved),
    ]


def released(case: Case, settled: tuple[Right, ...]) -> tuple[HoldCase, ...]:
    """Take the case from before a person, unless another of its requests still needs one."""
    waiting = [r for r in case.requests if r.right not in settled and r.state is RequestState.IN_REVIEW]
    return () if waiting else (HoldCase(None),)
