"""What makes a reading doubtful: fields named without a value, other people beside a value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from worker.rules.model import Column
from worker.rules.reading import naming
from worker.rules.reading.values import Mention
from worker.rules.reading.vocabulary import Cue, Kind, LabelAt, Role, Scan, Vocabulary

_ADDRESS: Final = frozenset({Column.STREET, Column.TOWN, Column.POSTCODE, Column.NUMBER, Column.BOX, Column.COUNTRY, Column.COMPANY})


def unread(scan: Scan, read: set[Column]) -> list[Column]:
    """Fields that the mail calls new, wrong or missing, or follows with a colon, but for which no value was read."""
    implied = _implied(read)
    found = []
    for label in scan.labels:
        if label.column is None or label.column in read or Role.KEEP in scan.roles_in(scan.sentence[label.start]):
            continue
        heads = _colon(scan, label) and not (label.column is Column.NAME and label.column in implied)
        if heads or (label.column not in implied and _announced(scan, label)):
            found.append(label.column)
    return found


def elsewhere(scan: Scan, last: int) -> bool:
    """Whether the mail points at values that stand elsewhere: below, attached, in the signature. ``last``: where the last value was read."""
    return any(c.role is Role.POINTER and scan.tokens[c.start].start >= last for c in scan.cues)


def _implied(read: set[Column]) -> set[Column]:
    """Fields that words of those read may name: "the name of my street", "our office has moved", a number on a mobile."""
    implied = set(read)
    if read & {Column.MOBILE, Column.TELEPHONE, Column.OFFICE}:
        implied |= {Column.TELEPHONE}
    if read & {Column.COMPANY, Column.STREET}:
        implied |= {Column.NAME, Column.STREET, Column.TOWN, Column.NUMBER, Column.POSTCODE}
    if Column.STREET in read:
        implied |= {Column.COMPANY, Column.OFFICE}
    return implied


def _announced(scan: Scan, label: LabelAt) -> bool:
    before = scan.cue_ends.get(label.start)
    behind = next((c for i in range(label.end, label.end + 3) if (c := scan.cue_starts.get(i))), None)
    new = before is not None and before.role in {Role.NEW, Role.ADD}
    return new or (behind is not None and behind.role in {Role.WRONG, Role.ADD, Role.REPLACE})


def _colon(scan: Scan, label: LabelAt) -> bool:
    return label.end < len(scan.tokens) and scan.tokens[label.end].low == ":"


def left(scan: Scan, words: Vocabulary, settled: Sequence[Mention], who: naming.Sender) -> bool:
    """Whether a word with a capital stands directly behind "it is" that no field has claimed; German nouns all look so."""
    if words.nouns:
        return False
    taken = {i for m in settled for i in range(m.start, m.end)}
    for cue in scan.cues:
        if cue.role is not Role.WEAK or cue.end >= len(scan.tokens) or cue.end in taken:
            continue
        token = scan.tokens[cue.end]
        own = token.low in who.words or token.low in words.words["stop"] or token.low in words.words["fillers"]
        if token.capital and token.kind is Kind.WORD and not own and token.low[1:2] != "-" and cue.end not in scan.labelled:
            return True
    return False


def others(scan: Scan, words: Vocabulary, mention: Mention, who: naming.Sender) -> bool:
    """Whether another person stands before the value in its sentence: "my mother", "Mr Ashworth", "the number of Sam"."""
    sentence = scan.sentence[mention.start]
    for cue in scan.cues_of.get(sentence, ()):
        if (
            cue.role is Role.OTHER
            and cue.end <= mention.start
            and not _greets(scan, words, cue)
            and not _self(scan, words, cue.end, mention)
        ):
            return True
    for label in scan.labels_of.get(sentence, ()):
        at = label.end
        if label.column in _ADDRESS or _self(scan, words, at, mention):
            continue
        if at + 1 < min(mention.start, len(scan.tokens)) and words.has("of_words", scan.tokens[at].low):
            token = scan.tokens[at + 1]
            if token.capital and token.kind is Kind.WORD and token.low not in who.words and at + 1 not in scan.labelled:
                return True
    return _third(scan, words, mention, who)


def _self(scan: Scan, words: Vocabulary, start: int, mention: Mention) -> bool:
    """Whether the sender speaks of himself between ``start`` and the value."""
    return any(words.has("first_person", t.low) for t in scan.tokens[start : mention.start])


def _greets(scan: Scan, words: Vocabulary, cue: Cue) -> bool:
    """Whether the cue is part of a greeting: "Dear Mr Ashworth", "Bonjour Madame"."""
    before = scan.tokens[max(0, cue.start - 2) : cue.start]
    return any(words.has("greetings", t.low) for t in before) or scan.tokens[min(cue.end, len(scan.tokens) - 1)].low == ","


def _third(scan: Scan, words: Vocabulary, mention: Mention, who: naming.Sender) -> bool:
    """Whether somebody else is the subject: "Bruno habite désormais ...", "Jez's surname is ..."."""
    sentence = scan.sentence[mention.start]
    at = mention.start
    while at > 0 and scan.sentence[at - 1] == sentence:
        at -= 1
        token = scan.tokens[at]
        if token.kind is not Kind.WORD or not token.capital or token.low in who.words or at in scan.cued or at in scan.labelled:
            continue
        behind = scan.tokens[at + 1].low if at + 1 < mention.start else ""
        if (words.has("third_verbs", behind) or token.low.endswith("'s")) and not _self(scan, words, at, mention):
            return True
    return False
