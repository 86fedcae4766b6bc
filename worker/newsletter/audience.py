"""Who gets a newsletter, in which language, and whether still."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from worker.rules.model import Language


class Still(StrEnum):
    """What to do with a reader right before the message leaves."""

    SEND = "send"
    SKIP = "skip"  # stopped, or erased: nothing more for this reader
    LOST = "lost"  # another process has this reader now
    HALT = "halt"  # the newsletter itself was called off


def edition_language(wanted: Language, written: Collection[Language], company: Iterable[Language]) -> Language:
    """The reader's language if the newsletter is written in it, else the first of the company's languages that it is written in.

    ``written`` is not empty.
    """
    if wanted in written:
        return wanted
    return next((each for each in company if each in written), min(written))


def still(*, ours: bool, sending: bool, suppressed: bool, subscribed: bool) -> Still:
    """``ours``: this process holds the reader; ``sending``: the newsletter is going out."""
    if not sending:
        return Still.HALT
    if not ours:
        return Still.LOST
    return Still.SEND if subscribed and not suppressed else Still.SKIP
