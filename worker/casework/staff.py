"""Staff accounts: argon2 passwords, sessions on the server."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from worker.casework.commit import new_token
from worker.rules.audit import Event
from worker.store import audit, staff

if TYPE_CHECKING:
    from worker.casework.desk import Desk
    from worker.rules.model import Role
    from worker.store import Tx
    from worker.store.staff import Account

_HASHER: Final = PasswordHasher()  # argon2id with the parameters of RFC 9106, low memory
SESSION: Final = timedelta(hours=10)  # a working day
#: Checked when a login is unknown, so that an unknown name takes as long as a wrong password.
_NOBODY: Final = "$argon2id$v=19$m=65536,t=3,p=4$MIIRqgvgQbgj220jfp0MPA$YfwJSVjtjSU0zzV/P3S9nnQ/USre2wvJMjfCIjrTQbg"
_one_at_a_time = asyncio.Semaphore(2)  # a hash takes 64 MiB and a core for tenths of a second


@dataclass(frozen=True, slots=True)
class Session:
    """A logged-in member of staff. ``form_token`` must come back with every form."""

    token: str = field(repr=False)
    form_token: str = field(repr=False)
    staff_id: str
    name: str
    role: Role


async def add(desk: Desk, login: str, role: Role, password: str) -> str:
    """Add an account. Raises ConfigurationError for a login that is taken."""
    hashed = await asyncio.to_thread(_HASHER.hash, password)
    return await desk.store.run(_add, login, role, hashed)


def _add(tx: Tx, login: str, role: Role, hashed: str) -> str:
    staff_id = staff.add(tx, login, role, hashed)
    audit.record(tx, audit.DESK, Event.STAFF_ADDED, "command", {"staff": staff_id, "role": role})
    return staff_id


async def login(desk: Desk, name: str, password: str) -> Session | None:
    """A session for the right password, else None: the same answer for an unknown name, a wrong password, a resting account."""
    account = await desk.store.run(staff.find, name)
    async with _one_at_a_time:
        fits = await asyncio.to_thread(_fits, account.password_hash if account else _NOBODY, password)
    if account is None:
        return None
    if account.locked or not fits:
        await desk.store.run(staff.failed, account.id)
        return None
    return await desk.store.run(_open, account)


def _fits(hashed: str, password: str) -> bool:
    try:
        return _HASHER.verify(hashed, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


def _open(tx: Tx, account: Account) -> Session:
    opened = Session(new_token(), new_token(), account.id, account.login, account.role)
    staff.open_session(tx, account.id, opened.token, opened.form_token, tx.now + SESSION)
    audit.record(tx, audit.DESK, Event.STAFF_LOGIN, f"staff:{account.id}", {})
    return opened


async def session(desk: Desk, token: str) -> Session | None:
    """The session of a cookie, or None."""
    found = await desk.store.run(staff.session, token)
    if found is None:
        return None
    account, form_token = found
    return Session(token, form_token, account.id, account.login, account.role)


async def logout(desk: Desk, token: str) -> None:
    """End a session."""
    await desk.store.run(staff.close_session, token)
