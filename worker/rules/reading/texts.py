"""Loose values in the tokens of a mail: quotes, spelt names, businesses, jobs, countries and runs of capitals."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from worker.rules.model import Column
from worker.rules.reading.likeness import like
from worker.rules.reading.values import Family, Mention
from worker.rules.reading.vocabulary import Kind, Role, Scan, Token, Vocabulary

QUOTE_WORDS: Final = 8
NAME_WORDS: Final = 6
JOB_WORDS: Final = 4  # on either side of the word that names the job
_LETTERS: Final = re.compile(r"(?:\b[^\W\d_]-){3}|(?:\b[A-ZÀ-Þ] ){3}")
_OPEN: Final = frozenset('"“„«‘')
_CLOSE: Final = frozenset('"”“»’')


def find(scan: Scan, words: Vocabulary, sender: Sequence[str]) -> Iterable[Mention]:
    """All loose texts, the surest kinds first. ``sender``: the folded words of the sender's name."""
    yield from _spelled(scan, sender)
    yield from (replace(q, column=Column.NAME) if _is_sender(scan, q, sender) else q for q in _quotes(scan))
    yield from _companies(scan, words)
    yield from _hinted(scan, words, sender)
    yield from _called(scan, words, sender)
    yield from _jobs(scan, words)
    yield from _countries(scan, words)


def runs(scan: Scan, words: Vocabulary, sender: Sequence[str]) -> Iterable[Mention]:
    """The runs of capitals, which come last: everything else is surer."""
    return _runs(scan, words, sender)


def _quotes(scan: Scan) -> Iterable[Mention]:
    index = 0
    tokens = scan.tokens
    while index < len(tokens):
        if tokens[index].low in _OPEN or (tokens[index].low == "'" and _begins_quote(scan, index)):
            end = _quote_end(scan, index)
            named = index + 1 in scan.label_ends or any(
                x.start == index + 1 and x.end == end for x in scan.labels_of.get(scan.sentence[index], ())
            )
            if end > index + 1 and not named and (end - index > 2 or len(tokens[index + 1].low) > 1):  # noqa: PLR2004 - the letter "h" is no value
                text = scan.words(index + 1, end).strip(" ,.")
                yield Mention(Family.TEXT, index + 1, end, (), text, quoted=True)
                index = end
        index += 1


def _is_sender(scan: Scan, mention: Mention, sender: Sequence[str]) -> bool:
    words = [t.low for t in scan.tokens[mention.start : mention.end] if t.kind is Kind.WORD]
    return 0 < len(words) <= NAME_WORDS and any(like(w, sender) for w in words)


def _begins_quote(scan: Scan, index: int) -> bool:
    start = scan.tokens[index].start
    return (start == 0 or scan.text[start - 1].isspace()) and index + 1 < len(scan.tokens) and scan.tokens[index + 1].kind is Kind.WORD


def _quote_end(scan: Scan, index: int) -> int:
    for at in range(index + 1, min(index + 2 + QUOTE_WORDS, len(scan.tokens))):
        token = scan.tokens[at]
        if token.low in _CLOSE or token.low == "'":
            return at
        if token.kind in {Kind.LINE, Kind.GAP}:
            return index
    return index


def _spelled(scan: Scan, sender: Sequence[str]) -> Iterable[Mention]:
    """A word told letter by letter: "D-E-H-A-Y-B-E", "W O J C I E C H"."""
    index = 0 if _LETTERS.search(scan.text) else len(scan.tokens)
    while index < len(scan.tokens):
        token = scan.tokens[index]
        end = index
        letters = ""
        if token.kind is Kind.WORD and token.low.count("-") >= 2 and all(len(p) == 1 for p in token.low.split("-")):  # noqa: PLR2004
            letters, end = token.low.replace("-", ""), index + 1
        else:
            while end < len(scan.tokens) and len(scan.tokens[end].low) == 1 and scan.tokens[end].capital:
                letters += scan.tokens[end].low
                end += 1
        part = letters not in sender and any(letters in word for word in sender)
        if len(letters) >= 4 and not part:  # noqa: PLR2004 - shorter ones are abbreviations
            known = letters if letters in sender else ""
            yield Mention(Family.TEXT, index, end, (), letters.capitalize(), Column.NAME, quoted=True, role=Role.NEW if known else None)
        index = max(end, index + 1)


def _companies(scan: Scan, words: Vocabulary) -> Iterable[Mention]:
    """Runs of capitals with a legal form or an ampersand in them."""
    cued, labelled = scan.cued, scan.labelled
    index = 0
    while index < len(scan.tokens):
        if not scan.tokens[index].capital or index in labelled - cued or (index in cued and not _proper(scan, index)):
            index += 1
            continue
        end = _run_end(scan, words, index, cued, company=True)
        run = scan.tokens[index:end]
        legal = any(words.has("company_words", t.low) or t.low == "&" for t in run)
        employs = _at_work(scan, words, index)
        if (legal or employs) and end - index > 1:
            text = _stop_point(scan, words, index, end)
            yield Mention(Family.TEXT, index, end, ((Column.COMPANY, text),), text, Column.COMPANY, full=employs)
        index = max(end, index + 1)


def _at_work(scan: Scan, words: Vocabulary, index: int) -> bool:
    """Whether a job and "at" stand before: "head of sales at Denby Library"."""
    if index < 2 or not words.has("at_words", scan.tokens[index - 1].low):  # noqa: PLR2004 - a job and "at"
        return False
    return any(words.has("jobs", t.low) for t in scan.tokens[max(0, index - 5) : index - 1])


def _hinted(scan: Scan, words: Vocabulary, sender: Sequence[str]) -> Iterable[Mention]:
    """Words for a business before the sender's name, or in a mail about a company: "Kantoor Deprez", "Groupe Altia"."""
    about = any(x.column is Column.COMPANY for x in scan.labels)
    for index, token in enumerate(scan.tokens[:-1]):
        behind = scan.tokens[index + 1]
        if not (token.capital and behind.capital and words.has("company_hints", token.low)) or behind.start - token.end != 1:
            continue
        own = like(behind.low, sender)
        if own or (about and index and scan.tokens[index - 1].low not in {".", "\n"}):
            end = _run_end(scan, words, index, frozenset(), company=True)
            text = scan.words(index, end)
            yield Mention(Family.TEXT, index, end, ((Column.COMPANY, text),), text, Column.COMPANY)


def _called(scan: Scan, words: Vocabulary, sender: Sequence[str]) -> Iterable[Mention]:
    """Capitals that end in a word for a business: "Brightwood Studio", "Hendrickx Language Services"."""
    for index, token in enumerate(scan.tokens):
        if not (index and token.capital and token.low in words.words["company_hints"]) or index in scan.labelled or token.low in sender:
            continue
        start = index
        while start and index - start < JOB_WORDS and scan.tokens[start - 1].capital and _own_word(scan, words, start - 1):
            start -= 1
        if start < index:
            text = scan.words(start, index + 1)
            yield Mention(Family.TEXT, start, index + 1, ((Column.COMPANY, text),), text, Column.COMPANY, full=True)


def _own_word(scan: Scan, words: Vocabulary, at: int) -> bool:
    """A word that can be part of a business's name."""
    token = scan.tokens[at]
    small = words.has("stop", token.low) or words.has("fillers", token.low)
    return token.kind is Kind.WORD and not small and at not in scan.cued and at not in scan.labelled


def _stop_point(scan: Scan, words: Vocabulary, start: int, end: int) -> str:
    """The text of a company; the point of "S.à r.l." and "& Zn." belongs to it where more follows."""
    text = scan.words(start, end)
    behind = scan.text[scan.tokens[end - 1].end :][:3]
    short = scan.tokens[end - 1].low
    goes_on = behind[1:2] in {")", ",", ";"} or behind[1:].strip()[:1].islower()
    return text + "." if behind[:1] == "." and goes_on and words.has("pointed_legal", short) else text


def _proper(scan: Scan, index: int) -> bool:
    """A word of the vocabulary that stands inside a sentence with a capital, before or behind another: part of a name."""
    if index and scan.tokens[index - 1].kind is Kind.WORD and index + 1 < len(scan.tokens) and scan.tokens[index + 1].capital:
        return True
    return index > 0 and scan.tokens[index - 1].kind is Kind.WORD and scan.tokens[index - 1].capital


def _run_end(scan: Scan, words: Vocabulary, start: int, cued: frozenset[int], *, company: bool) -> int:
    """Where the run of capitals that begins at ``start`` ends."""
    end = start + 1
    while end < len(scan.tokens) and end - start < NAME_WORDS + 2:
        token = scan.tokens[end]
        if token.kind in {Kind.WORD, Kind.CODE} and (token.capital or (company and words.has("small_legal", token.low))):
            if end in cued and words.has("stop", token.low) and not words.has("name_particles", token.low):
                break
            end += 1
        elif token.low == "." and _initial(scan, words, end - 1) and _next_capital(scan, end):
            end += 1
        elif (token.low == "&" and company) or words.has("company_particles" if company else "name_particles", token.low):
            if not _reaches_capital(scan, words, end):
                break
            end += 1
        else:
            break
    return end


def _initial(scan: Scan, words: Vocabulary, at: int) -> bool:
    """Whether a point belongs to the word: "J.", "Dr."."""
    token = scan.tokens[at]
    return token.capital and (len(token.low) == 1 or words.has("title_words", token.low))


def _next_capital(scan: Scan, at: int) -> bool:
    behind = scan.tokens[at + 1] if at + 1 < len(scan.tokens) else None
    return behind is not None and behind.capital and behind.start - scan.tokens[at].end <= 1


def _reaches_capital(scan: Scan, words: Vocabulary, at: int) -> bool:
    for index in range(at + 1, min(at + 3, len(scan.tokens))):
        token = scan.tokens[index]
        if token.capital:
            return True
        if not words.has("particles", token.low):
            return False
    return False


def _jobs(scan: Scan, words: Vocabulary) -> Iterable[Mention]:
    """Runs of words around one that names a job: "directrice des opérations", "Head of Purchasing"."""
    cued, labelled = scan.cued, scan.labelled
    free = 0
    for index, token in enumerate(scan.tokens):
        if index < free or token.kind is not Kind.WORD or not words.has("jobs", token.low) or index in labelled:
            continue
        lead = scan.cue_ends.get(index)
        turning = lead is not None and lead.role is Role.FROM
        start = index
        while start > free and index - start < JOB_WORDS and _job_word(scan, words, start - 1, cued, labelled):
            start -= 1
        end = index + 1 if turning else _job_end(scan, words, index + 1, cued, labelled)
        free = end
        if start and words.has("definite", scan.tokens[start - 1].low):
            continue
        text = scan.words(start, end)
        yield Mention(Family.TEXT, start, end, ((Column.FUNCTION, text),), text, Column.FUNCTION)


def _job_word(scan: Scan, words: Vocabulary, at: int, cued: frozenset[int], labelled: frozenset[int]) -> bool:
    token = scan.tokens[at]
    if token.kind is not Kind.WORD or at in cued or (at in labelled and not words.has("job_labels", token.low)):
        return False
    return not (words.has("stop", token.low) or words.has("fillers", token.low) or words.has("particles", token.low))


def _job_end(scan: Scan, words: Vocabulary, at: int, cued: frozenset[int], labelled: frozenset[int]) -> int:
    end = at
    while end < len(scan.tokens) and end - at < JOB_WORDS:
        if _job_word(scan, words, end, cued, labelled - {end}):
            end += 1
        elif (
            words.has("job_particles", scan.tokens[end].low)
            and end + 1 < len(scan.tokens)
            and _job_word(scan, words, end + 1, cued, frozenset())
        ):
            end += 2
        else:
            break
    return end


def _countries(scan: Scan, words: Vocabulary) -> Iterable[Mention]:
    for index, token in enumerate(scan.tokens):
        if token.kind is not Kind.WORD or token.low not in words.countries:
            continue
        for length in (2, 1):
            if words.has("countries", " ".join(t.low for t in scan.tokens[index : index + length])):
                text = scan.words(index, min(index + length, len(scan.tokens)))
                if not token.capital:
                    text = text.capitalize()
                yield Mention(Family.TEXT, index, index + length, ((Column.COUNTRY, text),), text, Column.COUNTRY)
                break


def _common(index: int, token: Token, inside: frozenset[int], words: Vocabulary) -> bool:
    """Whether it is a word of the vocabulary, a day or a month, and so no name."""
    low = token.low
    return index in inside or any(low in words.words[name] for name in ("months", "stop", "fillers", "first_person"))


def _runs(scan: Scan, words: Vocabulary, sender: Sequence[str]) -> Iterable[Mention]:
    """Runs of capitals, and in a mail without capitals the words that are like the sender's name."""
    inside = scan.cued | scan.labelled
    index = 0
    plain = sum(t.capital for t in scan.tokens) * 16 <= len(scan.tokens)  # somebody who writes without capitals
    while index < len(scan.tokens):
        token = scan.tokens[index]
        named = token.capital or (plain and like(token.low, sender))
        if token.kind is not Kind.WORD or not named or (token.low not in sender and _common(index, token, inside, words)):
            index += 1
            continue
        end = _run_end(scan, words, index, inside, company=False)
        end = _cut(scan, words, index, end, inside, sender)
        if not words.has("abbreviations", token.low) or end - index > 1:
            text = scan.words(index, end)
            own = [like(t.low, sender) for t in scan.tokens[index:end] if t.kind is Kind.WORD]
            full = len(own) > 1 and all(own)
            yield Mention(Family.TEXT, index, end, (), text, Column.NAME if any(own) else None, full=full)
        index = max(end, index + 1)


def _cut(scan: Scan, words: Vocabulary, start: int, end: int, inside: frozenset[int], sender: Sequence[str]) -> int:
    """A run ends before a word of the vocabulary that is no part of a name; words like the sender's go on without capitals."""
    for at in range(start + 1, end):
        if at in inside and scan.tokens[at].low not in sender and not words.has("particles", scan.tokens[at].low):
            end = at
            break
    while (
        end < len(scan.tokens)
        and scan.tokens[end].kind is Kind.WORD
        and like(scan.tokens[end].low, sender)
        and not scan.tokens[start].capital
    ):
        end += 1
    while (
        end - 1 > start
        and not scan.tokens[end - 1].capital
        and not like(scan.tokens[end - 1].low, sender)
        and scan.tokens[end - 1].low != "."
    ):
        end -= 1
    return end
