"""The mails of the corpus: read from text files, checked, and made into real messages.

``WRITING.md`` beside this file says how they are written. Families stay together: one family, one side of every split.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Final

from worker.rules.model import Column
from worker.rules.reading.model import Exit, Label

FOLDER: Final = Path(__file__).parent / "mails"
LANGUAGES: Final = ("en", "nl", "fr", "de", "xx")
HELD_OUT: Final = 20  # per cent of the families

_HEADER: Final = re.compile(r"([A-Za-z][A-Za-z0-9-]*):\s?(.*)")
_VALUE: Final = re.compile(r"(\w+)\s*:\s*(.*?)\s*->\s*(.*)")


class Why(StrEnum):
    """Why a mail must be seen by a person."""

    NEGATED = "negated"
    CONDITIONAL = "conditional"
    WITHDRAWN = "withdrawn"
    QUOTED = "quoted"
    FORWARDED = "forwarded"
    PAST = "past"
    THIRD_PERSON = "third-person"
    MANDATE = "mandate"
    SARCASM = "sarcasm"
    THREAT = "threat"
    AUTHORITY = "authority"
    COMPLAINT = "complaint"
    INJECTION = "injection"
    UNCLEAR = "unclear"
    NO_VALUE = "no-value"
    SENSITIVE = "sensitive"
    BANK = "bank"
    FOREIGN = "foreign"
    SEVERAL = "several"
    FOLLOW_UP = "follow-up"
    HYPOTHETICAL = "hypothetical"
    STANCE = "stance"


class MalformedCorpus(ValueError):
    """A corpus file does not keep the format; the message names the file, the line and the mend."""


@dataclass(frozen=True, slots=True)
class Value:
    """One corrected value as a careful reader takes it from the mail; ``old`` is empty where none is told."""

    column: Column
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Sample:
    """One mail with what is right for it. ``headers`` are real header fields, in the order of the file."""

    id: str  # FAMILY#n, n from 1
    family: str
    language: str
    labels: tuple[Label, ...]
    exit: Exit
    why: tuple[Why, ...]
    headers: tuple[tuple[str, str], ...]
    values: tuple[Value, ...]
    body: str = field(repr=False)
    html: bool = False
    source: str = ""  # the file it stands in

    @property
    def held_out(self) -> bool:
        """True for the families that measure and never teach."""
        return held_out(self.family)

    def header(self, name: str) -> str:
        """The first header of that name, or nothing."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


def held_out(family: str) -> bool:
    """One family in five, chosen by its name alone: nobody picks them, and adding files moves none."""
    return int.from_bytes(sha256(family.encode()).digest()[:4], "big") % 100 < HELD_OUT


def load(folder: Path = FOLDER) -> list[Sample]:
    """Every mail of a folder's ``.txt`` files, in the order of file names. Raises MalformedCorpus."""
    found: list[Sample] = []
    families: dict[str, str] = {}
    for file in sorted(folder.glob("*.txt")):
        for sample in parse(file.read_text("utf-8"), file.name):
            if families.setdefault(sample.family, file.name) != file.name:
                raise MalformedCorpus(f"{file.name}: the family {sample.family} stands in {families[sample.family]} too: rename it")
            found.append(sample)
    return found


def parse(text: str, source: str) -> list[Sample]:
    """The mails of one file. Raises MalformedCorpus."""
    samples: list[Sample] = []
    family, head, start = "", "", 0
    lines: list[str] = []
    counts: dict[str, int] = {}

    def finish() -> None:
        if head:
            counts[family] = counts.get(family, 0) + 1
            samples.append(_sample(f"{family}#{counts[family]}", family, head, lines, f"{source}:{start}"))

    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("%%%"):
            finish()
            family, head = line[3:].strip(), ""
            if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{2,79}", family) or family in counts:
                raise MalformedCorpus(f"{source}:{number}: '{family}' is no new family name (small letters, digits, hyphens; once)")
            counts[family] = 0
        elif line.startswith("%%"):
            finish()
            if not family:
                raise MalformedCorpus(f"{source}:{number}: a mail without a family: begin with a line '%%% name'")
            head, lines, start = line[2:].strip(), [], number
        elif head:
            lines.append(line)
        elif line.strip():
            raise MalformedCorpus(f"{source}:{number}: text outside a mail")
    finish()
    return samples


def _sample(name: str, family: str, head: str, lines: list[str], at: str) -> Sample:
    parts = [p.strip() for p in head.split("|")]
    try:
        language, labels, exit_ = parts[0], tuple(Label(x.strip()) for x in parts[1].split(",")), Exit(parts[2])
        why = tuple(Why(x.strip()) for x in re.split(r"[,\s]+", parts[3]) if x.strip()) if len(parts) > 3 else ()
    except (ValueError, IndexError) as error:
        raise MalformedCorpus(f"{at}: '{head}' is not 'language | labels | exit | why': {error}") from None
    if language not in LANGUAGES:
        raise MalformedCorpus(f"{at}: unknown language {language}")
    if (exit_ is Exit.STAFF) != bool(why):
        raise MalformedCorpus(f"{at}: a mail for staff says why, and only such a mail")
    headers, values, body = _headers(lines, at)
    html = any(key.lower() == "format" and value == "html" for key, value in headers)
    kept = tuple((key, value) for key, value in headers if key.lower() != "format")
    return Sample(name, family, language, labels, exit_, why, kept, values, body, html, at)


def _headers(lines: list[str], at: str) -> tuple[list[tuple[str, str]], tuple[Value, ...], str]:
    headers: list[tuple[str, str]] = []
    values: list[Value] = []
    for index, line in enumerate(lines):
        if not line.strip():
            return headers, tuple(values), "\n".join(lines[index + 1 :]).strip("\n") + "\n"
        found = _HEADER.fullmatch(line)
        if found is None:
            raise MalformedCorpus(f"{at}: '{line[:60]}' is no header: an empty line stands before the body")
        if found[1].lower() == "value":
            values.append(_value(found[2], at))
        else:
            headers.append((found[1], found[2].strip()))
    return headers, tuple(values), ""


def _value(text: str, at: str) -> Value:
    found = _VALUE.fullmatch(text.strip())
    if found is None or found[1] not in set(Column):
        raise MalformedCorpus(f"{at}: '{text}' is not 'field: old -> new'")
    return Value(Column(found[1]), found[2], found[3])


def message(sample: Sample) -> bytes:
    """The mail as it comes over the wire."""
    made = EmailMessage(policy=SMTP.clone(utf8=False))
    names = {name.lower() for name, _ in sample.headers}
    if "from" not in names:
        made["From"] = "Kim Doe <kim.doe@example.com>"
    made["To"] = "privacy@desk.example"
    made["Date"] = "Mon, 02 Mar 2026 09:00:00 +0100"
    if "message-id" not in names:
        made["Message-ID"] = f"<{sha256(sample.id.encode()).hexdigest()[:20]}@mail.example>"
    for name, value in sample.headers:
        if name.lower() not in {"to", "date", "content-type", "mime-version", "content-transfer-encoding"} and name not in made:
            made[name] = value
    made.set_content(sample.body, subtype="html" if sample.html else "plain")
    return made.as_bytes()
