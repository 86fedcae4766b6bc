"""What a mailbox is told about its server. Light: settings and tests import it without the protocol."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final, Literal

PROCESSED: Final = "Processed"  # where a stored mail is moved
_PREFIXES: Final = ("inbox.", "inbox/")  # of the personal namespace on some servers


def is_processed(folder: str) -> bool:
    """True if ``folder`` is the one that stored mails are moved to, however the settings write it."""
    plain = folder.lower()
    return any(plain.removeprefix(prefix) == PROCESSED.lower() for prefix in _PREFIXES)


@dataclass(frozen=True, slots=True)
class MailboxSettings:
    """One mailbox that the desk reads."""

    name: str  # ours: in status, log and store
    host: str
    port: int = 993
    tls: Literal["none", "starttls", "implicit"] = "implicit"
    ca_file: Path | None = None  # PEM of the authority to trust instead of the system's
    user: str = field(default="", repr=False)
    auth: Literal["login", "xoauth2"] = "login"
    password: str = field(default="", repr=False)  # with xoauth2 the access token
    folders: tuple[str, ...] = ("INBOX", "Junk")
    since: date | None = None  # the first day whose mails are requests; None: the first connection
    after: Literal["move", "keep"] = "move"
    processed: str = PROCESSED
    purge: Literal["retention", "never"] = "never"
    authserv_id: str = ""
    poll: float = 60.0  # seconds between looks, also beside IDLE (into the other folders)
    idle: bool = True  # let the server announce new mail, if it can
    timeout: float = 30.0  # seconds without a byte while an answer is due
    max_size: int = 25 * 1024 * 1024  # bytes; of a larger mail only the beginning is fetched
    keep_of_larger: int = 1024 * 1024  # bytes of that beginning
