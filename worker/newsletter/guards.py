"""What must be true before a newsletter is taken, and before a message leaves; from facts handed in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from worker.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

_TOPIC: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")  # a label of a domain name: it stands in List-Id
_SUBJECT_LENGTH: Final = 200  # characters; readers' programs show about 70
_LINK: Final = re.compile(r"https?://[^\s/?#]+[^\s]*|mailto:[^\s@]+@[^\s@]+", re.IGNORECASE)
#: What may stand in a header and an SMTP command without quotes or SMTPUTF8 (RFC 5321 Dot-string and Domain).
_MAILBOX: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")


def check_topic(name: str) -> None:
    """Raises ConfigurationError unless ``name`` can stand in List-Id (RFC 2919)."""
    if not _TOPIC.fullmatch(name):
        raise ConfigurationError("topic", f"{name!r} is not a name", "Use small letters, digits and hyphens, at most 63.")


def is_link(url: str) -> bool:
    """True for an absolute http, https or mailto link: all that a mail may hold."""
    return bool(_LINK.fullmatch(url))


def check_edition(name: str, *, subject: str, links: Iterable[str], images: int) -> None:
    """Raises ConfigurationError for an edition that must not go out; ``name`` says which one."""
    if len(subject) > _SUBJECT_LENGTH or not subject.isprintable():
        raise ConfigurationError(
            name, "the subject is too long, or holds control characters", f"Keep it below {_SUBJECT_LENGTH} characters."
        )
    wrong = [link for link in links if not is_link(link)]
    if wrong:
        raise ConfigurationError(name, f"the link {wrong[0]!r} leads nowhere from a mail", "Begin links with https://, http:// or mailto:.")
    if images:
        raise ConfigurationError(
            name, "a picture in a mail tells its server who reads it, and when", "Link to the picture instead: [words](https://...)."
        )


def can_be_mailed(mailbox: str) -> bool:
    """True for an address that fits into a header and an envelope as it is: no space, line end, quote or bracket."""
    local = mailbox.rpartition("@")[0]
    return bool(_MAILBOX.fullmatch(mailbox)) and not local.startswith(".") and not local.endswith(".") and ".." not in mailbox
