"""The reader with the data of the product, and mails of one line."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from worker.app import load_reader
from worker.rules.mail import Address, InboundMail
from worker.rules.reading.model import Reading
from worker.rules.reading.reader import Reader

HERE = Path(__file__).parent

Read = Callable[..., Reading]


def load(path: Path) -> dict[str, Any]:
    """One TOML file."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def written(prefixes: tuple[str, ...] = ("mails_", "hard_", "third_", "fresh_", "last_")) -> list[dict[str, Any]]:
    """Every written mail, with the language of its file."""
    found = []
    for path in sorted(HERE.glob("*.toml")):
        if path.stem.startswith(prefixes):
            found += [{"lang": path.stem[-2:], **mail} for mail in load(path)["mails"]]
    return found


def a_mail(text: str, subject: str = "", **more: Any) -> InboundMail:
    """A mail of Ann's."""
    sender = Address(more.pop("sender", "ann@example.com"))
    return InboundMail(message_id="<1@example.com>", sender=sender, subject=subject, text=text, **more)


@pytest.fixture(scope="session")
def reader() -> Reader:
    """The reader of the product."""
    return load_reader()


@pytest.fixture(scope="session")
def read(reader: Reader) -> Read:
    """Read a text."""
    return lambda text, subject="", **more: reader.read(a_mail(text, subject, **more))
