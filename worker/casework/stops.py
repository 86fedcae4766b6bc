"""Whose link or token this is, and stopping the newsletter for its holder: by a click, or by the mail a program wrote."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from worker.casework.commit import day_start, deliver, link_url
from worker.errors import SealBroken
from worker.mail.campaign import one_line
from worker.newsletter.addressing import token_in_subject
from worker.rules.audit import Event
from worker.rules.letters import Unsubscribed
from worker.rules.mail import Address
from worker.rules.model import LinkKind
from worker.store import audit, cases, letters, new_id, newsletters

if TYPE_CHECKING:
    from worker.casework.desk import Desk
    from worker.rules.model import Language
    from worker.store import Tx
    from worker.store.newsletters import ReaderLink


@dataclass(frozen=True, slots=True)
class Holder:
    """Who a token belongs to. ``address`` is None where nothing is known of a person but the hash."""

    token: str = field(repr=False)
    person: str
    language: Language
    address: Address | None = field(repr=False)
    is_reader: bool
    link: ReaderLink | None = None


def holder_of(tx: Tx, desk: Desk, token: str) -> Holder | None:
    """Who holds ``token``: a reader's own link, or a link out of a letter. None for any other token."""
    person = newsletters.person_of_token(tx, token)
    if person is not None:
        return reader_of(tx, desk, token, person, None)
    link = newsletters.find_link(tx, token, LinkKind.UNSUBSCRIBE, LinkKind.PREFERENCES)
    return reader_of(tx, desk, token, link.person, link) if link else None


def reader_of(tx: Tx, desk: Desk, token: str, person: str, link: ReaderLink | None) -> Holder:
    """What is known of ``person``, whom ``token`` (and ``link``, for one out of a letter) belongs to."""
    reader = newsletters.load_reader(tx, person)
    if reader is not None:
        return Holder(token, person, spoken(desk, reader.language), reader.address, is_reader=True, link=link)
    address, language = _of_case(tx, link)
    return Holder(token, person, spoken(desk, language), address, is_reader=False, link=link)


def _of_case(tx: Tx, link: ReaderLink | None) -> tuple[Address | None, Language | None]:
    """Somebody who wrote a mail and reads no newsletter: the address stands in the case, as long as that is kept."""
    try:
        case = cases.load(tx, link.case_id) if link and link.case_id else None
    except SealBroken:
        case = None
    return (case.address, case.language) if case else (None, None)


def spoken(desk: Desk, language: Language | None) -> Language:
    """``language`` if the company speaks it, else the company's first."""
    return language if language in desk.languages and language is not None else desk.languages[0]


def by_subject(tx: Tx, desk: Desk, subject: str) -> bool:
    """Stop the newsletter for the reader whose token stands in the subject of a mail, whoever sent that mail.

    That is the mail which a reader's program writes after the ``mailto`` of List-Unsubscribe, maybe from another of the
    reader's addresses; the token is worth as much as the link. True if the subject held a reader's token.
    """
    token = token_in_subject(subject)
    holder = holder_of(tx, desk, token) if token else None
    if holder is None:
        return False
    stop(tx, desk, holder, "mail")
    return True


def stop(tx: Tx, desk: Desk, holder: Holder, origin: str) -> None:
    """No newsletter for ``holder`` from now on, and a letter that says so. Once: a second stop changes and says nothing."""
    if not newsletters.suppress(tx, holder.person, origin):
        return
    record(tx, holder, Event.SUPPRESSED, {"origin": origin})
    today = letters.named_since(tx, holder.person, Unsubscribed.name, day_start(desk, tx.now))
    if holder.address is not None and today < desk.policy.letters_per_day:
        _acknowledge(tx, desk, holder, holder.address)


def _acknowledge(tx: Tx, desk: Desk, holder: Holder, to: Address) -> None:
    """The objector is told by e-mail (Royal Decree of 4 April 2003, art. 2)."""
    letter_id = new_id()
    token = newsletters.reader_token(tx, holder.person) if holder.is_reader else holder.token
    letter = Unsubscribed(reference(letter_id), link_url(desk, LinkKind.PREFERENCES, token))
    key_id = newsletters.reader_key(tx, holder.person) if holder.is_reader else tx.new_key()
    deliver(tx, desk, letter, holder.language, to=Address(to.mailbox, one_line(to.name)), letter_id=letter_id, key_id=key_id, case_id=None)


def record(tx: Tx, holder: Holder, event: Event, facts: dict[str, str]) -> None:
    """An audit entry about ``holder``, under the pseudonym that the suppression list knows, too."""
    chain = holder.link.case_id if holder.link and holder.link.case_id else audit.DESK
    audit.record(tx, chain, event, "person", {"person": holder.person[:16], **facts})


def reference(letter_id: str) -> str:
    """The reference of a letter about newsletters, which belongs to no case: ``PD-N-3F9A21``."""
    return f"PD-N-{letter_id[-6:].upper()}"
