"""Every limit, with its unit and its source; and what proof each right needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from worker.rules.model import Proof, Right

if TYPE_CHECKING:
    from collections.abc import Mapping

#: GDPR 12(6), read with EDPB 01/2022: proof in proportion to what a wrong answer would cost the person.
PROOF: Final[Mapping[Right, Proof]] = {
    Right.ACCESS: Proof.LINK,
    Right.PORTABILITY: Proof.LINK,
    Right.CORRECTION: Proof.CODE,
    Right.OBJECTION: Proof.NONE,  # GDPR 21(3): unconditional for direct marketing
    Right.UNSUBSCRIBE: Proof.NONE,
    Right.RESTRICTION: Proof.CODE,
    Right.DELETION: Proof.CODE,
}

#: Letters and digits that nobody takes for another: no 0 O 1 I L U.
CODE_ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH: Final = 6  # characters: 30**6, with five tries one guess in 145 million
CODE_TRIES: Final = 5  # wrong codes before a new letter is needed
TOKEN_BYTES: Final = 32  # 256 bits
#: A request that staff opened late can be confirmed for so long: asking who it is suspends the month (EDPB 01/2022, 157).
CONFIRM_AT_LEAST: Final = timedelta(days=7)

#: Mailboxes that belong to a role, not to one person: control of them does not prove who.
ROLE_MAILBOXES: Final[frozenset[str]] = frozenset({
    "abuse", "accounting", "admin", "administratie", "boekhouding", "bureau", "buero", "comptabilite", "contact", "facturatie", "facturation",
    "hello", "help", "helpdesk", "hr", "info", "invoice", "invoices", "it", "kontakt", "mail", "office", "onthaal", "personeel", "post",
    "postmaster", "privacy", "receptie", "rh", "sales", "secretariaat", "secretariat", "service", "support", "team", "ventes", "verkoop",
    "vertrieb", "webmaster",
})  # fmt: skip


def is_role_mailbox(mailbox: str) -> bool:
    """True for info@, sales@ and the like: control of it proves no one person. Takes ``Address.key``."""
    return mailbox.partition("@")[0] in ROLE_MAILBOXES


@dataclass(frozen=True, slots=True)
class Policy:
    """The controller's choices, within the law. Durations are timedeltas, counts are per day and address."""

    deletion_grace: timedelta = timedelta(hours=72)
    #: An older mail goes to a person: its writer no longer waits for a machine's answer.
    stale_after: timedelta = timedelta(days=14)
    reminders: tuple[timedelta, ...] = (timedelta(days=3), timedelta(days=7), timedelta(days=21))
    staff_notice: timedelta = timedelta(days=14)
    #: A package stays behind its link so long.
    download_expires: timedelta = timedelta(days=14)
    #: Who signed up for a newsletter and did not confirm by then is forgotten.
    opt_in_expires: timedelta = timedelta(days=7)
    #: Erasure ends at the latest this many working days before the legal last day.
    grace_margin_days: int = 2
    #: What waits for a person rings this many working days before its legal last day.
    alarm_days: int = 5
    #: Verification letters per address and day (OWASP: limits on mail that others can trigger).
    letters_per_day: int = 3
    #: Acknowledgements per address and day (RFC 3834, section 2).
    notes_per_day: int = 1
    #: Letters of the whole desk in one hour before it stops and asks for a person.
    letters_per_hour: int = 2000
    #: The request file itself has no legal number; after it only evidence without identity stays.
    request_file: timedelta = timedelta(days=3 * 365)
    max_attempts_per_letter: int = 12

    def strictest(self, rights: tuple[Right, ...]) -> Proof:
        """The strongest proof that any of ``rights`` needs."""
        order = tuple(Proof)
        return max((PROOF[r] for r in rights), key=order.index, default=Proof.NONE)
