"""What the demo page shows, as plain values: the customer's mailbox, and what the desk understood and did."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from markupsafe import Markup

from worker.demo.told import sentence, words
from worker.errors import UnreadableMail
from worker.mail.parse import parse
from worker.rules.audit import Event
from worker.rules.model import ENDED, Column, Language, LinkKind, MailState, RequestState, Right
from worker.rules.reading.model import Evidence, Part
from worker.web.queue import marked
from worker.web.wording import Wording, load_wording

if TYPE_CHECKING:
    from worker.demo.postoffice import Letter
    from worker.rules.audit import Entry
    from worker.store.look import SeenCase, SeenMail
    from worker.store.mails import StoredMail

_ZONE: Final = ZoneInfo("Europe/Brussels")
_LINKS: Final[Mapping[LinkKind, str]] = {
    LinkKind.CONFIRM: "Confirm", LinkKind.DOWNLOAD: "Open my data", LinkKind.STATUS: "Status", LinkKind.PREFERENCES: "Undo or choose",
    LinkKind.UNSUBSCRIBE: "Unsubscribe",
}  # fmt: skip
_CHANGING: Final = frozenset({Right.CORRECTION.value, Right.DELETION.value})


@dataclass(frozen=True, slots=True)
class Content:
    """A mail's own words, with those marked on which the reading rests. It never changes once the mail was read."""

    sender: str = field(repr=False)
    name: str = field(repr=False)
    subject: Markup = field(repr=False)
    text: Markup = field(repr=False)
    changes: tuple[tuple[str, str], ...] = field(repr=False)  # column, new value


@dataclass(frozen=True, slots=True)
class Step:
    """One station of a mail's path; ``state`` is done, now, skipped or open."""

    title: str
    state: str


@dataclass(frozen=True, slots=True)
class Card:
    """One mail as the desk sees it. ``tone`` is good, warn, info, bad or plain; ``rows`` are (data, before, after, done)."""

    key: str
    content: Content = field(repr=False)
    at: str
    reference: str
    language: str
    labels: tuple[str, ...]
    reasons: tuple[str, ...]
    standing: str
    tone: str
    steps: tuple[Step, ...]
    rows: tuple[tuple[str, str, str, bool], ...] = field(repr=False)
    told: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class MailboxLine:
    """One letter of the desk in the customer's mailbox; ``links`` are (words, address)."""

    key: str
    number: int
    subject: str = field(repr=False)
    at: str
    to: str = field(repr=False)  # only if it went to another address than the customer's own
    code: str = field(repr=False)
    links: tuple[tuple[str, str], ...] = field(repr=False)
    newsletter: bool


@cache
def wording() -> Wording:
    """The words of the desk's own pages, for labels and reasons."""
    return load_wording(Language.EN)


def clock_time(moment: datetime) -> str:
    """A moment as a clock in Belgium shows it."""
    return f"{moment.astimezone(_ZONE):%-d %b, %H:%M:%S}"


def day_and_time(moment: datetime) -> str:
    """A moment with the day of the week."""
    return f"{moment.astimezone(_ZONE):%a %-d %B, %H:%M}"


def content_of(stored: StoredMail, reading: Mapping[str, Any]) -> Content:
    """A mail's words; for one that cannot be read the beginning of its bytes."""
    try:
        mail = parse(stored.raw)
    except UnreadableMail:
        return Content("", "", Markup("?"), marked(stored.raw[:400].decode("utf-8", "replace"), []), ())
    because = [Evidence(rule, Part(part), (start, end), text) for rule, part, start, end, text in reading.get("because", ())]
    sender = mail.sender
    return Content(
        sender.mailbox if sender else "", sender.name if sender else "", marked(mail.subject, [e for e in because if e.part is Part.SUBJECT]),
        marked(mail.text, [e for e in because if e.part is Part.BODY]), tuple((column, new) for column, new, _ in reading.get("changes", ())),
    )  # fmt: skip


def card(
    mail: SeenMail,
    case: SeenCase | None,
    content: Content,
    story: Sequence[Entry],
    record: tuple[dict[str, str], dict[str, str] | None] | None,
) -> Card:
    """What the page shows of one mail. ``record`` is the sender's row before and now, None for a stranger."""
    standing, tone = _standing(mail, case)
    t = wording()
    told = tuple((clock_time(e.at), text) for e in _effective(story) if (text := sentence(e)))
    return Card(
        key=f"m{mail.id}", content=content, at=clock_time(mail.received_at), reference=case.reference if case else "",
        language=str(t(f"language.{mail.language}")) if mail.language else "", labels=tuple(str(t(f"label.{each}")) for each in mail.labels),
        reasons=tuple(str(t(f"hold.{each}")) for each in (*mail.reasons, *([case.held] if case and case.held else []))),
        standing=words("standing")[standing], tone=tone, steps=tuple(_steps(mail, case, standing)), rows=tuple(_rows(mail, content, record)), told=told,
    )  # fmt: skip


def _effective(story: Sequence[Entry]) -> Iterator[Entry]:
    """The entries without changes that came to nothing: the same transaction put the request before a person."""
    stopped = {e.at for e in story if e.event is Event.REQUEST_MOVED and e.facts.get("to") == RequestState.IN_REVIEW}
    return (e for e in story if not (e.event is Event.EFFECT_DONE and e.at in stopped))


def _standing(mail: SeenMail, case: SeenCase | None) -> tuple[str, str]:
    """The key of its sentence, and its tone."""
    if case is not None:
        return _case_standing(case)
    if mail.ruled:
        return "decided", "good"
    tones = {MailState.HELD: ("person", "info"), MailState.QUARANTINED: ("quarantined", "info")}
    return tones.get(mail.state, (mail.state.value, "plain"))


def _case_standing(case: SeenCase) -> tuple[str, str]:
    states = {state for _, state in case.requests}
    if case.held is not None or RequestState.IN_REVIEW in states:
        return "person", "info"
    found = [(RequestState.WAITING_GRACE, "grace", "warn"), (RequestState.AWAITING_CONFIRMATION, "waits", "warn")]
    found += [(RequestState.AWAITING_INFORMATION, "waits", "warn")]
    for state, key, tone in found:
        if state in states:
            return key, tone
    if not states <= ENDED:
        return "works", "info"
    ends = [
        (RequestState.WITHDRAWN, "withdrawn", "bad"),
        (RequestState.EXPIRED, "expired", "plain"),
        (RequestState.REFUSED, "refused", "plain"),
    ]
    for state, key, tone in [*ends, (RequestState.PARTLY_REFUSED, "partly", "good")]:
        if state in states:
            return key, tone
    return "done", "good"


def _steps(mail: SeenMail, case: SeenCase | None, standing: str) -> Iterator[Step]:
    """Understood, proved, done: the three stations of a request. A mail without a case has the first alone."""
    yield Step("Understood", "done" if mail.state is MailState.CASE else "now")
    if case is None:
        return
    states = {state for _, state in case.requests}
    free = {right for right, _ in case.requests} == {Right.UNSUBSCRIBE}
    waits = states & {RequestState.AWAITING_CONFIRMATION, RequestState.AWAITING_INFORMATION}
    yield Step(
        "No proof needed" if free else "Waits for proof" if waits else "Proved by the customer",
        "skipped" if free else "now" if waits else "done" if case.proved else "open",
    )
    ended = standing in {"done", "partly"}
    yield Step("Done and answered", "done" if ended else "now" if standing in {"grace", "works", "person"} else "open")


def _rows(
    mail: SeenMail, content: Content, record: tuple[dict[str, str], dict[str, str] | None] | None
) -> Iterator[tuple[str, str, str, bool]]:
    """The record before and after: what is asked, and what was done."""
    if record is None or not _CHANGING & set(mail.labels):
        return
    before, after = record
    names = wording().names.columns
    asked = dict(content.changes)
    for name, old in before.items():
        title = names.get(name, "")
        now = (after or {}).get(name, "")
        if title and now != old:
            yield title, old, now, True
        elif title and name in asked and Column(name):
            yield title, old, asked[name], False


def mailbox_line(letter: Letter, own: str) -> MailboxLine:
    """One letter as a line of the mailbox."""
    links = tuple((title, letter.link(kind)) for kind, title in _LINKS.items() if letter.link(kind))
    date = letter.message["date"].datetime
    newsletter = letter.message["List-Unsubscribe"] is not None
    to = letter.recipient if letter.recipient.lower() != own.lower() else ""
    return MailboxLine(f"l{letter.number}", letter.number, letter.subject, clock_time(date), to, letter.code, links, newsletter)


def version(html: str) -> str:
    """Tells whether a piece of the page has changed."""
    return hashlib.sha256(html.encode()).hexdigest()[:12]
