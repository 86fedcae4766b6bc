"""Whether two ways of writing a name can mean one person. Pure, and on the safe side: what is not sure differs."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

#: What stands beside a name and says nothing about who it is, in the desk's languages.
_TITLES: Final = frozenset({
    "mr", "mrs", "ms", "miss", "dr", "prof", "ing", "ir", "sir", "madam", "dhr", "heer", "mevr", "mevrouw", "mw", "mej", "meneer",
    "m", "mme", "mlle", "madame", "monsieur", "maitre", "me", "herr", "frau", "fr", "hr", "dipl", "mag", "familie", "family",
})  # fmt: skip
#: Parts that are left out or written together as often as not: Van den Berghe, Vandenberghe.
_PARTICLES: Final = frozenset({
    "van", "von", "vande", "vanden", "vander", "van't", "de", "den", "der", "des", "du", "di", "da", "del", "della", "la", "le", "les",
    "l", "d", "t", "ten", "ter", "te", "zu", "zum", "zur", "af", "el", "al", "y",
})  # fmt: skip
_WORD: Final = re.compile(r"[^\W\d_]+")
_TYPO_FROM: Final = 5  # letters from which one wrong letter is a slip of the pen
_JOINED_FROM: Final = 4  # letters of a name that a particle may be joined to: Desmet, De Smet


def same_person(given: str, on_record: str) -> bool:
    """True if ``given`` can be the person of ``on_record``: other order, initials, a missing or added part, one wrong letter.

    A first name alone fits. Where either side has no name at all there is nothing that differs.
    """
    mine, theirs = _parts(given), _parts(on_record)
    if not mine or not theirs:
        return True
    fewer, more = sorted((mine, theirs), key=len)
    return _each_found(fewer, more)


def _parts(name: str) -> list[str]:
    folded = "".join(c for c in unicodedata.normalize("NFKD", name.casefold().replace("ß", "ss")) if not unicodedata.combining(c))
    words = [w for w in _WORD.findall(folded) if w not in _TITLES]
    return [w for w in words if w not in _PARTICLES] or words


def _each_found(fewer: list[str], more: list[str]) -> bool:
    """Every part of the shorter name is a part of the longer one, each used once, and one of them in full."""
    left, full = list(more), False
    for part in sorted(fewer, key=len, reverse=True):
        found = next((other for other in left if _alike(part, other)), None)
        if found is None:
            return False
        left.remove(found)
        full = full or min(len(part), len(found)) > 1
    return full


def _alike(one: str, other: str) -> bool:
    if one == other or (min(len(one), len(other)) == 1 and one[0] == other[0]):
        return True
    shorter = min(len(one), len(other))
    joined = shorter >= _JOINED_FROM and (one.endswith(other) or other.endswith(one))
    return joined or (shorter >= _TYPO_FROM and _one_slip(one, other))


def _one_slip(one: str, other: str) -> bool:
    """One letter wrong, missing, added, or two exchanged."""
    if abs(len(one) - len(other)) > 1:
        return False
    start = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    a, b = one[start:], other[start:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or (a[:2] == b[1::-1] and a[2:] == b[2:])
