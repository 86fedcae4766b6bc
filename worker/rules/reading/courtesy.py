"""A mail of nothing but thanks: it needs neither an answer nor a person. Anything more, and it is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from worker.rules.mail import InboundMail
from worker.rules.reading.strip import Stripped
from worker.rules.reading.tokens import Sentence, spellings, words_of

_Phrases = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Courtesy:
    """For each language phrases of thanks, and what may stand beside them. ``most_words``: a longer mail says more."""

    languages: tuple[tuple[_Phrases, _Phrases], ...]
    most_words: int

    @classmethod
    def from_data(cls, data: Mapping[str, Mapping[str, Any]]) -> Courtesy:
        """Compile the ``[courtesy]`` tables of the data."""
        tables = [table["courtesy"] for name, table in sorted(data.items()) if name != "shared"]
        return cls(tuple((_phrases(t["thanks"]), _phrases(t["beside"])) for t in tables), data["shared"]["courtesy"]["most_words"])

    def only(self, mail: InboundMail, stripped: Stripped, body: Sequence[Sentence]) -> bool:
        """True if the sender's own words are thanks in one language and nothing else, but for a greeting and his name."""
        words = [word.fold for sentence in body for word in sentence.words]
        if not 0 < len(words) <= self.most_words or stripped.all_quoted or mail.attachments or any(s.question for s in body):
            return False
        sender = f"{mail.sender.name} {mail.sender.mailbox.partition('@')[0]}" if mail.sender else ""
        names = tuple((word,) for word in words_of(sender.replace(".", " ")))
        return any(_are_thanks(words, thanks, (*beside, *names)) for thanks, beside in self.languages)


def _phrases(phrases: Sequence[str]) -> _Phrases:
    """Folded, the longest first."""
    folded = {words_of(spelling) for phrase in phrases for spelling in spellings(phrase)}
    return tuple(sorted(folded, key=len, reverse=True))


def _are_thanks(words: Sequence[str], thanks: _Phrases, beside: _Phrases) -> bool:
    at, thanked = 0, False
    while at < len(words):
        said = _said(words, at, thanks)
        thanked = thanked or bool(said)
        step = said or _said(words, at, beside)
        if not step:
            return False
        at += step
    return thanked


def _said(words: Sequence[str], at: int, phrases: _Phrases) -> int:
    """How many words from ``at`` on are one of ``phrases``; 0 for none."""
    return next((len(phrase) for phrase in phrases if tuple(words[at : at + len(phrase)]) == phrase), 0)
