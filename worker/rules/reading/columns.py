"""The column of a loose value: what its label, its partner or its sentence says it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from worker.rules.model import Column
from worker.rules.reading import values
from worker.rules.reading.values import Family, Mention
from worker.rules.reading.vocabulary import Kind, Role, Scan, Vocabulary

_TEXTUAL: Final = frozenset({Column.NAME, Column.COMPANY, Column.FUNCTION, Column.OFFICE, Column.TOWN, Column.COUNTRY, Column.STREET})
SMALL: Final = frozenset({Column.NUMBER, Column.BOX, Column.POSTCODE, Column.OFFICE})
POSTCODE_DIGITS: Final = 4
QUOTED_WORDS: Final = 4  # of a value in quotation marks
PARTNERS: Final = 8  # mentions before and behind among which the other half of a change is looked for


def columns(scan: Scan, words: Vocabulary, assigned: Sequence[Mention]) -> list[Mention]:
    """The column of every loose mention: its own, its label's, its partner's, or that of the sentence."""
    out = list(assigned)
    for at, mention in enumerate(out):
        if mention.parts or mention.role not in {Role.NEW, Role.OLD, None} or mention.family not in {Family.SMALL, Family.TEXT}:
            continue
        if mention.role is None and not mention.weak:
            continue
        column = _column(scan, words, mention, out, at)
        if column is not None:
            out[at] = values.with_column(mention, column)
    return out


def _column(scan: Scan, words: Vocabulary, mention: Mention, out: Sequence[Mention], at: int) -> Column | None:
    wanted = SMALL if mention.family is Family.SMALL else _TEXTUAL
    partner = _partner(scan, mention, out, at)
    near = label(scan, mention, wanted)
    beside = partner.column if partner is not None else None
    if mention.column is Column.NAME and Column.COMPANY in {beside, near}:
        return Column.COMPANY
    if mention.column is not None or near is not None:
        return mention.column or near
    if beside in wanted:
        return beside
    if mention.family is Family.SMALL:
        return _small(scan, words, mention, partnered=partner is not None)
    return _text(scan, words, mention)


def _living(scan: Scan, words: Vocabulary, mention: Mention) -> bool:
    return any(words.has("living", t.low) for t in scan.tokens[max(0, mention.start - 4) : mention.start])


def _small(scan: Scan, words: Vocabulary, mention: Mention, *, partnered: bool) -> Column | None:
    """A number without a label: by the word "number", by the field that its sentence names, by its digits, by "live at"."""
    if _counts(scan, words, mention):
        return None
    named = Column.NUMBER if _numbered(scan, words, mention) else _wide(scan, mention, SMALL)
    if named is None and partnered and sum(c.isdigit() for c in mention.text) >= POSTCODE_DIGITS:
        return Column.POSTCODE
    return named or (Column.NUMBER if _living(scan, words, mention) else None)


def _text(scan: Scan, words: Vocabulary, mention: Mention) -> Column | None:
    """Words without a label: a town where somebody lives, else the one field that the sentence names."""
    if _living(scan, words, mention):
        return Column.TOWN
    if not mention.quoted:
        return _wide(scan, mention, _TEXTUAL, sentence=True)
    length = mention.end - mention.start
    proper = scan.tokens[mention.start].capital or (length == 1 and mention.role is not None)
    return _wide(scan, mention, _TEXTUAL) if proper and length <= QUOTED_WORDS else None


def _numbered(scan: Scan, words: Vocabulary, mention: Mention) -> bool:
    """Whether the mention is called a number: "au numéro 77"."""
    return any(words.has("number_words", t.low) for t in scan.tokens[max(0, mention.start - 4) : mention.start])


def _counts(scan: Scan, words: Vocabulary, mention: Mention) -> bool:
    """Whether a noun follows, "12 desks": a number of things."""
    if mention.end >= len(scan.tokens):
        return False
    token = scan.tokens[mention.end]
    if token.kind is not Kind.WORD or mention.end in scan.cued:
        return False
    return not (words.has("stop", token.low) or words.has("fillers", token.low) or words.has("place_words", token.low))


def label(scan: Scan, mention: Mention, wanted: frozenset[Column]) -> Column | None:
    """The field that the nearest label before the mention names, if it is one of ``wanted``."""
    labels = scan.labels_of.get(scan.sentence[mention.start], ())
    near = [x for x in labels if x.column in wanted and 0 <= mention.start - x.end <= 6]  # noqa: PLR2004 - tokens
    return near[-1].column if near else None


def _partner(scan: Scan, mention: Mention, out: Sequence[Mention], at: int) -> Mention | None:
    around = out[max(0, at - PARTNERS) : at + PARTNERS + 1]
    same = [m for m in around if m is mention or (m.family is mention.family and m.role in {Role.OLD, Role.NEW})]
    place = next(i for i, m in enumerate(same) if m is mention)
    for other in (place - 1, place + 1):
        if 0 <= other < len(same):
            near = same[other]
            close = abs(scan.sentence[near.start] - scan.sentence[mention.start]) <= 1
            if near.role is not mention.role and close:
                return near
    return None


def _wide(scan: Scan, mention: Mention, wanted: frozenset[Column], *, sentence: bool = False) -> Column | None:
    """The only field that the sentence names, else the sentence before, else the subject, else the mail."""
    at = scan.sentence[mention.start]
    for sentences in ({at},) if sentence else ({at}, {at - 1}, {0}):
        columns = {x.column for number in sentences for x in scan.labels_of.get(number, ()) if x.column in wanted}
        if len(columns) == 1:
            return columns.pop()
        if columns:
            return None
    return None
