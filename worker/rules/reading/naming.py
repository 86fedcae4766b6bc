"""The sender's name: as the mail gives it, and what a name told in part means in full."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from worker.rules.mail import InboundMail
from worker.rules.reading.likeness import distance, like
from worker.rules.reading.strip import Stripped
from worker.rules.reading.vocabulary import Vocabulary, fold_same

LONGEST_SIGNED: Final = 4  # words of a line in which somebody signs
SIGNATURE_LINES: Final = 8
_WORD: Final = re.compile(r"[^\W\d_](?:[\w'’-])*")
SHORTEST_TITLE: Final = 2  # characters: "J." is an initial


@dataclass(frozen=True, slots=True)
class Sender:
    """Who wrote: the name as displayed, and its folded words with those of the address and the last line."""

    name: str = field(default="", repr=False)
    words: tuple[str, ...] = field(default=(), repr=False)


def sender(mail: InboundMail, own: str, stripped: Stripped, vocabulary: Vocabulary) -> Sender:
    """What the From header and the signing line say of the sender's name."""
    shared = vocabulary.words["shared_mailboxes"]
    displayed = _displayed(mail.sender.name if mail.sender else "")
    local = mail.sender.mailbox.partition("@")[0] if mail.sender else ""
    displayed = " ".join(_untitled(displayed.split(), vocabulary))
    known = [w for text in (displayed, local.replace(".", " ").replace("_", " ")) for w in _words(text) if w not in shared]
    signed = "" if " " in displayed else _signed(own, mail.text, stripped)
    if not any(like(w, known) or any(k.startswith(w) for k in known) or (known and w[0] == local[:1].lower()) for w in _words(signed)):
        signed = ""
    name = displayed if " " in displayed else signed if " " in signed else ""
    return Sender(name, tuple(dict.fromkeys([*known, *(w for w in _words(signed) if w not in shared)])))


def unsigned(own: str, who: Sender) -> str:
    """``own`` with the lines blanked that follow the sender's name on a line of its own, unless a heading opens them."""
    lines = own.split("\n")
    for at in range(len(lines) - 1, max(0, len(lines) - 1 - SIGNATURE_LINES), -1):
        line = lines[at].strip(" ,.-*_|\t")
        if not line or not _signing(line, who):
            continue
        before = next((above.rstrip() for above in reversed(lines[:at]) if above.strip()), "")
        if before and not before.endswith(":") and (at == 0 or not lines[at - 1].strip() or before.endswith((".", "!", "?", ","))):
            return "\n".join([*lines[:at], *(" " * len(below) for below in lines[at:])])
    return own


def _signing(line: str, who: Sender) -> bool:
    """Whether the line is the sender's name, in full or the first name, and nothing else."""
    words = [w for w in parts(line) if len(w) > 1]
    return 0 < len(words) <= LONGEST_SIGNED and (
        same(line, who.name) or (len(words) == 1 and words[0] == parts(who.name)[:1][0]) if who.name else False
    )


def _untitled(words: list[str], vocabulary: Vocabulary) -> list[str]:
    while len(words) > 1 and (
        vocabulary.has("title_words", fold_same(words[0]).strip(".")) or (words[0].endswith(".") and len(words[0]) > SHORTEST_TITLE)
    ):
        words = words[1:]
    return words


def _displayed(name: str) -> str:
    """A displayed name, and "Kessler, Jörg" the right way round."""
    last, comma, first = name.strip(" \"'").partition(",")
    return f"{first.strip()} {last.strip()}" if comma and first.strip() else last


def _signed(own: str, text: str, stripped: Stripped) -> str:
    below = text[stripped.signature[0][0] : stripped.signature[0][1]].split("\n")[1:3] if stripped.signature else []
    last = own.rstrip().rpartition("\n")[2]
    tail = re.split(r"[.!?,] ", last)[-1] if len(last) > 40 else last  # noqa: PLR2004 - characters of a whole sentence
    for line in (*below, tail):
        found = _WORD.findall(line)
        if (
            1 <= len(found) <= LONGEST_SIGNED
            and not line.rstrip().endswith((".", "?", "!"))
            and not any(c.isdigit() or c in "@:" for c in line)
        ):
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
    near = fold_same(words[best])
    if not (like(fold_same(told), [near]) or fold_same(told).startswith(near) or near.startswith(fold_same(told))):
        best = len(words) - 1
    return " ".join([*words[:best], told, *words[best + 1 :]])


def renamed(new: str, old: str, who: Sender) -> str:
    """The sender's name with one word of it exchanged, "Maximilian, not Max"; nothing if that is not what is told."""
    words = who.name.split()
    if len(words) < 2 or len(new.split()) != 1 or parts(old) != [w for w in parts(who.name) if w == fold_same(old)][:1]:  # noqa: PLR2004
        return ""
    if fold_same(new) in parts(who.name):
        return ""
    return " ".join(new if fold_same(w) == fold_same(old) else w for w in words)


def same(a: str, b: str) -> bool:
    """Whether two names are written with the same words, in whatever case."""
    return a.casefold().split() == b.casefold().split()


def misspelt(lows: Sequence[str], who: Sender) -> bool:
    """Whether all words are like the sender's, or too short to say."""
    return all(like(low, who.words) or len(low) <= 3 for low in lows)  # noqa: PLR2004 - titles and initials


def turned(a: str, b: str) -> bool:
    """The same words in another order."""
    return sorted(parts(a)) == sorted(parts(b)) and parts(a) != parts(b)


def shares(a: str, b: Sequence[str]) -> bool:
    """Whether ``a`` has a word that is, or is like, one of ``b``."""
    return any(like(w, b) for w in parts(a))
