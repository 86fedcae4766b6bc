"""Staff accounts and their server-side sessions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, insert, select, update

from worker.errors import ConfigurationError
from worker.rules.model import Role
from worker.store.store import Tx, new_id
from worker.store.tables import staff, staff_session

if TYPE_CHECKING:
    from datetime import datetime

_FAILURES: Final = 5  # wrong passwords in a row before the account rests
_REST: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Account:
    """One member of staff."""

    id: str
    login: str
    role: Role
    password_hash: str = field(repr=False)
    locked: bool


def add(tx: Tx, login: str, role: Role, password_hash: str) -> str:
    """Add an account and return its id. Raises ConfigurationError for a login that is taken, also by a disabled account."""
    if tx.connection.execute(select(staff.c.id).where(staff.c.login == login.lower())).scalar() is not None:
        raise ConfigurationError("login", f"there is an account {login.lower()!r}", "Take another name.")
    staff_id = new_id()
    tx.connection.execute(
        insert(staff).values(id=staff_id, login=login.lower(), role=role.value, password_hash=password_hash, made_at=tx.now)
    )
    return staff_id


def find(tx: Tx, login: str) -> Account | None:
    """The enabled account of ``login``, or None."""
    row = tx.connection.execute(select(staff).where(staff.c.login == login.lower(), staff.c.disabled_at.is_(None))).one_or_none()
    if row is None:
        return None
    return Account(row.id, row.login, Role(row.role), row.password_hash, row.locked_until is not None and row.locked_until > tx.now)


def failed(tx: Tx, staff_id: str) -> None:
    """Count a wrong password; the fifth in a row makes the account rest for a quarter of an hour."""
    tx.connection.execute(update(staff).where(staff.c.id == staff_id).values(failures=staff.c.failures + 1))
    tx.connection.execute(
        update(staff).where(staff.c.id == staff_id, staff.c.failures >= _FAILURES).values(failures=0, locked_until=tx.now + _REST)
    )


def open_session(tx: Tx, staff_id: str, token: str, form_token: str, expires_at: datetime) -> None:
    """Store a session under the keyed hash of its token, and drop those that ended."""
    tx.connection.execute(delete(staff_session).where(staff_session.c.expires_at <= tx.now))
    tx.connection.execute(update(staff).where(staff.c.id == staff_id).values(failures=0, locked_until=None))
    tx.connection.execute(
        insert(staff_session).values(
            token_hash=tx.vault.token_hash(token), staff_id=staff_id, form_token=form_token, made_at=tx.now, expires_at=expires_at
        )
    )


def session(tx: Tx, token: str) -> tuple[Account, str] | None:
    """The account and form token of a live session, or None."""
    row = tx.connection.execute(
        select(staff, staff_session.c.form_token)
        .join(staff_session, staff.c.id == staff_session.c.staff_id)
        .where(staff_session.c.token_hash == tx.vault.token_hash(token), staff_session.c.expires_at > tx.now, staff.c.disabled_at.is_(None))
    ).one_or_none()
    return (Account(row.id, row.login, Role(row.role), row.password_hash, locked=False), row.form_token) if row else None


def close_session(tx: Tx, token: str) -> None:
    """End a session."""
    tx.connection.execute(delete(staff_session).where(staff_session.c.token_hash == tx.vault.token_hash(token)))
