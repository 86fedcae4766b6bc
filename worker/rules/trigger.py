"""What happened: everything that a handler can be called for.

A trigger is plain data; the facts that come with it stand in :class:`worker.rules.decision.Situation`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from worker.rules.model import Change, Column, EffectKind, HoldReason, Language, Origin, Right

if TYPE_CHECKING:
    from datetime import datetime

    from worker.rules.letters import Item, Reason
    from worker.rules.mail import Address, Authenticity
    from worker.rules.reading.model import Reading


class To(StrEnum):
    """Whom a letter goes to, and who clicked."""

    REQUESTER = "requester"
    NEW_ADDRESS = "new-address"  # the e-mail address that a correction brings in


@dataclass(frozen=True, slots=True)
class Received:
    """A mail was read."""

    mail_id: str
    reading: Reading
    sender: Address | None
    authenticity: Authenticity
    received_at: datetime
    notes_today: int = 0
    origin: Origin = Origin.MAIL


@dataclass(frozen=True, slots=True)
class Asked:
    """The web form, the preferences page or staff opened a request for ``rights``."""

    rights: tuple[Right, ...]
    origin: Origin
    language: Language
    received_at: datetime
    changes: tuple[Change, ...] = ()
    given_name: str = field(default="", repr=False)
    named: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Proved:
    """Control of an address was shown for ``rights``; ``changes`` carry the old values that were shown.

    ``by`` says which address: the requester's, or the new one of an e-mail change.
    """

    rights: tuple[Right, ...]
    changes: tuple[Change, ...] = ()
    by: To = To.REQUESTER


@dataclass(frozen=True, slots=True)
class Left:
    """The person cancelled, or says that he never asked."""

    rights: tuple[Right, ...]
    not_me: bool
    by: To = To.REQUESTER


@dataclass(frozen=True, slots=True)
class Carried:
    """``apply`` reports on one effect. What is not of the effect's kind is empty."""

    kind: EffectKind
    rights: tuple[Right, ...]
    failed: bool = False
    known: bool = True  # something was held under the address
    hold: HoldReason | None = None  # a person must look before anything leaves or changes
    changed: tuple[Column, ...] = ()
    refused: tuple[tuple[Column, Reason], ...] = ()
    outdated: bool = False
    erased: tuple[Item, ...] = ()
    kept: tuple[Item, ...] = ()
    recipients: tuple[str, ...] = ()


class RulingKind(StrEnum):
    """What staff can decide of a held mail or request."""

    APPROVE = "approve"  # open the rights as asked, or as changed by staff
    ANSWER = "answer"
    REFUSE = "refuse"
    CLOSE = "close"
    SEND_AGAIN = "send-again"  # letters that failed for good


@dataclass(frozen=True, slots=True)
class Lost:
    """A letter that failed for good. ``at`` is when its package expires or its erasure runs; None if neither lies ahead."""

    id: str
    name: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Ruled:
    """Staff decided."""

    kind: RulingKind
    rights: tuple[Right, ...] = ()
    changes: tuple[Change, ...] = ()
    words: str = field(default="", repr=False)
    reason: Reason | None = None
    received_at: datetime | None = None  # of the held mail: the legal month counts from it
    language: Language = Language.EN
    new_address_proved: bool = False  # of an e-mail change: the new address has confirmed
    failed: frozenset[Right] = frozenset()  # what was begun and failed: a part of it may be done
    lost: tuple[Lost, ...] = ()  # what is to be sent again


@dataclass(frozen=True, slots=True)
class Ticked:
    """The clock looked at a case that awaits its confirmation. ``reminded`` counts the reminders already written.

    ``held`` is True when the case is before a person already.
    """

    reminded: int
    held: bool


Trigger = Received | Asked | Proved | Left | Carried | Ruled | Ticked
