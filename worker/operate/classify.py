"""``privacy-desk classify``: what the desk would understand of given mails. Reads files, changes nothing, needs no settings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from worker.errors import ConfigurationError, UnreadableMail
from worker.mail.parse import parse
from worker.rules.reading.model import Exit, Reading

if TYPE_CHECKING:
    from worker.rules.reading.reader import Reader

_MBOX: Final = b"From "
_ESCAPED: Final = re.compile(rb">+From ")


def classify(paths: Iterable[Path], reader: Reader) -> Iterator[dict[str, Any]]:
    """One record per mail in ``paths``: .eml files, folders, mbox files, Maildirs. ConfigurationError if a path does not exist."""
    for path in paths:
        if not path.exists():
            raise ConfigurationError(str(path), "does not exist", "Name a mail file, a folder, an mbox or a Maildir.")
        for name, raw in _mails(path):
            yield record(name, raw, reader)


def as_line(found: Mapping[str, Any]) -> str:
    """The record for people: id, exit, language, labels, reasons."""
    labels, reasons = ", ".join(found["labels"]) or "-", ", ".join(found["reasons"])
    return f"{found['id']}: {found['exit']} [{found['lang'] or '?'}] {labels}{f' ({reasons})' if reasons else ''}"


def as_json(found: Mapping[str, Any]) -> str:
    """The record on one line of JSON."""
    return json.dumps(found, ensure_ascii=False)


def record(name: str, raw: bytes, reader: Reader) -> dict[str, Any]:
    """What the desk understands of one mail; a mail that cannot be read has no labels and the reason ``unreadable``."""
    try:
        return _record(name, reader.read(parse(raw)))
    except UnreadableMail as error:
        return _unreadable(name, error, reader)


def _record(name: str, reading: Reading) -> dict[str, Any]:
    fields = reading.fields
    return {
        "id": name,
        "exit": reading.exit.value,
        "labels": [label.value for label in reading.labels],
        "flagged": reading.exit is Exit.STAFF,
        "reasons": [reason.value for reason in reading.reasons],
        "lang": reading.language.value,
        "fields": {
            "name": fields.name,
            "email": fields.email,
            "customer_number": fields.customer_number,
            "changes": [{"field": c.column.value, "old": c.old, "new": c.new} for c in fields.changes],
        },
        "because": [{"rule": e.rule, "part": e.part.value, "span": list(e.span), "text": e.text} for e in reading.because],
        "versions": dict(reading.versions),
    }


def _unreadable(name: str, error: UnreadableMail, reader: Reader) -> dict[str, Any]:
    return {
        "id": name,
        "exit": Exit.STAFF.value,
        "labels": [],
        "flagged": True,
        "reasons": ["unreadable", error.reason],
        "lang": None,
        "fields": {"name": None, "email": None, "customer_number": None, "changes": []},
        "because": [],
        "versions": dict(reader.versions),
    }


def _mails(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.is_file():
        yield from _file(path)
    elif (path / "cur").is_dir() and (path / "new").is_dir():
        yield from _maildir(path)
    else:
        for below in sorted(path.iterdir()):
            if below.is_dir() or not below.name.startswith("."):
                yield from _mails(below)


def _file(path: Path) -> Iterator[tuple[str, bytes]]:
    with path.open("rb") as file:
        if file.read(len(_MBOX)) == _MBOX:
            file.seek(0)
            for number, raw in enumerate(_mbox(file), start=1):
                yield f"{path}#{number}", raw
            return
    yield str(path), path.read_bytes()


def _mbox(file: BinaryIO) -> Iterator[bytes]:
    """The mails of an mbox file; a line that begins with ``>From`` loses one ``>`` (mboxrd)."""
    mail: list[bytes] = []
    after_blank = True
    for line in file:
        if after_blank and line.startswith(_MBOX):
            if mail:
                yield b"".join(mail)
            mail = []
        else:
            mail.append(line[1:] if _ESCAPED.match(line) else line)
        after_blank = not line.strip(b"\r\n")
    if mail:
        yield b"".join(mail)


def _maildir(path: Path) -> Iterator[tuple[str, bytes]]:
    for folder in ("cur", "new"):
        for file in sorted((path / folder).iterdir()):
            yield str(file), file.read_bytes()
