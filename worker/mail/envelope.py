"""Who a message goes to on the wire, apart from what its headers say."""

from __future__ import annotations

from dataclasses import dataclass, field

from worker.errors import RelayRefused
from worker.mail.addresses import mailbox


@dataclass(frozen=True, slots=True)
class Envelope:
    """A return path (empty for the null path) and one recipient, both sound ASCII mailboxes: safe in a command line."""

    sender: str = field(repr=False)
    recipient: str = field(repr=False)

    @classmethod
    def of(cls, sender: str, recipient: str) -> Envelope:
        """Check both. Raises ``RelayRefused``: 550 5.6.7 for a local part beyond ASCII (RFC 6531), 553 5.1.3 or 5.1.7 for no mailbox."""
        return cls(_path(sender, "5.1.7") if sender else "", _path(recipient, "5.1.3"))


def _path(address: str, enhanced: str) -> str:
    sound = mailbox(address)
    if sound is None:
        raise RelayRefused(553, enhanced)
    if not sound.isascii():
        raise RelayRefused(550, "5.6.7")
    return sound
