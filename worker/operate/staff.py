"""``privacy-desk staff add``: accounts for the people who review held mails."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING, Final

from worker.casework import staff
from worker.errors import ConfigurationError

if TYPE_CHECKING:
    from worker.casework.desk import Desk
    from worker.rules.model import Role

_SHORTEST: Final = 12  # characters: NIST SP 800-63B asks for eight, we guard other people's data


async def add(desk: Desk, login: str, role: Role) -> int:
    """Add an account; the password is asked for, or read from the first line of standard input."""
    password = _password()
    if len(password) < _SHORTEST:
        raise ConfigurationError("password", f"is shorter than {_SHORTEST} characters", "Take a longer one, for example four words.")
    await staff.add(desk, login, role, password)
    print(f"added {login} as {role}")
    return 0


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass("Password: ")
    if first != getpass.getpass("Once more: "):
        raise ConfigurationError("password", "the two differ", "Type it again.")
    return first
