"""The words of the field: cases, requests, confirmations, and the states they move through.

Vocabularies are closed; a member's comment is its one-sentence meaning.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from worker.rules.mail import Address


class Language(StrEnum):
    """The languages the desk reads and writes."""

    EN = "en"
    NL = "nl"
    FR = "fr"
    DE = "de"


class Right(StrEnum):
    """What a person can ask for."""

    ACCESS = "access"  # GDPR 15: to know, see, get a copy
    PORTABILITY = "portability"  # GDPR 20: in a reusable file, or passed on
    CORRECTION = "correction"  # GDPR 16: own data wrong, changed, incomplete
    OBJECTION = "objection"  # GDPR 21, or consent withdrawn for something else than mails
    UNSUBSCRIBE = "unsubscribe"  # stop newsletters, off the list
    RESTRICTION = "restriction"  # GDPR 18: keep, but do not use
    DELETION = "deletion"  # GDPR 17: erase data or account


#: The order in which the rights of one case are carried out: what informs comes before what destroys.
CARRYING_OUT: Final[tuple[Right, ...]] = tuple(Right)


class Column(StrEnum):
    """The columns of the built-in register of customers that hold a person's contact details."""

    NAME = "name"
    COMPANY = "company"
    FUNCTION = "function"
    STREET = "street"
    NUMBER = "number"
    BOX = "box"
    POSTCODE = "postcode"
    TOWN = "town"
    COUNTRY = "country"
    EMAIL = "email"
    TELEPHONE = "telephone"
    MOBILE = "mobile"
    FAX = "fax"
    OFFICE = "office"


class MailState(StrEnum):
    """Where a received mail is; every mail is in exactly one."""

    STORED = "stored"  # committed, not yet read
    CASE = "case"  # opened or joined a case
    HELD = "held"  # waits for a person, with a reason
    QUIET = "quiet"  # a person wrote, but asks nothing of this desk
    MACHINE = "machine"  # written by a machine
    DUPLICATE = "duplicate"  # the same content came before, by this or another door
    QUARANTINED = "quarantined"  # could not be read; the raw bytes are kept
    HISTORY = "history"  # older than the first connection to its mailbox


class HoldReason(StrEnum):
    """Why a person must look; shown in the queue in these words' sentence."""

    UNSURE = "unsure"  # the reading is not certain enough
    SEVERAL = "several"  # rights that do not go together, or more than one reading
    THIRD_PARTY = "third-party"  # speaks about somebody else, or for somebody else
    AUTHORITY = "authority"  # a public body or a court asks
    COMPLAINT = "complaint"  # a grievance or a legal threat
    CONDITIONAL = "conditional"  # the request depends on something, or is negated or withdrawn
    QUOTED = "quoted"  # refers to quoted or forwarded text
    LANGUAGE = "language"  # not one of the desk's languages
    SENSITIVE = "sensitive"  # health, belief, politics and the like
    BANK_DETAILS = "bank-details"  # never changed by a machine
    NOT_AUTOMATIC = "not-automatic"  # a right that only a person may decide in this release
    NO_VALUES = "no-values"  # a correction without a value that can be read
    FORGED = "forged"  # the sender's domain disowns the mail
    NO_SENDER = "no-sender"  # no usable From address
    STALE = "stale"  # older than [policy] stale_after when it arrived
    SHADOW = "shadow"  # [desk] mode keeps this decision for staff
    SHARED_MAILBOX = "shared-mailbox"  # info@, sales@: control of it does not prove who
    SEVERAL_MATCHES = "several-matches"  # the address belongs to more than one person on record
    NAME_DIFFERS = "name-differs"  # the name given is not the name on record
    FLOOD = "flood"  # more requests of one address in a day than letters may go out for
    CONFLICT = "conflict"  # contradicts an open request of the same person
    FOLLOW_UP = "follow-up"  # a further message in an open case
    MANUAL = "manual"  # staff put it here
    FAILED = "failed"  # carrying out failed for good
    UNCONFIRMED = "unconfirmed"  # two weeks without a click: perhaps a telephone call helps
    UNREADABLE = "unreadable"  # beyond the bounds of the parser
    UNDELIVERED = "undelivered"  # a letter of the case failed for good: the person was not told
    TOO_BIG = "too-big"  # larger than the limit: only its beginning is stored, the mailbox keeps it whole


class RequestState(StrEnum):
    """Where one request of a case is."""

    RECEIVED = "received"
    IN_REVIEW = "in_review"
    AWAITING_CONFIRMATION = "awaiting_confirmation"
    AWAITING_INFORMATION = "awaiting_information"
    CONFIRMED = "confirmed"
    WAITING_GRACE = "waiting_grace"
    APPLYING = "applying"
    FULFILLED = "fulfilled"
    PARTLY_REFUSED = "partly_refused"
    REFUSED = "refused"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


_S = RequestState
ENDED: Final[frozenset[RequestState]] = frozenset({_S.FULFILLED, _S.PARTLY_REFUSED, _S.REFUSED, _S.EXPIRED, _S.WITHDRAWN})
_STAFF_MAY: Final = frozenset({_S.IN_REVIEW, _S.REFUSED, _S.WITHDRAWN})

#: Every step that a request may take; everything else is a defect and raises.
TRANSITIONS: Final[Mapping[RequestState, frozenset[RequestState]]] = {
    _S.RECEIVED: frozenset({_S.IN_REVIEW, _S.AWAITING_CONFIRMATION, _S.APPLYING, _S.REFUSED, _S.WITHDRAWN}),
    _S.IN_REVIEW: frozenset(
        {
            _S.AWAITING_CONFIRMATION,
            _S.AWAITING_INFORMATION,
            _S.CONFIRMED,
            _S.APPLYING,
            _S.FULFILLED,
            _S.PARTLY_REFUSED,
            _S.REFUSED,
            _S.WITHDRAWN,
            _S.EXPIRED,
        }
    ),
    _S.AWAITING_CONFIRMATION: frozenset({_S.AWAITING_INFORMATION, _S.CONFIRMED, _S.EXPIRED}) | _STAFF_MAY,
    _S.AWAITING_INFORMATION: frozenset({_S.CONFIRMED, _S.EXPIRED}) | _STAFF_MAY,
    _S.CONFIRMED: frozenset({_S.WAITING_GRACE, _S.APPLYING}) | _STAFF_MAY,
    _S.WAITING_GRACE: frozenset({_S.APPLYING, _S.IN_REVIEW, _S.WITHDRAWN}),
    _S.APPLYING: frozenset({_S.FULFILLED, _S.PARTLY_REFUSED, _S.REFUSED, _S.IN_REVIEW, _S.AWAITING_CONFIRMATION}),
    _S.FULFILLED: frozenset(),
    _S.PARTLY_REFUSED: frozenset(),
    _S.REFUSED: frozenset({_S.IN_REVIEW}),
    _S.EXPIRED: frozenset({_S.AWAITING_CONFIRMATION, _S.IN_REVIEW, _S.CONFIRMED}),
    _S.WITHDRAWN: frozenset(),
}


class Proof(StrEnum):
    """What must be shown before a request is carried out, weakest first."""

    NONE = "none"
    LINK = "link"  # the button behind the link mailed to From
    CODE = "code"  # the button, and the six-character code of the same letter
    PERSON = "person"  # staff decide


class Origin(StrEnum):
    """By which way a request reached the company."""

    MAIL = "mail"
    WEB_FORM = "web form"
    PHONE = "phone"
    LETTER = "letter"


class Role(StrEnum):
    """What a member of staff may do."""

    HANDLER = "handler"  # sees and decides held mails
    APPROVER = "approver"  # also the second person where two are needed
    ADMINISTRATOR = "administrator"  # manages staff and settings, without sight of personal data


class LinkKind(StrEnum):
    """What a token opens; the value is the first part of its URL path."""

    CONFIRM = "c"
    STATUS = "r"
    DOWNLOAD = "d"
    UNSUBSCRIBE = "u"
    OPT_IN = "o"
    PREFERENCES = "p"


class EffectKind(StrEnum):
    """A change to the register, or a reading of it, that ``apply`` carries out."""

    PACKAGE = "package"  # gather everything held about a proved address
    RECTIFY = "rectify"
    ERASE = "erase"


class DeliveryState(StrEnum):
    """Where one newsletter message to one reader is."""

    PLANNED = "planned"
    CLAIMED = "claimed"  # a sender holds it, under its attempt number
    SENT = "sent"
    SKIPPED = "skipped"  # unsubscribed or suppressed before it left
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Change:
    """One corrected value. ``old`` is what the person says it was, or None; ``new`` is what it shall be."""

    column: Column
    new: str = field(repr=False)
    old: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Request:
    """One right asked in one case."""

    id: str
    right: Right
    state: RequestState
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One dossier: a person's requests of one moment, their dates, and where answers go."""

    id: str
    reference: str
    language: Language
    origin: Origin
    address: Address = field(repr=False)
    received_at: datetime
    due: date  # the day to work to: one month from receipt, not rolled
    legal_due: date  # the legal last day, after Regulation 1182/71
    requests: tuple[Request, ...] = ()
    subject: str = field(default="", repr=False)  # of the customer's mail, to thread under
    message_id: str = ""  # of the customer's mail
    proved: bool = False
    opened_at: datetime | None = None  # when the desk opened it; later than receipt if the mail waited for a person
    #: The name that the person gave, to be compared with the record after proof; empty if none.
    given_name: str = field(default="", repr=False)
    #: Other addresses of his that the mail names: nothing is sent there unless he asks for it.
    named: tuple[str, ...] = field(default=(), repr=False)

    def request(self, right: Right) -> Request | None:
        """The request for ``right``, or None."""
        return next((r for r in self.requests if r.right is right), None)
