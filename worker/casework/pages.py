"""What the pages show: plain values, looked up by casework, drawn by :mod:`worker.web`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from worker.rules.deadline import Standing

if TYPE_CHECKING:
    from datetime import date, datetime

    from worker.rules.model import Change, HoldReason, Language, MailState, Origin, RequestState, Right
    from worker.rules.reading.model import Evidence, Label
    from worker.store.packages import Package


class LinkState(StrEnum):
    """What a link is worth now."""

    OPEN = "open"
    USED = "used"  # done: the page shows where the request is
    REVOKED = "revoked"  # a newer letter replaced it
    LOCKED = "locked"  # five wrong codes: a new letter is needed
    EXPIRED = "expired"  # a fresh one can be asked for, by mail
    UNKNOWN = "unknown"


class Outcome(StrEnum):
    """What became of a click."""

    DONE = "done"
    WRONG_CODE = "wrong-code"
    REVIEW = "review"  # the code is right: show old -> new and ask once more
    CLOSED = "closed"  # the link is not open (any more): show its state
    LATER = "later"  # the daily limit of letters to this address is reached


@dataclass(frozen=True, slots=True)
class RequestLine:
    """One request on a page. ``reference`` and ``received`` are those of its case if that is not the link's own."""

    right: Right
    state: RequestState
    changes: tuple[Change, ...] = ()
    chosen: bool = True  # of this link's own letter: ticked; of another open case of the address: offered
    effect_due: datetime | None = None  # when an erasure will run
    case_id: str = ""
    reference: str = ""
    received: date | None = None

    @property
    def choice(self) -> str:
        """What the form sends back for a tick: the right, behind the reference of another case."""
        return f"{self.reference}/{self.right}" if self.reference else self.right


@dataclass(frozen=True, slots=True)
class CasePage:
    """The page behind ``/c/`` and ``/r/``. For an unknown token only ``state`` is set, and nothing names a person."""

    state: LinkState
    language: Language | None = None
    reference: str = ""
    needs_code: bool = False
    tries_left: int = 0
    lines: tuple[RequestLine, ...] = ()
    received: date | None = None
    legal_due: date | None = None
    can_withdraw: bool = False  # something is open that the person may take back
    can_cancel: bool = False  # an erasure waits for its hour
    can_resend: bool = False
    for_new_address: bool = False  # this link confirms the new address of an e-mail change
    #: Addresses that the mail names as the person's too: a confirmation can be sent there, known or not.
    other_addresses: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Click:
    """The answer to a POST on a case page. ``review`` is (column name, value on record, new value)."""

    outcome: Outcome
    page: CasePage
    review: tuple[tuple[str, str, str], ...] = field(default=(), repr=False)
    fingerprint: str = ""  # of the values on record that were shown; sent back with the last button


@dataclass(frozen=True, slots=True)
class Download:
    """The page behind ``/d/``; ``package`` only after the right code."""

    outcome: Outcome
    state: LinkState
    language: Language | None = None
    reference: str = ""
    tries_left: int = 0
    expires: datetime | None = None
    package: Package | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class TopicLine:
    """One newsletter topic on the preferences page."""

    name: str
    title: str
    subscribed: bool


@dataclass(frozen=True, slots=True)
class ReaderPage:
    """The pages behind ``/u/``, ``/p/``, ``/o/``."""

    state: LinkState
    language: Language | None = None
    topics: tuple[TopicLine, ...] = ()
    suppressed: bool = False
    can_undo: bool = False
    asked: bool = False  # a topic begins when a letter is confirmed; the same whether or not one was due today


@dataclass(frozen=True, slots=True)
class QueueLine:
    """One held mail or case in the staff's list, oldest legal date first. No personal data."""

    id: str
    kind: str  # "mail" or "case"
    reference: str
    received: date
    legal_due: date
    days_left: int  # calendar days until the legal last day, negative when it is over
    reasons: tuple[HoldReason, ...]
    labels: tuple[Label, ...]
    language: Language | None
    state: MailState | None = None
    standing: Standing = Standing.IN_TIME  # by working days: [policy] alarm_days


@dataclass(frozen=True, slots=True)
class LostLetter:
    """A letter of a case that failed for good: when it was written, and what the server said, without addresses."""

    id: str
    name: str
    written: date
    reply: str


@dataclass(frozen=True, slots=True)
class HeldPage:
    """One held mail as staff see it: a look at personal data, written to the audit log by the same call."""

    line: QueueLine
    sender: str = field(repr=False)
    sender_name: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    because: tuple[Evidence, ...] = ()
    proposed: tuple[Right, ...] = ()
    changes: tuple[Change, ...] = ()
    origin: Origin | None = None
    can_answer: bool = True  # False without a usable sender
    given_name: str = field(default="", repr=False)
    #: The names on record under the address, where the question is which person it is.
    on_record: tuple[str, ...] = field(default=(), repr=False)
    decidable: bool = True  # False for a case that waits for nothing but letters that failed
    undelivered: tuple[LostLetter, ...] = ()
    can_send_again: bool = False  # the case still allows a letter in the place of at least one of them
    left_in: str = ""  # mailbox and folder where the whole mail is, if only its beginning is stored
