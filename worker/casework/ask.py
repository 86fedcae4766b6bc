"""The web form: a request without a mail. It proves no address, so it ends in the same confirmation letter."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from worker.casework.commit import Party, commit, day_start, situation_for
from worker.casework.take import FORM_DOOR
from worker.handlers import HANDLERS
from worker.mail.parse import content_key, parse
from worker.mail.render import compose
from worker.rules.asking import given_name, named_addresses
from worker.rules.decision import Intent, Mode, combine
from worker.rules.letters import Unsubscribed
from worker.rules.mail import Address, OutboundMail
from worker.rules.model import HoldReason, MailState, Origin, Proof, RequestState, Right
from worker.rules.policy import PROOF
from worker.rules.reading.model import Exit, Fields
from worker.rules.trigger import Asked
from worker.store import cases, letters, mails, new_id

if TYPE_CHECKING:
    from worker.casework.desk import Desk
    from worker.rules.model import Case, Change, Language
    from worker.rules.reading.model import Reading
    from worker.store import Tx

_SUBJECT: Final = "web form"
#: Words of a form that make its ticks more than a machine may answer.
_HARD: Final = frozenset({
    HoldReason.THIRD_PARTY, HoldReason.AUTHORITY, HoldReason.COMPLAINT, HoldReason.CONDITIONAL, HoldReason.SENSITIVE, HoldReason.BANK_DETAILS,
})  # fmt: skip


async def by_form(desk: Desk, *, mailbox: str, language: Language, rights: tuple[Right, ...], words: str) -> None:
    """Open a request with origin ``web form``. What only a person can read is stored as a mail and takes a mail's path.

    An address alone is one of these: who fills in the form wants something. Raises nothing for a known, unknown or
    over-used address: the page is the same.
    """
    raw = _as_mail(desk, mailbox, language, rights, words)
    reading = desk.reader.read(parse(raw)) if words.strip() else None
    changes = reading.fields.changes if reading is not None and Right.CORRECTION in rights else ()
    fields = reading.fields if reading is not None else Fields()
    asked = Asked(
        rights, Origin.WEB_FORM, language, desk.clock.now(), changes, given_name(fields.name, changes), named_addresses(Address(mailbox), fields)
    )  # fmt: skip
    if desk.mode is Mode.SHADOW or not rights or (Right.CORRECTION in rights and not changes) or (reading and _for_a_person(reading)):
        await desk.store.run(_store, desk, raw)
    else:
        await desk.store.run(_ask_and_keep, desk, Address(mailbox), asked, raw if reading is not None else b"")


def _for_a_person(reading: Reading) -> bool:
    """The words say more than the ticks do."""
    return reading.exit is Exit.STAFF and bool(_HARD & set(reading.reasons))


def _as_mail(desk: Desk, mailbox: str, language: Language, rights: tuple[Right, ...], words: str) -> bytes:
    subject = f"{_SUBJECT}: {', '.join(rights)}" if rights else _SUBJECT
    message = OutboundMail(f"<{new_id()}@form.invalid>", desk.sender, subject, words, "", language.value)
    return compose(message, Address(mailbox), date=desk.clock.now(), automatic=False)


def _ask_and_keep(tx: Tx, desk: Desk, address: Address, asked: Asked, raw: bytes) -> None:
    """Ask, and keep the words with the case. What there is no letter for any more today is left to a person."""
    case = ask(tx, desk, address, asked, actor="form")
    if case is None:
        _store(tx, desk, raw or _as_mail(desk, address.mailbox, asked.language, asked.rights, ""))
    elif raw:
        (mail_id,) = mails.add_lot(tx, [_arrival(tx, raw)])
        stored = mails.load(tx, mail_id)
        if stored is not None:
            person = tx.vault.person(address.key)
            mails.finish(tx, stored, state=MailState.CASE, labels=asked.rights, language=asked.language, case_id=case.id, person=person)


def ask(tx: Tx, desk: Desk, address: Address, asked: Asked, *, actor: str) -> Case | None:
    """Open a request for ``address``, or send its unconfirmed one's letter again; the body of one transaction.

    None, and nothing is opened, when so many letters to the address wait that a further one would come too late.
    """
    person = tx.vault.person(address.key)
    case = _same(tx, person, asked.rights, asked.changes)
    situation = situation_for(tx, desk, asked, case, person)
    if case is None and situation.flooded and any(PROOF[right] is not Proof.NONE for right in asked.rights):
        return None
    if Right.UNSUBSCRIBE in asked.rights:
        situation = replace(situation, stops_today=letters.named_since(tx, person, Unsubscribed.name, day_start(desk, tx.now)))
    decision = combine(situation, [HANDLERS[Intent(right.value)](situation) for right in Right if right in asked.rights])
    after, _ = commit(tx, desk, situation, decision, actor=actor, party=Party(address, person, asked.language))
    return after


def _same(tx: Tx, person: str, rights: tuple[Right, ...], changes: tuple[Change, ...]) -> Case | None:
    for case in cases.of_person(tx, person):
        waiting = [r for r in case.requests if r.state is RequestState.AWAITING_CONFIRMATION]
        if {r.right for r in waiting} == set(rights) and all(not r.changes or r.changes == changes for r in waiting):
            return case
    return None


def _store(tx: Tx, desk: Desk, raw: bytes) -> None:
    desk.engine.enqueue(tx, "take", "take", mails.add_lot(tx, [_arrival(tx, raw)]))


def _arrival(tx: Tx, raw: bytes) -> mails.Arrival:
    """A form's mail. A random number stands for its UID: two forms at one moment must not want the same."""
    return mails.Arrival(FORM_DOOR, "", 0, secrets.randbits(62), tx.now, content_key(parse(raw)), raw)
