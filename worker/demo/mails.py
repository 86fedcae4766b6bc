"""What the invented customers write: chosen by a seed among the wordings of ``data/``, and dressed as different mail programs do."""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from enum import StrEnum
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any, Final

from worker.demo.customers import COUPLE, ROLE, Customer, address, plain, vocabulary
from worker.rules.model import Column, Language, Right


class Kind(StrEnum):
    """What a sample mail is for; each ends in its own way."""

    ACCESS = "access"
    CORRECTION = "correction"
    DELETION = "deletion"
    UNSUBSCRIBE = "unsubscribe"
    SEVERAL = "several"  # more than one right in one mail
    NEW_ADDRESS = "new_address"  # a change of e-mail address: both must confirm
    UNCLEAR = "unclear"  # for a person
    NEGATED = "negated"  # asks not to do it: for a person
    FORGED = "forged"  # somebody else in a customer's name: the owner says "not me"
    STRANGER = "stranger"  # asks about data we do not hold
    SHARED = "shared"  # from a mailbox that proves nobody: for a person, after the button
    AUTOMATIC = "automatic"  # an out-of-office robot
    BROKEN = "broken"  # no mail program can read it


@dataclass(frozen=True, slots=True)
class Wording:
    """One way to say it. ``fields`` are the columns that it changes."""

    kind: Kind
    language: Language
    subject: str
    text: str
    rights: tuple[Right, ...]
    fields: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class SampleMail:
    """One mail ready to be sent. ``changes`` are the values it asks for; ``customer`` is None for a stranger."""

    kind: Kind
    language: Language
    sender: str = field(repr=False)
    sender_name: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    message_id: str
    rights: tuple[Right, ...] = ()
    changes: Mapping[Column, str] = field(default_factory=dict, repr=False)
    customer: Customer | None = field(default=None, repr=False)
    style: int = 0

    def raw(self, to: str, when: datetime) -> bytes:
        """The mail as bytes. A broken one has headers that end in nothing."""
        if self.kind is Kind.BROKEN:
            return broken(self.sender, to, self.message_id)
        robot = {"Auto-Submitted": "auto-replied", "Precedence": "bulk"} if self.kind is Kind.AUTOMATIC else {}
        letter = Envelope(self.sender, self.sender_name, to, self.subject, self.message_id, when, robot)
        return dressed(letter, self.text, self.style)


@dataclass(frozen=True, slots=True)
class Envelope:
    """The headers of a customer's mail."""

    sender: str
    name: str
    to: str
    subject: str
    message_id: str
    when: datetime
    more: Mapping[str, str] = field(default_factory=dict)


#: What is always played, for each language.
_EACH: Final = (Kind.ACCESS, Kind.CORRECTION, Kind.DELETION, Kind.UNSUBSCRIBE, Kind.SEVERAL, Kind.NEW_ADDRESS, Kind.UNCLEAR)
#: What is played once more, in this language.
_ONCE: Final = (
    (Kind.NEGATED, Language.FR), (Kind.NEGATED, Language.NL), (Kind.FORGED, Language.NL), (Kind.FORGED, Language.DE),
    (Kind.STRANGER, Language.EN), (Kind.AUTOMATIC, Language.FR), (Kind.AUTOMATIC, Language.EN), (Kind.BROKEN, Language.NL),
)  # fmt: skip
STYLES: Final = 4
_OWN_RIGHTS: Final[Mapping[Kind, tuple[Right, ...]]] = {
    Kind.ACCESS: (Right.ACCESS,), Kind.CORRECTION: (Right.CORRECTION,), Kind.DELETION: (Right.DELETION,), Kind.UNSUBSCRIBE: (Right.UNSUBSCRIBE,),
    Kind.NEW_ADDRESS: (Right.CORRECTION,), Kind.FORGED: (Right.DELETION,), Kind.STRANGER: (Right.ACCESS,), Kind.SHARED: (Right.ACCESS,),
}  # fmt: skip
#: The kinds that borrow the words of another.
_WORDS_OF: Final[Mapping[Kind, Kind]] = {
    Kind.FORGED: Kind.DELETION,
    Kind.STRANGER: Kind.ACCESS,
    Kind.SHARED: Kind.ACCESS,
    Kind.BROKEN: Kind.UNCLEAR,
}


@cache
def wordings() -> tuple[Wording, ...]:
    """Every wording of ``data/``."""
    return tuple(_wordings())


def _wordings() -> Iterator[Wording]:
    for language in Language:
        table = tomllib.loads((files(__package__) / "data" / f"{language}.toml").read_text("utf-8"))
        for name, rows in table.items():
            for row in rows:
                kind = Kind(name)
                rights = tuple(Right(right) for right in row.get("rights", ())) or _OWN_RIGHTS.get(kind, ())
                yield Wording(
                    kind, language, row["subject"], row["text"].strip() + "\n", rights, tuple(Column(f) for f in row.get("fields", ()))
                )


def samples(people: Sequence[Customer], seed: int) -> tuple[SampleMail, ...]:
    """The sample mails of a seed, in an order of its own; no customer writes twice."""
    chance = random.Random(seed)
    free = {language: [c for c in people if c.language is language and c.id not in (*COUPLE, ROLE)] for language in Language}
    for each in free.values():
        chance.shuffle(each)
    wanted = [(kind, language) for language in Language for kind in _EACH] + list(_ONCE)
    found = [_sample(chance, kind, language, _writer(kind, free[language])) for kind, language in wanted]
    found += [_sample(chance, Kind.SHARED, people[number - 1].language, people[number - 1]) for number in (COUPLE[0], ROLE)]
    chance.shuffle(found)
    return tuple(found)


def _writer(kind: Kind, free: list[Customer]) -> Customer | None:
    return None if kind in {Kind.STRANGER, Kind.AUTOMATIC, Kind.BROKEN} else free.pop()


def _sample(chance: random.Random, kind: Kind, language: Language, customer: Customer | None) -> SampleMail:
    wording = chance.choice([w for w in wordings() if w.kind is _WORDS_OF.get(kind, kind) and w.language is language])
    return written(chance, wording, customer, kind)


def written(chance: random.Random, wording: Wording, customer: Customer | None, kind: Kind | None = None) -> SampleMail:
    """``wording`` in the hand of ``customer``, or of somebody whom the register does not know."""
    kind = kind or wording.kind
    values = _values(chance, wording, customer)
    changes = {column: values[f"new_{column}"] for column in wording.fields}
    return SampleMail(
        kind=kind,
        language=wording.language,
        sender=values["email"],
        sender_name=values["name"] if chance.random() < 0.8 else "",  # noqa: PLR2004 - some programs send no name
        subject=wording.subject.format(**values),
        text=wording.text.format(**values),
        message_id=f"<{chance.getrandbits(64):016x}@{values['email'].partition('@')[2]}>",
        rights=() if kind in {Kind.AUTOMATIC, Kind.BROKEN} else wording.rights,
        changes=changes,
        customer=customer,
        style=chance.randrange(STYLES),
    )


def _values(chance: random.Random, wording: Wording, customer: Customer | None) -> dict[str, str]:
    """What stands in the wording's brackets."""
    words = vocabulary()[wording.language.value]
    if customer is None:
        first, last = chance.choice(words["first"]), chance.choice(words["last"])
        known = {
            "name": f"{first} {last}",
            "email": f"{plain(first)}.{plain(last)}.{chance.randrange(100, 999)}@example.org",
            "customer_number": "K-99999",
        }
    else:
        first, last = customer.first, customer.last
        known = {column.value: customer.values.get(column, "") for column in Column} | {"customer_number": customer.customer_number}
    new = {f"new_{column}": value for column, value in _new_address(chance, words, known).items()}
    return {**known, **new, "new_email": f"{plain(first)}.{chance.randrange(1_000, 9_999)}@example.org", "first": first, "last": last}


def _new_address(chance: random.Random, words: Mapping[str, Any], known: Mapping[str, str]) -> dict[Column, str]:
    """A new place, of which no value is the old one: a change must change something."""
    while True:
        found = address(words, chance)
        if all(found[column] != known.get(column.value) for column in found if column not in {Column.BOX, Column.COUNTRY}):
            return found


def dressed(envelope: Envelope, text: str, style: int) -> bytes:
    """The mail as one of :data:`STYLES` kinds of programs writes it: plain UTF-8, Latin-1, text with HTML, HTML with a signature."""
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(envelope.name, addr_spec=envelope.sender)
    message["To"] = envelope.to
    message["Subject"] = envelope.subject
    message["Date"] = format_datetime(envelope.when)
    message["Message-ID"] = envelope.message_id
    for name, value in envelope.more.items():
        message[name] = value
    if style == 1 and _fits_latin(text):
        message.set_content(text, charset="iso-8859-1", cte="quoted-printable")
    else:
        message.set_content(text, charset="utf-8", cte="base64" if style == 3 else "8bit")  # noqa: PLR2004 - a style's number
    if style in {2, 3}:
        message.add_alternative(_as_html(text), subtype="html", charset="utf-8", cte="quoted-printable")
    return message.as_bytes()


def _fits_latin(text: str) -> bool:
    try:
        text.encode("iso-8859-1")
    except UnicodeEncodeError:
        return False
    return True


def _as_html(text: str) -> str:
    paragraphs = "".join(f"<p>{escape(part).replace(chr(10), '<br>')}</p>" for part in text.strip().split("\n\n"))
    return f"<html><head><style>p {{ margin: 0 }}</style></head><body>{paragraphs}</body></html>\n"


def broken(sender: str, to: str, message_id: str) -> bytes:
    """A mail whose parts lie in one another more often than any reader can bear."""
    lines = [f"From: {sender}", f"To: {to}", "Subject: ?", f"Message-ID: {message_id}", "MIME-Version: 1.0"]
    for depth in range(60):
        lines += [f'Content-Type: multipart/mixed; boundary="b{depth}"', "", f"--b{depth}"]
    return "\r\n".join([*lines, "Content-Type: text/plain", "", "?", ""]).encode()
