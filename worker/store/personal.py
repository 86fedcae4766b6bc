"""Every table of the store with data about people, and how access, erasure and retention reach it.

Such a table has a column ``person``, or one that is ``sealed``; a test fails on one that is not named here. The names in
back-quotes are where it is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Reach:
    """How each of the three reaches a table. ``stays``: why a keyed hash of the address outlives all of them; empty if none does."""

    access: str
    erasure: str
    retention: str
    stays: str = ""


_FILE: Final = "kept: it is evidence of the request, and the letter says so with its date (`handlers.applied.handle`)"
_CASE: Final = "`store.retention.destroy_case`, [policy] request_file after the case was closed"
_WORDS: Final = "the person's own words, or ours to him: named by reference, not repeated (`casework.applied.own_holdings`)"

PERSONAL: Final[Mapping[str, Reach]] = {
    "cases": Reach("`casework.applied.own_holdings`: reference, day, origin and rights", _FILE, _CASE),
    "request": Reach("`casework.applied.own_holdings`: the rights of each case", _FILE, _CASE),
    "mail": Reach(_WORDS, _FILE, "`store.retention.destroy_case`, or `store.retention.destroy_mail` for one that belongs to no case"),
    "letter": Reach(
        _WORDS, f"one about newsletters goes with its reader (`store.newsletters.erase_person`); others are {_FILE}",
        "`store.retention.destroy_case`, or `store.retention.destroy_letter` for one that belongs to no case",
    ),
    "link": Reach(
        "a keyed hash of a token, and of the address it was mailed to: nothing to show", _FILE,
        "`store.retention.destroy_case`, or `store.retention.forget_links_before` for one that belongs to no case",
    ),
    "effect": Reach("what is planned is shown on the page of the request (`casework.status.view`)", _FILE, _CASE),
    "package": Reach("it is the answer itself (`casework.download.open_package`)", "gone with its link", "`store.packages.forget`"),
    "package_part": Reach("it is a part of the answer (`casework.download.rows`)", "gone with its link", "`store.packages.forget`"),
    "reader": Reach(
        "`store.newsletters.held_about`", "`store.newsletters.erase_person`", "`store.newsletters.forget_unconfirmed`; else as long as somebody reads"
    ),
    "subscription": Reach("`store.newsletters.held_about`", "`store.newsletters.erase_person`", "as long as its reader"),
    "delivery": Reach(
        "`store.newsletters.held_about`: how many were received", "the address goes with its reader (`store.newsletters.erase_person`)", "as long as its campaign",
        stays="what was sent to whom, and that it stopped, must be shown to whoever doubts it",
    ),
    "suppression": Reach(
        "`store.newsletters.held_about`: stopped, and since when", "written by it (`store.newsletters.erase_person`)", "none",
        stays="no import may bring the person back",
    ),
}  # fmt: skip
