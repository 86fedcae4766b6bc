"""What may stand in the audit log, and how its entries hang together."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime


class Event(StrEnum):
    """The closed vocabulary of the audit log."""

    MAIL_READ = "mail.read"  # a mail was understood; labels and exit, never words
    MAIL_HELD = "mail.held"  # a mail waits for a person
    MAIL_RULED = "mail.ruled"  # staff decided a held mail
    CASE_OPENED = "case.opened"
    REQUEST_OPENED = "request.opened"
    REQUEST_MOVED = "request.moved"
    LETTER_WRITTEN = "letter.written"
    LETTER_SENT = "letter.sent"
    LETTER_FAILED = "letter.failed"
    PERSON_TOLD = "person.told"  # staff told the person by another way what a failed letter had to say
    LINK_ISSUED = "link.issued"
    CODE_WRONG = "code.wrong"
    ADDRESS_PROVED = "address.proved"
    NOT_ME = "not-me"  # the owner of the address says that he did not ask
    EFFECT_PLANNED = "effect.planned"
    EFFECT_DONE = "effect.done"
    EFFECT_FAILED = "effect.failed"
    SUPPRESSED = "suppressed"  # no newsletter any more
    RESUBSCRIBED = "resubscribed"
    SUBSCRIBED = "subscribed"  # double opt-in
    DATA_READ = "data.read"  # somebody looked at a person's data
    PACKAGE_FETCHED = "package.fetched"
    KEY_DESTROYED = "key.destroyed"
    STAFF_ADDED = "staff.added"
    STAFF_LOGIN = "staff.login"
    DEADLINE_NEAR = "deadline.near"  # what waits for a person must be answered within a few working days
    DEADLINE_MISSED = "deadline.missed"  # the legal last day is over, and it is still open
    CAMPAIGN_PLANNED = "campaign.planned"
    CAMPAIGN_ENDED = "campaign.ended"


GENESIS: Final = "0" * 64


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a chain. ``chain`` is a case id, or ``desk`` for what belongs to no case.

    ``facts`` holds references, codes and counts only. ``mac`` is hex HMAC-SHA256 over the entry and ``previous``.
    """

    chain: str
    number: int
    at: datetime
    event: Event
    actor: str
    facts: Mapping[str, str | int | bool | None]
    previous: str
    mac: str


def entry_mac(key: bytes, chain: str, number: int, at: datetime, event: str, actor: str, facts: Mapping[str, object], previous: str) -> str:
    """The hex MAC that binds an entry to its place, content and predecessor."""
    content = json.dumps(
        [chain, number, at.isoformat(), event, actor, facts, previous], sort_keys=True, ensure_ascii=True, separators=(",", ":")
    )
    return hmac.new(key, content.encode(), hashlib.sha256).hexdigest()


def first_break(key: bytes, entries: Iterable[Entry]) -> int | None:
    """The number of the first entry that does not fit its chain, or None. Entries come in order of number from 1."""
    previous = GENESIS
    for expected, e in enumerate(entries, start=1):
        mac = entry_mac(key, e.chain, expected, e.at, e.event, e.actor, e.facts, previous)
        if e.number != expected or e.previous != previous or not hmac.compare_digest(mac, e.mac):
            return expected
        previous = e.mac
    return None
