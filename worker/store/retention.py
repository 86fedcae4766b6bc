"""What goes when its time has come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, select, update

from worker.rules.model import MailState
from worker.store import packages
from worker.store.tables import cases, effect, letter, link, mail, reader, request

if TYPE_CHECKING:
    from datetime import datetime

    from worker.store.store import Tx

_NOBODY: Final = ""  # in the place of a person's hash
_LEAVES: Final = ("waiting", "claimed")  # the states of a letter that is still to leave


def closed_before(tx: Tx, moment: datetime, limit: int = 200) -> list[str]:
    """Ids of cases that were closed before ``moment`` and still have their key."""
    query = select(cases.c.id).where(cases.c.closed_at < moment, cases.c.sealed.is_not(None)).limit(limit)
    return list(tx.connection.execute(query).scalars())


def destroy_case(tx: Tx, case_id: str) -> None:
    """Destroy a case's key and blank what was sealed under it, and whom it was about: only evidence without identity stays.

    Mails, letters and values lose their content; packages and links go. The audit chain stays.
    """
    key_id = tx.connection.execute(select(cases.c.key_id).where(cases.c.id == case_id)).scalar_one()
    for table in (mail, letter, effect, request):
        tx.connection.execute(update(table).where(table.c.case_id == case_id).values(sealed=None))
    tx.connection.execute(update(mail).where(mail.c.case_id == case_id).values(sealed_reading=None, person=None))
    tx.connection.execute(update(letter).where(letter.c.case_id == case_id).values(person=_NOBODY))
    for table in (letter, effect):  # what has not left by then cannot be opened any more
        waits = table.c.state.in_(_LEAVES)
        tx.connection.execute(update(table).where(table.c.case_id == case_id, waits).values(state="cancelled"))
    packages.forget_of(tx, case_id)
    tx.connection.execute(delete(link).where(link.c.case_id == case_id))
    tx.connection.execute(update(cases).where(cases.c.id == case_id).values(sealed=None, person=_NOBODY))
    tx.vault.destroy(tx.connection, key_id)


def lone_mails_before(tx: Tx, moment: datetime, limit: int = 200) -> list[str]:
    """Ids of mails without a case that came before ``moment``, wait for nobody, and still have their key."""
    done = mail.c.ruled_at.is_not(None) | mail.c.state.not_in((MailState.STORED.value, MailState.HELD.value, MailState.QUARANTINED.value))
    query = select(mail.c.id).where(mail.c.case_id.is_(None), mail.c.received_at < moment, mail.c.sealed.is_not(None), done).limit(limit)
    return list(tx.connection.execute(query).scalars())


def destroy_mail(tx: Tx, mail_id: str) -> None:
    """Destroy the key of a mail that belongs to no case, and blank what was sealed under it."""
    key_id = tx.connection.execute(select(mail.c.key_id).where(mail.c.id == mail_id)).scalar_one()
    tx.connection.execute(update(mail).where(mail.c.id == mail_id).values(sealed=None, sealed_reading=None, person=None))
    tx.vault.destroy(tx.connection, key_id)


def lone_letters_before(tx: Tx, moment: datetime, limit: int = 200) -> list[str]:
    """Ids of letters without a case that were written before ``moment`` and still have their content: notes, and letters about newsletters."""
    query = select(letter.c.id).where(letter.c.case_id.is_(None), letter.c.made_at < moment, letter.c.person != _NOBODY)
    return list(tx.connection.execute(query.where(letter.c.state.not_in(_LEAVES)).limit(limit)).scalars())


def destroy_letter(tx: Tx, letter_id: str) -> None:
    """Blank a letter that belongs to no case, and destroy its key, unless that is its reader's own."""
    key_id = tx.connection.execute(select(letter.c.key_id).where(letter.c.id == letter_id)).scalar_one()
    tx.connection.execute(update(letter).where(letter.c.id == letter_id).values(sealed=None, person=_NOBODY))
    if tx.connection.execute(select(reader.c.person).where(reader.c.key_id == key_id)).first() is None:
        tx.vault.destroy(tx.connection, key_id)


def forget_links_before(tx: Tx, moment: datetime) -> int:
    """Delete the links without a case that were made before ``moment``. Returns how many."""
    return tx.connection.execute(delete(link).where(link.c.case_id.is_(None), link.c.made_at < moment)).rowcount
