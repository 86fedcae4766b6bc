"""Values out of the sender's own words: who he says he is, and for corrections field, old and new.

``vocabulary`` cuts the text into tokens and finds cues and labels, ``mentions`` finds what may be a value, ``roles``
says which is old and which is new, ``tables`` reads rows and blocks, ``naming`` completes names, ``gather`` puts the
changes together. Nothing is read from quotes, signatures or boilerplate. What is ambiguous is reported as doubtful,
never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from worker.rules.mail import InboundMail
from worker.rules.model import Change, Column, Language
from worker.rules.reading import gather, naming
from worker.rules.reading.model import Evidence, Fields, Part
from worker.rules.reading.strip import Stripped
from worker.rules.reading.vocabulary import Kind, Scan, Vocabulary, fold_same, likeliest, scan

MOST_CHARACTERS: Final = 6_000  # of own text that are searched for values
MOST_SUBJECT: Final = 200

# A point belongs to an initial only: behind a whole word it ends the sentence.
_NAME: Final = r"(?:(?:[^\W\d_]\.-?){1,3}|[^\W\d_][\w'’-]{0,30})(?: (?:(?:[^\W\d_]\.-?){1,3}|[^\W\d_][\w'’-]{0,30})){0,4}"
_PERSON: Final = re.compile(
    r"(?:(?:[A-ZÀ-Þ]\.-?){1,3}|[A-ZÀ-Þ][\w'’-]{0,30})"
    r"(?: (?:(?:van|de|der|den|von|zu|du|la|le|di|'t|ter|ten) ){0,3}(?:(?:[A-ZÀ-Þ]\.-?){1,3}|[A-ZÀ-Þ][\w'’-]{0,30})){0,4}"
)
_FORWARDED: Final = re.compile(r"\s{0,4}(?:re|aw|antw|antwort|sv|réf|betr|fwd?|tr|wg|doorst)\s{0,2}(?:\[\d{1,3}\])?\s{0,2}:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Values:
    """The compiled tables ``[fields]``, ``[cues]`` and ``[extract]``."""

    vocabularies: Mapping[Language, Vocabulary]
    customer_number: re.Pattern[str]
    introduced: re.Pattern[str]

    @classmethod
    def from_data(cls, data: Mapping[str, Mapping[str, Any]]) -> Values:
        """Compile; raises ``ValueError`` for a field that is no column or a role that does not exist."""
        return cls(
            {language: Vocabulary.from_data(data, language.value) for language in Language},
            re.compile(str(data["shared"]["extract"]["customer_number"])),
            _any(data, "introduced", _NAME),
        )


def _any(data: Mapping[str, Mapping[str, Any]], name: str, value: str) -> re.Pattern[str]:
    parts = [
        p.replace("{name}", f"(?P<v{i}>{value})")
        for i, p in enumerate(p for t in data.values() for p in t.get("extract", {}).get(name, ()))
    ]
    return re.compile("|".join(parts or ["(?!)"]))


@dataclass(frozen=True, slots=True)
class Extraction:
    """What was read. ``doubtful``: a value whose role or column is unclear, so that no change is complete."""

    fields: Fields = field(default_factory=Fields)
    doubtful: bool = False
    bank: bool = False
    because: tuple[Evidence, ...] = ()


def extract(mail: InboundMail, stripped: Stripped, language: Language, values: Values) -> Extraction:
    """Read all values of ``mail``."""
    subject = "" if _FORWARDED.match(mail.subject) else mail.subject[:MOST_SUBJECT].replace("\n", " ")
    lead = f"{subject}\n\n"
    own = _own(mail.text, stripped)
    vocabulary = likeliest(lead + own, values.vocabularies[language], values.vocabularies.values())
    sender = naming.sender(mail, own, stripped, vocabulary)
    found = scan(lead + naming.unsigned(own, sender), vocabulary)
    read = gather.changes(found, vocabulary, language, sender)
    name = _introduced(own, values)
    changes = tuple(c for c in read.changes if not _introduces(c, name))
    changed = {c.new for c in changes} | {c.old for c in changes}
    emails = [own for own in _emails(found) if own not in changed]
    fields = Fields(None if name in changed else name, emails[0] if emails else None, _number(own, mail, values), changes)
    return Extraction(fields, read.doubtful, found.bank, tuple(_evidence(s, len(lead)) for s in read.said))


def _introduces(change: Change, name: str | None) -> bool:
    """Whether this only says who writes ("my name is Ann"): a name is corrected where the old one stands beside it."""
    return name is not None and change.column is Column.NAME and change.old is None and change.new.casefold() == name.casefold()


def _evidence(said: gather.Said, lead: int) -> Evidence:
    """Where a value stands: offsets of the subject or of the body."""
    rule = f"value.{said.column.value}.{said.role.value}"
    start, end = said.span
    if start < lead:
        return Evidence(rule, Part.SUBJECT, (start, end), said.written)
    return Evidence(rule, Part.BODY, (start - lead, end - lead), said.written)


def _emails(found: Scan) -> list[str]:
    return [found.text[t.start : t.end] for t in found.tokens if t.kind is Kind.EMAIL]


def _own(text: str, stripped: Stripped) -> str:
    """The sender's own words as one text: everything else is blanked, so that offsets stay."""
    parts: list[str] = []
    at = 0
    for start, end in stripped.own:
        if start >= MOST_CHARACTERS:
            break
        parts += [re.sub(r"[^\n]", " ", text[at:start]), text[start:end]]
        at = end
    return "".join(parts)[:MOST_CHARACTERS]


def _introduced(own: str, values: Values) -> str | None:
    """The name with which the writer introduces himself."""
    match = values.introduced.search(own)
    if match is None:
        return None
    name = next(v for v in match.groupdict().values() if v).strip(" .,")
    person = _PERSON.match(name)
    return (person.group().strip(" .,") if person else "") or None


def _number(own: str, mail: InboundMail, values: Values) -> str | None:
    for text in (own, mail.subject):
        match = values.customer_number.search(fold_same(text))
        if match is not None:
            return text[slice(*match.span("value"))].strip(" .-/")
    return None
