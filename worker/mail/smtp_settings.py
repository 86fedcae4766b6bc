"""What a relay is told about its server. Light: settings and tests import it without the protocol."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """One SMTP server that takes our letters."""

    host: str
    port: int
    tls: Literal["none", "starttls", "implicit"] = "implicit"
    ca_file: Path | None = None  # PEM of the authority to trust instead of the system's
    user: str = field(default="", repr=False)
    auth: Literal["login", "xoauth2", "none"] = "login"  # "login" is any password mechanism; without a user there is none
    password: str = field(default="", repr=False)  # with xoauth2 the access token
    timeout: float = 30.0  # seconds per command; the reply to a whole message may take ten times that (RFC 5321, 4.5.3.2)
    connections: int = 4  # open at the same time
    hostname: str = ""  # said in EHLO; empty: the address literal of our end (RFC 5321, 4.1.3)
