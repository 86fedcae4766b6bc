"""The ways out of a newsletter, and the names of its messages."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

#: A token: 256 bits in base64url without padding. Every token is equally long, so that one can stand for another.
TOKEN_LENGTH: Final = 43
_SUBJECT: Final = re.compile(rf"unsubscribe\s+([A-Za-z0-9_-]{{{TOKEN_LENGTH}}})", re.IGNORECASE)


def unsubscribe_url(base_url: str, token: str) -> str:
    """The page with the button; a POST to it is the one-click way of RFC 8058."""
    return f"{base_url.rstrip('/')}/u/{token}"


def preferences_url(base_url: str, token: str) -> str:
    """The page on which a reader chooses topics, undoes a stop, or asks for erasure."""
    return f"{base_url.rstrip('/')}/p/{token}"


def unsubscribe_mailto(mailbox: str, token: str) -> str:
    """The way out by mail (RFC 2369, RFC 6068)."""
    return f"mailto:{quote(mailbox, safe='@')}?subject=unsubscribe%20{token}"


def token_in_subject(subject: str) -> str | None:
    """The token of a mail that a reader's program wrote after :func:`unsubscribe_mailto`, or None."""
    found = _SUBJECT.fullmatch(subject.strip())
    return found[1] if found else None


def message_id(campaign_id: str, person: str, domain: str) -> str:
    """The same for every attempt: who has the message twice after a crash sees it once."""
    return f"<{campaign_id}.{person[:16]}@{domain}>"
