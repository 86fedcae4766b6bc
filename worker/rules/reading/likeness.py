"""Whether two words are one, misspelt."""

from __future__ import annotations

from collections.abc import Sequence


def like(word: str, sender: Sequence[str]) -> bool:
    """Whether ``word`` is one of the sender's, or one of them misspelt."""
    return any(word == s or _near(word, s) for s in sender)


def _near(a: str, b: str) -> bool:
    if min(len(a), len(b)) < 4 or abs(len(a) - len(b)) > 3 or len(a) > 24:  # noqa: PLR2004 - letters
        return False
    if a[0] != b[0] and a[-3:] != b[-3:]:
        return False
    return distance(a, b) <= (1 if min(len(a), len(b)) <= 4 else 2 if min(len(a), len(b)) <= 6 else 3)  # noqa: PLR2004 - letters


def distance(a: str, b: str) -> int:
    """How many letters must be changed, left out or put in to make ``b`` of ``a``."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]
