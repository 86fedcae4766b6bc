"""A mail as the rules see it: decoded, bounded, without protocol."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class Authenticity(StrEnum):
    """What the receiving server and our own check say of the From domain."""

    NONE = "none"  # nothing could be established: a confirmation letter may go out, nothing else
    PASS = "pass"  # noqa: S105 - aligned DKIM or SPF: the domain vouches for the mail
    FAIL = "fail"  # the domain disowns the mail (DMARC): to a person, and no letter


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox. ``mailbox`` is ``local@domain`` with the domain in lower case; ``name`` is only a claim."""

    mailbox: str = field(repr=False)
    name: str = field(default="", repr=False)

    @property
    def key(self) -> str:
        """The form under which an address is compared and hashed: the whole of it in lower case."""
        return self.mailbox.lower()


@dataclass(frozen=True, slots=True)
class InboundMail:
    r"""One received mail after the parser: everything is decoded text, everything is bounded.

    ``text`` is what a reader sees: the plain part, or the visible text of the HTML part if the plain
    one is missing or a stub; line ends are ``\\n``. ``headers`` holds (lower-case name, decoded value)
    in their order, for the rules on machine mail only.
    """

    message_id: str
    sender: Address | None = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    date: datetime | None = None
    to: tuple[Address, ...] = field(default=(), repr=False)
    cc: tuple[Address, ...] = field(default=(), repr=False)
    reply_to: tuple[Address, ...] = field(default=(), repr=False)
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    content_type: str = "text/plain"  # of the whole mail, lower case; for example multipart/report
    attachments: tuple[str, ...] = field(default=(), repr=False)  # content types of the other parts
    defects: tuple[str, ...] = ()  # stable codes of what the parser had to mend
    size: int = 0  # bytes of the raw mail
    authenticity: Authenticity = Authenticity.NONE


@dataclass(frozen=True, slots=True)
class OutboundMail:
    """One letter, rendered and ready for the wire. ``to`` is one mailbox: letters have one reader."""

    message_id: str
    to: Address = field(repr=False)
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)
    language: str
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
