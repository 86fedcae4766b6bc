"""What is known (Situation), what shall happen (Decision), and how several decisions become one.

A handler is a plain function Situation -> Decision. It has no clock, no I/O and no randomness: ids, tokens and
bytes are made by casework when it commits the decision.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from worker.rules.deadline import due_days, end_of_day, local_day, working_day_before
from worker.rules.letters import NEW_CODE, AnyLetter, Confirm, NewLink
from worker.rules.model import (
    ENDED,
    Case,
    Change,
    EffectKind,
    HoldReason,
    Language,
    LinkKind,
    MailState,
    Origin,
    Proof,
    RequestState,
    Right,
)  # fmt: skip
from worker.rules.policy import CONFIRM_AT_LEAST
from worker.rules.trigger import To, Trigger

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date, datetime

    from worker.rules.audit import Event
    from worker.rules.policy import Policy


class Intent(StrEnum):
    """Everything that can happen to a case; each has one handler."""

    ACCESS = "access"
    CORRECTION = "correction"
    DELETION = "deletion"
    UNSUBSCRIBE = "unsubscribe"
    OBJECTION = "objection"
    RESTRICTION = "restriction"
    PORTABILITY = "portability"
    CONFIRMATION = "confirmation"  # the person proved control of the address
    ANSWER = "answer"  # a mail joined an open case
    WITHDRAWAL = "withdrawal"  # cancelled, or "this was not me"
    DISCLOSURE = "disclosure"  # an authority asks
    BOUNCE = "bounce"
    RULING = "ruling"  # staff decided
    ENTERED = "entered"  # by phone or letter
    DEADLINE = "deadline"  # the clock
    APPLIED = "applied"  # a change was carried out, or failed
    OTHER = "other"  # everything else goes to a person, or nowhere


class Mode(StrEnum):
    """How much the desk may do by itself."""

    SHADOW = "shadow"  # reads and proposes; every decision waits for staff
    ASSIST = "assist"  # confirmation letters go out; carrying out waits for staff
    ON = "on"


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a handler may know. ``letters_today``: verification letters to this address, this local day."""

    now: datetime
    trigger: Trigger
    policy: Policy
    country: str
    timezone: str
    mode: Mode = Mode.ON
    case: Case | None = None
    letters_today: int = 0
    #: Acknowledgements of a stopped newsletter to this address, this local day.
    stops_today: int = 0

    @property
    def due(self) -> tuple[date, date]:
        """The day to work to and the legal last day of the case, or of the case to be opened."""
        if self.case is not None:
            return self.case.due, self.case.legal_due
        received = getattr(self.trigger, "received_at", None) or self.now
        return due_days(local_day(received, self.timezone), self.country)

    @property
    def confirm_until(self) -> datetime:
        """When an unconfirmed request closes: the end of the last working day before the legal last day.

        One that was opened late stays open for CONFIRM_AT_LEAST.
        """
        last = end_of_day(working_day_before(self.due[1], self.country), self.timezone)
        return max(last, self.opened_at + CONFIRM_AT_LEAST)

    @property
    def opened_at(self) -> datetime:
        """When the case was opened; now, if it is about to be."""
        return (self.case.opened_at if self.case is not None else None) or self.now

    @property
    def flooded(self) -> bool:
        """Today's letters to this address and tomorrow's are written: somebody asks without end, or against the owner's will."""
        return self.letters_today >= 2 * self.policy.letters_per_day

    @property
    def reference(self) -> str:
        """The case's reference; empty before casework has given one."""
        return self.case.reference if self.case is not None else ""


# What shall happen --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenCase:
    """Open a case for the sender, unless the situation has one."""

    origin: Origin
    language: Language
    received_at: datetime
    given_name: str = field(default="", repr=False)
    named: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """Add a request to the case."""

    right: Right
    state: RequestState = RequestState.RECEIVED
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Move:
    """Take a request to another state; TRANSITIONS must allow it."""

    right: Right
    to: RequestState


@dataclass(frozen=True, slots=True)
class SetChanges:
    """Replace what a correction will write: the old values are now those that the person saw."""

    right: Right
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class AskProof:
    """Ask for proof of a right; ``combine`` makes one letter of all of them."""

    right: Right
    changes: tuple[Change, ...] = ()
    reminder: int = 0


@dataclass(frozen=True, slots=True)
class Send:
    """Write a letter. ``verification`` letters count against the daily limit of an address."""

    letter: AnyLetter
    to: To = To.REQUESTER
    not_before: datetime | None = None
    verification: bool = False


@dataclass(frozen=True, slots=True)
class Repeat:
    """Write a letter that failed for good once more, word by word: it holds no link that could be of no use by now."""

    letter_id: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Have ``apply`` carry out a change, not before ``due``; ``again``: the one that failed, under the id it had."""

    kind: EffectKind
    rights: tuple[Right, ...]
    due: datetime | None = None
    changes: tuple[Change, ...] = ()
    approved: bool = False  # staff looked: who it is, is settled
    again: bool = False


@dataclass(frozen=True, slots=True)
class CancelEffects:
    """Drop the effects of these rights that have not begun."""

    rights: tuple[Right, ...]


@dataclass(frozen=True, slots=True)
class RevokeLinks:
    """Make every link of these rights useless, but those that only show the status."""

    rights: tuple[Right, ...]


@dataclass(frozen=True, slots=True)
class Suppress:
    """No newsletter for this address, from now on and for ever."""


@dataclass(frozen=True, slots=True)
class MarkMail:
    """Say where the mail is now, and for a held one why."""

    state: MailState
    reasons: tuple[HoldReason, ...] = ()


@dataclass(frozen=True, slots=True)
class HoldCase:
    """Put the case before a person; None takes it from there."""

    reason: HoldReason | None


@dataclass(frozen=True, slots=True)
class Reminded:
    """So many of the reminders are behind us."""

    number: int


@dataclass(frozen=True, slots=True)
class MarkProved:
    """Control of the requester's address was shown."""


@dataclass(frozen=True, slots=True)
class Record:
    """An audit entry beyond those that the other actions write by themselves."""

    event: Event
    facts: Mapping[str, str | int | bool | None] = field(default_factory=dict)


Action = (
    OpenCase | OpenRequest | Move | SetChanges | AskProof | Send | Repeat | Plan | CancelEffects | RevokeLinks | Suppress | MarkMail
    | HoldCase | Reminded | MarkProved | Record
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Decision:
    """What one handler wants, in the order in which it shall be written."""

    actions: tuple[Action, ...] = ()

    def of(self, *kinds: type[Action]) -> tuple[Action, ...]:
        """The actions of these kinds."""
        return tuple(a for a in self.actions if isinstance(a, kinds))


def combine(situation: Situation, decisions: Iterable[Decision]) -> Decision:
    """One decision from those of several rights in one mail: one case, one confirmation with the strictest proof, one letter.

    A mail with any right that a person must decide is held as a whole and carries nothing out.
    """
    actions = [a for d in decisions for a in d.actions]
    marks = [a for a in actions if isinstance(a, MarkMail)]
    held = [m for m in marks if m.state is MailState.HELD]
    if held:
        reasons = tuple(dict.fromkeys(r for m in held for r in m.reasons))
        return Decision((*_held_only(actions), MarkMail(MailState.HELD, reasons)))
    asks = [a for a in actions if isinstance(a, AskProof)]
    rest = [a for a in actions if not isinstance(a, (AskProof, OpenCase, MarkMail))]
    opened = [a for a in actions if isinstance(a, OpenCase)][:1]
    letter = [confirmation_letter(situation, asks)] if asks else []
    return Decision((*opened, *rest, *letter, *marks[:1]))


def _held_only(actions: list[Action]) -> list[Action]:
    return [a for a in actions if isinstance(a, (Send, Record))]


def confirmation_letter(situation: Situation, asks: list[AskProof]) -> Send:
    """The one letter that asks for all proofs, today or, over the daily limit, tomorrow."""
    asked = {a.right for a in asks}
    rights = tuple(r for r in Right if r in asked)
    with_code = situation.policy.strictest(rights) is Proof.CODE
    expires = situation.confirm_until
    origin = situation.case.origin if situation.case else getattr(situation.trigger, "origin", Origin.MAIL)
    letter = Confirm(
        reference=situation.reference,
        rights=rights,
        changes=tuple(dict.fromkeys(c.column for a in asks for c in a.changes)),
        link=NewLink(LinkKind.CONFIRM, expires, rights, with_code),
        not_me=NewLink(LinkKind.STATUS, None, rights),
        code=NEW_CODE if with_code else "",
        expires=expires,
        legal_due=situation.due[1],
        reminder=max(a.reminder for a in asks),
        by_mail=origin is Origin.MAIL,
    )
    return Send(letter, not_before=_tomorrow_if_over(situation), verification=True)


def _tomorrow_if_over(situation: Situation) -> datetime | None:
    if situation.letters_today < situation.policy.letters_per_day:
        return None
    return end_of_day(local_day(situation.now, situation.timezone), situation.timezone)


def open_rights(case: Case) -> tuple[Right, ...]:
    """The rights of ``case`` whose requests have not ended."""
    return tuple(r.right for r in case.requests if r.state not in ENDED)
