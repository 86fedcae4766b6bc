"""Everything in a mail that may be a value: strict ones, which their form gives away, and loose ones, which only the words around them do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from worker.rules.model import Column, Language
from worker.rules.reading import addresses, phones
from worker.rules.reading.vocabulary import Kind, LabelAt, Role, Scan, Token, Vocabulary

MOST_STRICT: Final = 60  # values that are looked at
MOST_LOOSE: Final = 160
QUOTE_WORDS: Final = 8
NAME_WORDS: Final = 6
JOB_WORDS: Final = 4  # on either side of the word that names the job
LABEL_REACH: Final = 6  # tokens between a label and its value

_TIME: Final = re.compile(r"\d{1,2}\.\d\d")
_LETTERS: Final = re.compile(r"(?:\b[^\W\d_]-){3}|(?:\b[A-ZÀ-Þ] ){3}")
_OPEN: Final = frozenset('"“„«‘')
_CLOSE: Final = frozenset('"”“»’')
_PHONES: Final = frozenset({Column.TELEPHONE, Column.MOBILE, Column.FAX})
_SMALL: Final = frozenset({Column.NUMBER, Column.BOX, Column.POSTCODE, Column.OFFICE})


class Family(StrEnum):
    """Values that can stand for each other: only they can be old and new of one change."""

    EMAIL = "email"
    PHONE = "phone"
    ADDRESS = "address"
    SMALL = "small"  # house numbers, boxes, postcodes, rooms
    TEXT = "text"  # names, companies, functions, towns, countries


@dataclass(frozen=True, slots=True)
class Mention:
    """A possible value in the tokens ``start`` to before ``end``; ``column`` where its form or a label says it."""

    family: Family
    start: int
    end: int
    parts: tuple[tuple[Column, str], ...] = field(default=(), repr=False)
    text: str = field(default="", repr=False)
    column: Column | None = None
    strict: bool = False
    quoted: bool = False
    full: bool = False  # a name of several words, all of them like the sender's
    role: Role | None = None  # NEW, OLD, KEEP or CONTACT, once it is known
    weak: bool = False  # perhaps NEW


def find(scan: Scan, words: Vocabulary, language: Language, sender: Sequence[str]) -> list[Mention]:
    """All mentions in order, none overlapping another. ``sender``: the folded words of the sender's name."""
    strict = [*_typed(scan, language), *_addresses(scan, words)]
    strict = _apart(sorted(strict, key=lambda m: m.start))[:MOST_STRICT]
    streets = [_of_address(a) for a in addresses.streets_alone(scan, words, [(m.start, m.end) for m in strict])]
    boxes = _boxes(scan, words)
    quotes = [replace(q, column=Column.NAME) if _is_sender(scan, q, sender) else q for q in _quotes(scan)]
    loose = [
        *_spelled(scan, sender),
        *quotes,
        *_companies(scan, words),
        *_hinted(scan, words, sender),
        *_called(scan, words, sender),
        *_jobs(scan, words),
        *_countries(scan, words),
    ]
    loose += [*_numbers(scan), *_runs(scan, words, sender)]
    found = _first(strict, boxes, streets, loose)
    return found[: MOST_STRICT + MOST_LOOSE]


def _first(*ranks: Iterable[Mention]) -> list[Mention]:
    """Where mentions overlap, the one found first stays."""
    taken: set[int] = set()
    kept: list[Mention] = []
    for mention in (m for rank in ranks for m in rank):
        span = range(mention.start, mention.end)
        if span and taken.isdisjoint(span):
            taken.update(span)
            kept.append(mention)
    return sorted(kept, key=lambda m: m.start)


def _apart(mentions: list[Mention]) -> list[Mention]:
    kept: list[Mention] = []
    for mention in mentions:
        if not kept or mention.start >= kept[-1].end:
            kept.append(mention)
    return kept


def _typed(scan: Scan, language: Language) -> Iterable[Mention]:
    for index, token in enumerate(scan.tokens):
        text = scan.text[token.start : token.end]
        text = text[1:] if text[:1] == "(" and ")" not in text else text
        if token.kind is Kind.EMAIL:
            yield Mention(Family.EMAIL, index, index + 1, ((Column.EMAIL, text),), text, Column.EMAIL, strict=True)
        elif token.kind is Kind.PHONE:
            kind = phones.kind(text, language)
            if kind is not None:
                column = _phone_column(scan, index) or _phone_before(scan, index) or kind
                yield Mention(Family.PHONE, index, index + 1, ((column, text),), text, column, strict=True)


def _phone_column(scan: Scan, index: int) -> Column | None:
    """The column that a word beside a number names: before it in its sentence, or in brackets behind it."""
    sentence = scan.sentence[index]
    before = [x for x in scan.labels_of.get(sentence, ()) if x.end <= index and x.column in {*_PHONES, Column.OFFICE}]
    if before and not any(t.kind in {Kind.PHONE, Kind.EMAIL} for t in scan.tokens[before[-1].end : index]):
        return _exact(before, index)
    for label in scan.labels_of.get(sentence, ()):
        behind = 0 < label.start - index <= LABEL_REACH
        between = scan.tokens[index + 1 : label.start] if behind else ()
        if behind and label.column in _PHONES and not any(t.kind is Kind.PHONE or t.low == "," for t in between):
            return label.column
    if before:
        return before[-1].column
    return _letter(scan, index)


def _phone_before(scan: Scan, index: int) -> Column | None:
    """A fax or a mobile telephone that the sentence before, or the subject, is about."""
    for sentence in (scan.sentence[index] - 1, 0):
        columns = {x.column for x in scan.labels_of.get(sentence, ()) if x.column in _PHONES}
        if columns:
            return columns.pop() if len(columns) == 1 and Column.TELEPHONE not in columns else None
    return None


def _exact(before: Sequence[LabelAt], index: int) -> Column | None:
    """The nearest label, but "téléphone portable" is mobile, and an office says something only where nothing else does."""
    near = [x.column for x in before if index - x.end <= 3 * LABEL_REACH]
    exact = [c for c in near if c in {Column.MOBILE, Column.FAX}]
    last = near[-1] if near else before[-1].column
    if last is Column.TELEPHONE and exact and near[-2:-1] == exact[-1:] and before[-1].start - before[-2].end <= 1:
        return exact[-1]
    return last


def _letter(scan: Scan, index: int) -> Column | None:
    """ "T 02 ...", "M 0470 ...", "F 02 ..." of a visiting card."""
    for back in (1, 2):
        if index >= back:
            known = {"t": Column.TELEPHONE, "m": Column.MOBILE, "f": Column.FAX}.get(scan.tokens[index - back].low)
            if known is not None:
                return known
    return None


def _addresses(scan: Scan, words: Vocabulary) -> Iterable[Mention]:
    return (_of_address(a) for a in addresses.find(scan, words))


def _of_address(address: addresses.Address) -> Mention:
    return Mention(Family.ADDRESS, address.start, address.end, address.parts, strict=len(address.parts) > 1)


def _boxes(scan: Scan, words: Vocabulary) -> list[Mention]:
    """ "bus 4", "Box 301", "Stiege 3, Tür 14"."""
    found: list[Mention] = []
    for index, token in enumerate(scan.tokens):
        if not words.has("boxes", token.low):
            continue
        at = index + 1
        if at < len(scan.tokens) and scan.tokens[at].low in {":", ".", "n°", "nr"}:
            at += 1
        if at >= len(scan.tokens) or not _is_small(scan, at):
            continue
        text = addresses.box_text(scan.words(index, index + 1), scan.words(at, at + 1))
        last = found[-1] if found else None
        if last is not None and last.end == index - 1 and scan.tokens[index - 1].low == ",":
            found[-1] = _box(last.start, at + 1, f"{last.text}, {text}")
        else:
            found.append(_box(index, at + 1, text))
    return found


def _box(start: int, end: int, text: str) -> Mention:
    return Mention(Family.SMALL, start, end, ((Column.BOX, text),), text, Column.BOX)


def _is_small(scan: Scan, index: int) -> bool:
    token = scan.tokens[index]
    if token.kind in {Kind.NUMBER, Kind.CODE}:
        return len(token.low) <= 8  # noqa: PLR2004 - characters
    return token.kind is Kind.WORD and len(token.low) == 1 and token.capital


def _numbers(scan: Scan) -> Iterable[Mention]:
    """Small numbers and codes; the letter of "B 2.14" and of "3012 AB" belongs to them."""
    for index, token in enumerate(scan.tokens):
        if token.kind not in {Kind.NUMBER, Kind.CODE}:
            continue
        postcode, end = addresses.postcode_at(scan, index)
        start = index
        if not postcode or end == index + 1:
            end = index + 1
            lead = scan.tokens[index - 1] if index else None
            if lead is not None and lead.capital and len(lead.low) == 1 and token.start - lead.end == 1:
                start = index - 1
        start = _with_room(scan, start)
        text = scan.words(start, end)
        if end - start <= 2 and not _year(scan, index):  # noqa: PLR2004 - tokens
            yield Mention(Family.SMALL, start, end, (), text, _small_column(scan, start, end, lettered=bool(postcode) and end > index + 1))


def _year(scan: Scan, index: int) -> bool:
    """A number like a time or a year, with no room or postcode named in its sentence, the one before or the subject."""
    low = scan.tokens[index].low
    lettered = index > 0 and scan.tokens[index - 1].capital and len(scan.tokens[index - 1].low) == 1
    if _TIME.fullmatch(low) and not lettered and _label_near(scan, index, index + 1, LABEL_REACH, _SMALL) is None:
        return not any(x.column is Column.OFFICE for x in scan.labels_of.get(0, ()))
    if not (len(low) == 4 and low.isdigit() and "1900" <= low <= "2039"):  # noqa: PLR2004 - digits
        return False
    sentences = (0, scan.sentence[index] - 1, scan.sentence[index])
    return not any(x.column is Column.POSTCODE for at in sentences for x in scan.labels_of.get(at, ()))


def _with_room(scan: Scan, start: int) -> int:
    """In "my office is now Room 3.14" the word before the number belongs to the value."""
    office = [x for x in scan.labels_of.get(scan.sentence[start], ()) if x.column is Column.OFFICE and x.end <= start]
    return office[-1].start if len(office) > 1 and office[-1].end == start and office[-2].end < office[-1].start else start


def _small_column(scan: Scan, start: int, end: int, *, lettered: bool) -> Column | None:
    """What a label close before or behind says, or the form of a postcode with letters."""
    if any(x.column is Column.OFFICE and x.start == start for x in scan.labels_of.get(scan.sentence[start], ())):
        return Column.OFFICE
    label = _label_near(scan, start, end, LABEL_REACH, _SMALL)
    if label is not None:
        return label
    return Column.POSTCODE if lettered else None


def _label_near(scan: Scan, start: int, end: int, reach: int, columns: Iterable[Column]) -> Column | None:
    wanted = set(columns)
    near = [
        (start - x.end, x.column)
        for x in scan.labels_of.get(scan.sentence[start], ())
        if x.column in wanted and 0 <= start - x.end <= reach
    ]
    return min(near, key=lambda pair: pair[0])[1] if near else None


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
            text = _stop_point(scan, index, end)
            yield Mention(Family.TEXT, index, end, ((Column.COMPANY, text),), text, Column.COMPANY, full=employs)
        index = max(end, index + 1)


def _at_work(scan: Scan, words: Vocabulary, index: int) -> bool:
    """ "head of sales at Denby Library": behind a job and "at"."""
    if index < 2 or not words.has("at_words", scan.tokens[index - 1].low):  # noqa: PLR2004 - a job and "at"
        return False
    return any(words.has("jobs", t.low) for t in scan.tokens[max(0, index - 5) : index - 1])


def _hinted(scan: Scan, words: Vocabulary, sender: Sequence[str]) -> Iterable[Mention]:
    """ "Kantoor Deprez", "Groupe Altia": a word for a business with a capital, then the sender's name or in a mail about a company."""
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
    """ "Brightwood Studio", "Hendrickx Language Services": capitals that end in a word for a business."""
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


def _stop_point(scan: Scan, start: int, end: int) -> str:
    """The text of a company; the point of "S.à r.l." and "& Zn." belongs to it where more follows."""
    text = scan.words(start, end)
    behind = scan.text[scan.tokens[end - 1].end :][:3]
    short = scan.tokens[end - 1].low
    goes_on = behind[1:2] in {")", ",", ";"} or behind[1:].strip()[:1].islower()
    return text + "." if behind[:1] == "." and goes_on and short in {"r.l", "zn", "s.a", "inc", "co", "b.v", "n.v", "e.v", "e.k"} else text


def _proper(scan: Scan, index: int) -> bool:
    """A word of the vocabulary that stands inside a sentence with a capital, before or behind another: part of a name."""
    if index and scan.tokens[index - 1].kind is Kind.WORD and index + 1 < len(scan.tokens) and scan.tokens[index + 1].capital:
        return True
    return index > 0 and scan.tokens[index - 1].kind is Kind.WORD and scan.tokens[index - 1].capital


_SMALL_LEGAL: Final = frozenset({"bv", "nv", "bvba", "vof", "vzw", "srl", "sprl", "sa", "sarl", "asbl", "ltd", "gmbh", "r.l", "s.à", "s.a"})


def _run_end(scan: Scan, words: Vocabulary, start: int, cued: frozenset[int], *, company: bool) -> int:
    """Where the run of capitals that begins at ``start`` ends."""
    end = start + 1
    while end < len(scan.tokens) and end - start < NAME_WORDS + 2:
        token = scan.tokens[end]
        if token.kind in {Kind.WORD, Kind.CODE} and (token.capital or (company and token.low in _SMALL_LEGAL)):
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
    """ "J.", "Dr."."""
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
    if token.kind is not Kind.WORD or at in cued or (at in labelled and token.low not in {"office", "service", "company"}):
        return False
    return not (words.has("stop", token.low) or words.has("fillers", token.low) or words.has("particles", token.low))


def _job_end(scan: Scan, words: Vocabulary, at: int, cued: frozenset[int], labelled: frozenset[int]) -> int:
    end = at
    while end < len(scan.tokens) and end - at < JOB_WORDS:
        if _job_word(scan, words, end, cued, labelled - {end}):
            end += 1
        elif (
            scan.tokens[end].low in {"of", "des", "de", "du", "d'", "van"}
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
    """Is it a word of the vocabulary, a day or a month, and so no name?"""
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


def like(word: str, sender: Sequence[str]) -> bool:
    """Is ``word`` one of the sender's, or one of them misspelt?"""
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


def with_column(mention: Mention, column: Column) -> Mention:
    """The same mention, said to be a value of ``column``."""
    return replace(mention, column=column, parts=((column, mention.text),))


__all__ = ["Family", "Mention", "Token", "distance", "find", "like", "with_column"]
