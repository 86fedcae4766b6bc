"""The sender's name: as the mail gives it, and what a name told in part means in full."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from worker.rules.mail import InboundMail
from worker.rules.reading.mentions import distance, like
from worker.rules.reading.strip import Stripped
from worker.rules.reading.vocabulary import fold_same

LONGEST_SIGNED: Final = 4  # words of a line in which somebody signs
_WORD: Final = re.compile(r"[^\W\d_](?:[\w'’-])*")
_SHARED: Final = frozenset(
    "info post mail contact office kontakt secretariat secretariaat accueil kantoor cabinet praxis praktijk sales admin boekhouding compta factures buero service team familie famille frau herr mag prof the the the and und van von der den de".split()
)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who wrote: the name as displayed, and its folded words with those of the address and the last line."""

    name: str = field(default="", repr=False)
    words: tuple[str, ...] = field(default=(), repr=False)


def sender(mail: InboundMail, own: str, stripped: Stripped) -> Sender:
    """What the From header and the signing line say of the sender's name."""
    displayed = _displayed(mail.sender.name if mail.sender else "")
    local = mail.sender.mailbox.partition("@")[0] if mail.sender else ""
    signed = _signed(own, mail.text, stripped)
    words = [w for text in (displayed, local.replace(".", " ").replace("_", " "), signed) for w in _words(text)]
    name = displayed if " " in displayed else ""
    return Sender(name or (signed if " " in signed else ""), tuple(dict.fromkeys(w for w in words if w not in _SHARED)))


def _displayed(name: str) -> str:
    """ "Kessler, Jörg" the right way round."""
    last, comma, first = name.strip(" \"'").partition(",")
    return f"{first.strip()} {last.strip()}" if comma and first.strip() else last


def _signed(own: str, text: str, stripped: Stripped) -> str:
    below = text[stripped.signature[0][0] : stripped.signature[0][1]].split("\n")[1:3] if stripped.signature else []
    last = own.rstrip().rpartition("\n")[2]
    tail = re.split(r"[.!?,] ", last)[-1] if len(last) > 40 else last  # noqa: PLR2004 - characters of a whole sentence
    for line in (*below, tail):
        found = _WORD.findall(line)
        if 1 <= len(found) <= LONGEST_SIGNED and not any(c.isdigit() or c in "@:" for c in line):
            return line.strip(" .,-!\t")
    return ""


def _words(text: str) -> list[str]:
    return [w for w in _WORD.findall(fold_same(text)) if len(w) > 2]  # noqa: PLR2004 - letters


def parts(text: str) -> list[str]:
    """The folded words of a name."""
    return fold_same(text).replace(".", " ").split()


def complete(told: str, other: str, who: Sender) -> str:
    """A name told in part, in full: as the sender's header has it, else by its place in ``other``."""
    words = parts(told)
    if not words:
        return told
    known = parts(who.name)
    if len(words) < len(known) and all(w in known for w in words):
        start = min(known.index(w) for w in words)
        return told if known[start].endswith(".") else who.name
    if len(words) == 1 and len(parts(other)) > 1:
        return _replaced(told, other)
    return told


def _replaced(told: str, other: str) -> str:
    """``other`` with the word that ``told`` is most like exchanged; its last word if none is like it."""
    words = other.split()
    scores = [distance(fold_same(told)[:24], fold_same(w)[:24]) for w in words]
    best = scores.index(min(scores))
    if not like(fold_same(told), [fold_same(words[best])]):
        best = len(words) - 1
    return " ".join([*words[:best], told, *words[best + 1 :]])


def same(a: str, b: str) -> bool:
    """Are two names written with the same words, in whatever case?"""
    return a.casefold().split() == b.casefold().split()


def shares(a: str, b: Sequence[str]) -> bool:
    """Has ``a`` a word that is, or is like, one of ``b``?"""
    return any(like(w, b) for w in parts(a))
