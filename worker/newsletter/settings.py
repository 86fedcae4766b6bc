"""What sending newsletters needs to know: the section ``[newsletter]``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class NewsletterSettings:
    """How newsletters leave."""

    #: The address in From and on the envelope; empty: the desk's own.
    sender: str = ""
    #: The mailbox that takes a mail "unsubscribe"; empty: the desk's own.
    unsubscribe_mailbox: str = ""
    #: Readers taken at a time. Each is looked at once more right before the message leaves.
    lot: int = 50
    #: A reader taken longer ago belongs to a process that died; longer than ``message_timeout``.
    claim_expires: timedelta = timedelta(minutes=10)
    #: How long the relay may take for one message before it is tried again.
    message_timeout: timedelta = timedelta(minutes=5)
    #: A message that is put off this long after the newsletter's time is news no more.
    give_up: timedelta = timedelta(days=2)
    #: So many messages put off one after the other, and the relay is left alone for ``pause``.
    patience: int = 3
    pause: timedelta = timedelta(minutes=1)
