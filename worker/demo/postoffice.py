"""An SMTP server in this process, on aiosmtpd: it puts the customers' mails into the company's mailbox and keeps what the desk sends.

Nothing leaves this machine: whatever its recipient, a mail ends here.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cached_property
from typing import TYPE_CHECKING, Final

from aiosmtpd.smtp import SMTP, Envelope, Session

from worker.rules.model import LinkKind
from worker.rules.policy import CODE_ALPHABET, CODE_LENGTH

if TYPE_CHECKING:
    from worker.demo.mailserver import ImapServer

_KEPT: Final = 5_000  # letters in memory; older ones go
_LARGEST: Final = 32 * 1024 * 1024  # bytes of one mail
_CODE: Final = re.compile(rf"^\s*([{CODE_ALPHABET}]{{{CODE_LENGTH}}})\s*$", re.MULTILINE)
_LINK: Final = re.compile(rf"https?://[^\s/<>\"]+/([{''.join(LinkKind)}])/([A-Za-z0-9_-]{{20,}})")


@dataclass(frozen=True)
class Letter:
    """A mail that the desk sent. ``number`` counts from 1."""

    number: int
    sender: str
    recipient: str
    raw: bytes = field(repr=False)

    @cached_property
    def message(self) -> EmailMessage:
        """The mail, parsed; it is ours, so the library's parser will do."""
        return message_from_bytes(self.raw, policy=policy.default)

    @property
    def subject(self) -> str:
        """The subject, decoded."""
        return str(self.message["subject"] or "")

    @property
    def text(self) -> str:
        """The plain text."""
        part = self.message.get_body(("plain",))
        return str(part.get_content()) if part is not None else ""

    @property
    def html(self) -> str:
        """The HTML, or nothing."""
        part = self.message.get_body(("html",))
        return str(part.get_content()) if part is not None else ""

    @property
    def code(self) -> str:
        """The six-character code that stands in it on a line of its own, or nothing."""
        found = _CODE.search(self.text)
        return found[1] if found else ""

    def link(self, kind: LinkKind) -> str:
        """The first link of a kind, or nothing."""
        return next((found[0] for found in _LINK.finditer(self.text) if found[1] == kind.value), "")


def _now() -> datetime:
    return datetime.now(UTC)


class PostOffice:
    """One listener. Mails to ``mailbox`` go into the IMAP server's INBOX, all others are kept in :attr:`letters`."""

    def __init__(self, imap: ImapServer, mailbox: str, now: Callable[[], datetime] = _now) -> None:
        self.port = 0
        self.letters: list[Letter] = []
        self._imap = imap
        self._mailbox = mailbox.lower()
        self._now = now  # a mail is received by the clock that the desk goes by
        self._server: asyncio.Server | None = None
        self._arrived = asyncio.Condition()
        self._count = 0

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; with port 0 the system chooses, see :attr:`port`."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: SMTP(self, hostname="demo.localhost", ident="Privacy Desk demo", data_size_limit=_LARGEST, enable_SMTPUTF8=True),
            host,
            port,
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening; the letters stay."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    def forget(self) -> None:
        """Throw every letter away; numbers go on."""
        self.letters.clear()

    def to(self, mailbox: str, after: int = 0) -> list[Letter]:
        """The letters to one mailbox whose number is above ``after``, oldest first."""
        return [letter for letter in self.letters if letter.number > after and letter.recipient.lower() == mailbox.lower()]

    async def arrivals(self, after: int = 0) -> AsyncIterator[Letter]:
        """Every letter above ``after``, as they come, without end."""
        while True:
            async with self._arrived:
                await self._arrived.wait_for(lambda: self._count > after)  # noqa: B023 - called before ``after`` changes
            for letter in [each for each in self.letters if each.number > after]:
                yield letter
            after = self._count

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Take one mail (called by aiosmtpd)."""
        raw = envelope.original_content or b""
        for recipient in envelope.rcpt_tos:
            if recipient.lower() == self._mailbox:
                await self._imap.append("INBOX", raw, self._now())
            else:
                await self._keep(envelope.mail_from or "", recipient, raw)
        return "250 2.0.0 taken"

    async def _keep(self, sender: str, recipient: str, raw: bytes) -> None:
        async with self._arrived:
            self._count += 1
            self.letters.append(Letter(self._count, sender, recipient, raw))
            del self.letters[:-_KEPT]
            self._arrived.notify_all()
