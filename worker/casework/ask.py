"""The web form: a request without a mail. It proves no address, so it ends in the same confirmation letter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.casework.commit import Party, commit, situation_for
from worker.casework.take import FORM_DOOR
from worker.handlers import HANDLERS
from worker.mail.parse import content_key, parse
from worker.mail.render import compose
from worker.rules.decision import Asked, Intent, combine
from worker.rules.mail import Address, OutboundMail
from worker.rules.model import Origin, RequestState, Right
from worker.store import cases, mails, new_id

if TYPE_CHECKING:
    from worker.casework.desk import Desk
    from worker.rules.model import Case, Change, Language
    from worker.store import Tx

_SUBJECT: Final = "web form"


async def by_form(desk: Desk, *, mailbox: str, language: Language, rights: tuple[Right, ...], words: str) -> None:
    """Open a request with origin ``web form``. What only a person can read is stored as a mail and takes a mail's path.

    Raises nothing for a known, unknown or over-used address: the page is the same.
    """
    raw = _as_mail(desk, mailbox, language, words)
    changes = desk.reader.read(parse(raw)).fields.changes if words.strip() else ()
    readable = bool(rights) and not (Right.CORRECTION in rights and not changes)
    if readable:
        asked = Asked(rights, Origin.WEB_FORM, language, desk.clock.now(), changes if Right.CORRECTION in rights else ())
        await desk.store.run(ask, desk, Address(mailbox), asked, actor="form")
    elif words.strip() or rights:
        await desk.store.run(_store, desk, raw)


def _as_mail(desk: Desk, mailbox: str, language: Language, words: str) -> bytes:
    message = OutboundMail(f"<{new_id()}@form.invalid>", desk.sender, _SUBJECT, words, "", language.value)
    return compose(message, Address(mailbox), date=desk.clock.now(), automatic=False)


def ask(tx: Tx, desk: Desk, address: Address, asked: Asked, *, actor: str) -> Case | None:
    """Open a request for ``address``, or send its unconfirmed one's letter again; the body of one transaction."""
    person = tx.vault.person(address.key)
    case = _same(tx, person, asked.rights, asked.changes)
    situation = situation_for(tx, desk, asked, case, person)
    if situation.letters_today > desk.policy.letters_per_day:
        return case
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
    arrival = mails.Arrival(FORM_DOOR, "", 0, mails.next_form_uid(tx, FORM_DOOR), tx.now, content_key(parse(raw)), raw)
    desk.engine.enqueue(tx, "take", "take", mails.add_lot(tx, [arrival]))
