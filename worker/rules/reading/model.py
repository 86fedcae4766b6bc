"""What understanding a mail yields. This interface is stable; how a reading is made is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from worker.rules.model import Change, HoldReason, Language, Right


class Label(StrEnum):
    """What a mail is about; the rights carry the same words as :class:`worker.rules.model.Right`."""

    ACCESS = "access"
    CORRECTION = "correction"
    DELETION = "deletion"
    UNSUBSCRIBE = "unsubscribe"
    OBJECTION = "objection"
    RESTRICTION = "restriction"
    PORTABILITY = "portability"
    CONFIRMATION = "confirmation"  # answers our confirmation letter instead of using its link
    AUTHORITY = "authority"
    COMPLAINT = "complaint"
    OTHER = "other"
    SPAM = "spam"
    AUTO_REPLY = "auto_reply"
    BOUNCE = "bounce"


class Exit(StrEnum):
    """Where a mail goes after reading."""

    AUTOMATIC = "automatic"  # the desk writes to the sender or changes something without a person
    STAFF = "staff"
    QUIET = "quiet"


class Part(StrEnum):
    """Which part of the mail a span points into."""

    SUBJECT = "subject"
    BODY = "body"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One reason for a reading: the rule, and the characters of the decoded visible text it rests on."""

    rule: str
    part: Part
    span: tuple[int, int]
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Fields:
    """Values read out of the sender's own words, never out of quotes or signatures."""

    name: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    customer_number: str | None = field(default=None, repr=False)
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """What the desk understood of one mail, and why."""

    exit: Exit
    labels: tuple[Label, ...]
    language: Language
    reasons: tuple[HoldReason, ...] = ()
    fields: Fields = Fields()
    because: tuple[Evidence, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    machine: bool = False  # written by a machine: opens nothing, is answered by nothing
    thanks: bool = False  # nothing but thanks: needs neither an answer nor a person

    @property
    def rights(self) -> tuple[Right, ...]:
        """The rights among the labels, in the order in which they are carried out."""
        return tuple(r for r in Right if any(label.value == r.value for label in self.labels))
