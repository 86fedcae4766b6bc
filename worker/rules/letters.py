"""One frozen dataclass per letter: its fields are all that its template may use.

A letter never quotes the customer's mail and never carries a person's data: what is held stands
behind a link. Where a handler writes a letter it puts a :class:`NewLink` where a URL will stand;
casework issues the token and replaces it (and :data:`NEW_CODE`) before the letter is rendered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Final

if TYPE_CHECKING:
    from datetime import date, datetime

    from worker.rules.model import Column, LinkKind, Right

#: Stands in a letter where the six-character code of its link will stand.
NEW_CODE: Final = "\x00code"


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link to be issued. ``rights`` names the requests it opens, empty for the whole case."""

    kind: LinkKind
    expires: datetime | None = None
    rights: tuple[Right, ...] = ()
    with_code: bool = False


Link = str | NewLink


class Reason(StrEnum):
    """Why a request was refused or an item was kept: each has a sentence in every language."""

    TAX_LAW = "tax-law"  # invoices and what belongs to them: accounting and VAT law
    CONTRACT = "contract"  # needed for a contract that still runs
    LEGAL_CLAIM = "legal-claim"  # needed for a claim, GDPR 17(3)(e)
    REQUEST_FILE = "request-file"  # the evidence of this request itself
    SUPPRESSION = "suppression"  # a keyed hash, so that no import brings the person back
    MAILBOX_COPY = "mailbox-copy"  # the company's mailbox keeps the mails
    SENSITIVE = "sensitive"  # data that the company does not hold at all
    NOT_PROVED = "not-proved"  # control of the address was not shown
    VALUE_REFUSED = "value-refused"  # the company's database does not take the value
    ADDRESS_TAKEN = "address-taken"  # the new e-mail address cannot be used
    UNFOUNDED = "unfounded"  # manifestly unfounded or excessive, GDPR 12(5)
    OTHERS_RIGHTS = "others-rights"  # rights of others, GDPR 15(4)


@dataclass(frozen=True, slots=True)
class Item:
    """One kind of data in an answer: ``what`` is a key of the wording tables, ``count`` how many rows.

    ``until`` is the last day on which it is kept; None with a reason means: no date yet.
    """

    what: str
    count: int = 1
    reason: Reason | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """What every letter carries. ``reference`` is the case's, such as PD-2026-000123."""

    name: ClassVar[str] = ""
    reference: str


@dataclass(frozen=True, slots=True)
class Confirm(Letter):
    """Please confirm. Sent to the From address of a clear request, whether or not it is known.

    ``reminder`` is 0 for the first letter, then 1, 2, 3. ``code`` is empty where the button is enough.
    ``changes`` names the columns that a correction touches, without values.
    """

    name: ClassVar[str] = "confirm"
    rights: tuple[Right, ...]
    changes: tuple[Column, ...]
    link: Link = field(repr=False)
    not_me: Link = field(repr=False)
    code: str = field(repr=False)
    expires: datetime
    legal_due: date
    reminder: int = 0
    #: False for the web form: "your request through our form" instead of "your mail".
    by_mail: bool = True


@dataclass(frozen=True, slots=True)
class FreshCode(Letter):
    """A new code after five wrong ones; the older link no longer works."""

    name: ClassVar[str] = "fresh_code"
    link: Link = field(repr=False)
    not_me: Link = field(repr=False)
    code: str = field(repr=False)
    expires: datetime


@dataclass(frozen=True, slots=True)
class ConfirmNewAddress(Letter):
    """To the new address of an e-mail change: both addresses must confirm. Names nobody."""

    name: ClassVar[str] = "confirm_new_address"
    link: Link = field(repr=False)
    not_me: Link = field(repr=False)
    code: str = field(repr=False)
    expires: datetime


@dataclass(frozen=True, slots=True)
class Unsubscribed(Letter):
    """No more newsletters, done at once. Offers undo, and erasing the data too."""

    name: ClassVar[str] = "unsubscribed"
    preferences: Link = field(repr=False)  # undo, and "erase my data too"


@dataclass(frozen=True, slots=True)
class PackageReady(Letter):
    """The answer to access: behind the link, with the code, until ``expires``."""

    name: ClassVar[str] = "package_ready"
    link: Link = field(repr=False)
    code: str = field(repr=False)
    expires: datetime
    #: A deletion of the same case waits until the person had the time to fetch the package.
    deletion_follows: bool = False


@dataclass(frozen=True, slots=True)
class NothingHeld(Letter):
    """After proof: nothing is held under this address. ``rights`` are those that this answers."""

    name: ClassVar[str] = "nothing_held"
    rights: tuple[Right, ...]


@dataclass(frozen=True, slots=True)
class Corrected(Letter):
    """Item by item: which columns were changed, which were refused and why."""

    name: ClassVar[str] = "corrected"
    changed: tuple[Column, ...]
    refused: tuple[tuple[Column, Reason], ...]
    #: Names of the recipients who are told of the change (GDPR 19).
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CorrectionOutdated(Letter):
    """Meanwhile the record had changed: nothing was applied; look again behind the link."""

    name: ClassVar[str] = "correction_outdated"
    link: Link = field(repr=False)
    not_me: Link = field(repr=False)
    code: str = field(repr=False)
    expires: datetime


@dataclass(frozen=True, slots=True)
class ErasurePlanned(Letter):
    """Deletion is confirmed; it happens at ``at`` unless it is cancelled behind the link."""

    name: ClassVar[str] = "erasure_planned"
    at: datetime
    cancel: Link = field(repr=False)
    #: True when access was asked too: the package comes first.
    after_package: bool = False


@dataclass(frozen=True, slots=True)
class Erased(Letter):
    """Item by item: what was erased, what is kept, why and until when."""

    name: ClassVar[str] = "erased"
    erased: tuple[Item, ...]
    kept: tuple[Item, ...]
    recipients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Withdrawn(Letter):
    """Cancelled by the person, or "this was not me": nothing more happens."""

    name: ClassVar[str] = "withdrawn"
    rights: tuple[Right, ...]
    not_me: bool


@dataclass(frozen=True, slots=True)
class Expired(Letter):
    """Not carried out, because control of the address was not proved in time (GDPR 12(4))."""

    name: ClassVar[str] = "expired"
    rights: tuple[Right, ...]
    link: Link = field(repr=False)


@dataclass(frozen=True, slots=True)
class Refused(Letter):
    """Staff refuse, with the reason; complaint and court (GDPR 12(4))."""

    name: ClassVar[str] = "refused"
    rights: tuple[Right, ...]
    reason: Reason
    explanation: str = field(repr=False)  # staff's own words, may be empty


@dataclass(frozen=True, slots=True)
class HeldNote(Letter):
    """A person will read your mail; once per address and day."""

    name: ClassVar[str] = "held_note"
    legal_due: date
    #: The mail answers a letter whose button is still to be pressed: an answer confirms nothing.
    needs_button: bool = False


@dataclass(frozen=True, slots=True)
class Answer(Letter):
    """Staff's own words."""

    name: ClassVar[str] = "answer"
    words: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Extended(Letter):
    """More time is needed: notice with reasons within the first month (GDPR 12(3))."""

    name: ClassVar[str] = "extended"
    rights: tuple[Right, ...]
    new_due: date
    explanation: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OptIn(Letter):
    """Please confirm that you want our newsletter (double opt-in)."""

    name: ClassVar[str] = "opt_in"
    topics: tuple[str, ...]
    link: Link = field(repr=False)
    expires: datetime


AnyLetter = (
    Confirm
    | FreshCode
    | ConfirmNewAddress
    | Unsubscribed
    | PackageReady
    | NothingHeld
    | Corrected
    | CorrectionOutdated
    | ErasurePlanned
    | Erased
    | Withdrawn
    | Expired
    | Refused
    | HeldNote
    | Answer
    | Extended
    | OptIn
)

LETTERS: Final[tuple[type[AnyLetter], ...]] = (
    Confirm,
    FreshCode,
    ConfirmNewAddress,
    Unsubscribed,
    PackageReady,
    NothingHeld,
    Corrected,
    CorrectionOutdated,
    ErasurePlanned,
    Erased,
    Withdrawn,
    Expired,
    Refused,
    HeldNote,
    Answer,
    Extended,
    OptIn,
)


@dataclass(frozen=True, slots=True)
class DeskCard:
    """Who writes: the company as it stands in the settings, on every letter and page.

    ``authority`` is the supervisory authority's name and ``authority_url`` its address; ``court`` the
    competent court in words of the language; ``policy_version`` and ``policy_url`` the privacy policy in force.
    """

    company: str
    address: str
    contact: str
    base_url: str
    authority: str
    authority_url: str
    policy_version: str
    timezone: str
    country: str
    responsible: str = ""
