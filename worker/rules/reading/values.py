"""What may be a value: a mention, and the family of values that can stand for each other."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from worker.rules.model import Column
from worker.rules.reading.vocabulary import Role


class Family(StrEnum):
    """Values that can stand for each other: only they can be old and new of one change."""

    EMAIL = "email"
    PHONE = "phone"
    ADDRESS = "address"
    SMALL = "small"  # house numbers, boxes, postcodes, rooms
    TEXT = "text"  # names, companies, functions, towns, countries


@dataclass(frozen=True, slots=True)
class Mention:
    """A possible value in the tokens ``start`` to before ``end``; ``column`` where its form or a label says it."""

    family: Family
    start: int
    end: int
    parts: tuple[tuple[Column, str], ...] = field(default=(), repr=False)
    text: str = field(default="", repr=False)
    column: Column | None = None
    strict: bool = False
    quoted: bool = False
    full: bool = False  # a name of several words, all of them like the sender's
    role: Role | None = None  # NEW, OLD, KEEP or CONTACT, once it is known
    weak: bool = False  # perhaps NEW


def with_column(mention: Mention, column: Column) -> Mention:
    """The same mention, said to be a value of ``column``."""
    return replace(mention, column=column, parts=((column, mention.text),))
