"""From mentions with roles to changes: columns of loose values, pairs of old and new, and what makes them doubtful."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from worker.rules.model import Change, Column, Language
from worker.rules.reading import mentions, naming, roles, tables
from worker.rules.reading.mentions import Family, Mention
from worker.rules.reading.vocabulary import Cue, Kind, Role, Scan, Vocabulary

_PARTS: Final = frozenset({Column.BOX, Column.COUNTRY, Column.POSTCODE, Column.TOWN, Column.NUMBER, Column.STREET})
_TEXTUAL: Final = frozenset({Column.NAME, Column.COMPANY, Column.FUNCTION, Column.OFFICE, Column.TOWN, Column.COUNTRY, Column.STREET})
_SMALL: Final = frozenset({Column.NUMBER, Column.BOX, Column.POSTCODE, Column.OFFICE})
_ADDRESS: Final = frozenset({Column.STREET, Column.TOWN, Column.POSTCODE, Column.NUMBER, Column.BOX, Column.COUNTRY, Column.COMPANY})
_TYPED: Final = frozenset({Family.EMAIL, Family.PHONE, Family.ADDRESS})
POSTCODE_DIGITS: Final = 4
PARTNERS: Final = 8  # mentions before and behind among which the other half of a change is looked for


@dataclass(frozen=True, slots=True)
class Said:
    """One value with its column, and old or new."""

    column: Column
    role: Role
    text: str = field(repr=False)
    span: tuple[int, int]
    written: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Read:
    """The changes of a mail, whether they may be wrong or incomplete, and where they stand."""

    changes: tuple[Change, ...] = ()
    doubtful: bool = False
    said: tuple[Said, ...] = ()
    why: tuple[str, ...] = ()


def changes(scan: Scan, words: Vocabulary, language: Language, who: naming.Sender) -> Read:
    """Everything that the mail says of old and new values."""
    if not scan.tokens or not roles.speaks(scan):
        return Read()
    found = mentions.find(scan, words, language, who.words)
    cells = tables.cells(scan, words)
    outside = [m for m in found if not _within(scan, m, cells)]
    assigned = roles.assign(scan, words, outside)
    assigned = _blocks(scan, words, assigned, who)
    settled = _columns(scan, words, _paired_phones(scan, _sole(scan, _fellows(scan, assigned), who)))
    said = [*_of_cells(scan, cells, found), *(s for m in settled for s in _said(scan, words, m))]
    return _read(scan, words, said, settled, who)


def _fellows(scan: Scan, assigned: Sequence[Mention]) -> list[Mention]:
    """A number with a label of its own goes with the one told just before it: "the telephone is ... and the fax (...) ..."."""
    out = list(assigned)
    for at in range(1, len(out)):
        mention = out[at]
        if mention.role is not None or mention.weak or mention.family is not Family.PHONE:
            continue
        near = next((m for m in reversed(out[:at]) if m.family is Family.PHONE), None)
        labels = [x for x in scan.labels_of.get(scan.sentence[mention.start], ()) if x.column is mention.column and x.end <= mention.start]
        if (
            near is None
            or not labels
            or labels[-1].start < near.end
            or near.column is mention.column
            or not (near.weak or near.role is Role.NEW)
        ):
            continue
        if scan.sentence[mention.start] - scan.sentence[near.start] <= 1:
            out[at] = replace(mention, role=near.role, weak=near.weak)
    return out


def _paired_phones(scan: Scan, assigned: Sequence[Mention]) -> list[Mention]:
    """The old and the new number of one change are of one kind: the label stands before the first of them."""
    out = list(assigned)
    for at in range(1, len(out)):
        first, second = out[at - 1], out[at]
        if first.family is not Family.PHONE or second.family is not Family.PHONE or {first.role, second.role} != {Role.OLD, Role.NEW}:
            continue
        sentence = scan.sentence[second.start]
        labels = scan.labels_of.get(sentence, ()) if scan.sentence[first.start] == sentence else ()
        if any(first.end <= x.start < second.start for x in labels) or scan.sentence[first.start] != sentence or first.column is None:
            continue
        out[at] = replace(second, column=first.column, parts=((first.column, second.text),))
    return out


def _sole(scan: Scan, assigned: Sequence[Mention], who: naming.Sender) -> list[Mention]:
    """The only address, number or mail address of a request to change one is the new one, though no word beside it says so."""
    out = list(assigned)
    for at, mention in enumerate(out):
        if not mention.strict or mention.role is not None or _signs(scan, mention, who):
            continue
        rivals = [m for m in out if m is not mention and m.family is mention.family and m.strict and m.role in {Role.NEW, None}]
        sentence = scan.sentence[mention.start]
        own = scan.roles_in(sentence)
        if not rivals and _wanted(scan, sentence) and not own & {Role.CONTACT, Role.OTHER}:
            out[at] = replace(mention, role=Role.NEW)
    return out


def _wanted(scan: Scan, sentence: int) -> bool:
    """Is a change asked in this sentence, in one beside it or in the subject?"""
    near = set().union(*(scan.roles_in(at) for at in (0, sentence - 1, sentence, sentence + 1)))
    return bool(near & {Role.NEW, Role.REPLACE, Role.ADD, Role.WRONG})


def _signs(scan: Scan, mention: Mention, who: naming.Sender) -> bool:
    """Does the mention stand beside the sender's name in a line that says nothing else: a signature?"""
    sentence = scan.sentence[mention.start]
    inside = [i for i, at in enumerate(scan.sentence) if at == sentence and not mention.start <= i < mention.end]
    words = [scan.tokens[i] for i in inside if scan.tokens[i].kind is Kind.WORD]
    return bool(words) and all(t.capital for t in words) and any(t.low in who.words for t in words)


def _within(scan: Scan, mention: Mention, cells: Sequence[tables.Cell]) -> bool:
    start = scan.tokens[mention.start].start
    return any(c.start <= start < c.end for c in cells)


def _of_cells(scan: Scan, cells: Sequence[tables.Cell], found: Sequence[Mention]) -> Iterable[Said]:
    for cell in cells:
        if cell.text.startswith("("):
            continue
        inside = [m for m in found if m.strict and cell.start <= scan.tokens[m.start].start and scan.tokens[m.end - 1].end <= cell.end]
        if inside:
            yield from (Said(c, cell.role, t, (cell.start, cell.end), cell.text) for m in inside for c, t in _parts_in(m, cell))
        elif cell.column is not None:
            yield Said(cell.column, cell.role, cell.text, (cell.start, cell.end), cell.text)


def _parts_in(mention: Mention, cell: tables.Cell) -> Iterable[tuple[Column, str]]:
    if mention.family is Family.PHONE and cell.column is not None:
        return [(cell.column, mention.text)]
    return mention.parts


def _blocks(scan: Scan, words: Vocabulary, assigned: Sequence[Mention], who: naming.Sender) -> list[Mention]:
    """What stands below a heading has the heading's role; its lines that no form gives away are classified."""
    out = list(assigned)
    for segment, begin, end in tables.bodies(scan, tables.segments(scan, words)):
        inside = {i for i, m in enumerate(out) if m.start < end and m.end > begin}
        role = segment.role or (Role.NEW if segment.colon else None)
        if any(out[i].strict or out[i].column is Column.BOX for i in inside):
            for i in inside:
                if out[i].role is None and (out[i].strict or out[i].column is Column.BOX):
                    out[i] = replace(out[i], role=role)
        elif made := _arrowed(scan, segment, begin, end) or _line(scan, words, segment, begin, end, who, role):
            out = [m for i, m in enumerate(out) if i not in inside]
            out += made
    return sorted(out, key=lambda m: m.start)


def _arrowed(scan: Scan, segment: tables.Segment, begin: int, end: int) -> list[Mention]:
    """ "label: old -> new"."""
    arrow = next((i for i in range(begin, end) if scan.tokens[i].kind is Kind.ARROW), None)
    if arrow is None or segment.label is None or segment.label.column is None or not begin < arrow < end - 1:
        return []
    column = segment.label.column
    family = Family.SMALL if column in _SMALL else Family.TEXT
    sides = ((Role.OLD, begin, arrow), (Role.NEW, arrow + 1, end))
    return [Mention(family, a, b, ((column, scan.words(a, b)),), scan.words(a, b), column, role=role) for role, a, b in sides]


def _line(
    scan: Scan, words: Vocabulary, segment: tables.Segment, begin: int, end: int, who: naming.Sender, role: Role | None
) -> list[Mention]:
    """A line of a block: what its label says, else a company or a function."""
    text = scan.words(begin, end).strip(" *\"'“”„«»")
    cued = any(begin <= c.start < end for c in scan.cues if c.role is not Role.TO and c.role is not Role.FROM)
    if segment.label is not None and segment.colon:
        column = segment.label.column
        if column is None or cued or len(text) > tables.LONGEST_CELL or end - begin > 8:  # noqa: PLR2004 - words
            return []
        family = Family.SMALL if column in _SMALL else Family.TEXT
        return [Mention(family, begin, end, ((column, text),), text, column, role=role)]
    if cued or segment.role is None or end - begin > 6 or naming.same(text, who.name):  # noqa: PLR2004 - words
        return []
    lows = [t.low for t in scan.tokens[begin:end]]
    if any(words.has("jobs", low) for low in lows):
        return [Mention(Family.TEXT, begin, end, ((Column.FUNCTION, text),), text, Column.FUNCTION, role=role)]
    capital = scan.tokens[begin].capital and all(t.kind is Kind.WORD or t.low == "&" for t in scan.tokens[begin:end])
    company = any(words.has("company_words", low) for low in lows) or naming.shares(text, who.words)
    company = company or any(words.has("company_hints", low) for low in lows)
    if capital and company and naming.misspelt(lows, who) and len(lows) > 1:
        return [Mention(Family.TEXT, begin, end, ((Column.NAME, text),), text, Column.NAME, role=role)]
    if capital and company and not naming.misspelt(lows, who):
        return [Mention(Family.TEXT, begin, end, ((Column.COMPANY, text),), text, Column.COMPANY, role=role)]
    return []


def _columns(scan: Scan, words: Vocabulary, assigned: Sequence[Mention]) -> list[Mention]:
    """The column of every loose mention: its own, its label's, its partner's, or that of the sentence."""
    out = list(assigned)
    for at, mention in enumerate(out):
        if mention.parts or mention.role not in {Role.NEW, Role.OLD, None} or mention.family not in {Family.SMALL, Family.TEXT}:
            continue
        if mention.role is None and not mention.weak:
            continue
        column = _column(scan, words, mention, out, at)
        if column is not None:
            out[at] = mentions.with_column(mention, column)
    return out


def _column(scan: Scan, words: Vocabulary, mention: Mention, out: Sequence[Mention], at: int) -> Column | None:
    wanted = _SMALL if mention.family is Family.SMALL else _TEXTUAL
    partner = _partner(scan, mention, out, at)
    if mention.column is Column.NAME and partner is not None and partner.column is Column.COMPANY:
        return Column.COMPANY
    if mention.column is Column.NAME and _label(scan, mention, _TEXTUAL) is Column.COMPANY:
        return Column.COMPANY
    if mention.column is not None:
        return mention.column
    near = _label(scan, mention, wanted)
    if near is not None:
        return near
    if partner is not None and partner.column in wanted:
        return partner.column
    living = any(words.has("living", t.low) for t in scan.tokens[max(0, mention.start - 4) : mention.start])
    if mention.family is Family.SMALL:
        if _counts(scan, words, mention):
            return None
        wide = Column.NUMBER if _numbered(scan, words, mention) else _wide(scan, mention, _SMALL)
        if wide is None and partner is not None and sum(c.isdigit() for c in mention.text) >= POSTCODE_DIGITS:
            return Column.POSTCODE
        return wide or (Column.NUMBER if living or (partner is not None and partner.column is Column.NUMBER) else None)
    if living:
        return Column.TOWN
    if mention.quoted:
        if not (
            scan.tokens[mention.start].capital
            or mention.column is not None
            or mention.end - mention.start == 1
            and mention.role is not None
        ):
            return None
        return _wide(scan, mention, wanted) if mention.end - mention.start <= 4 else None  # noqa: PLR2004 - words
    return _wide(scan, mention, wanted, sentence=True)


def _numbered(scan: Scan, words: Vocabulary, mention: Mention) -> bool:
    """Is the mention called a number, "au numéro 77", and no other field named beside it?"""
    return any(words.has("number_words", t.low) for t in scan.tokens[max(0, mention.start - 4) : mention.start])


def _counts(scan: Scan, words: Vocabulary, mention: Mention) -> bool:
    """Does a noun follow, "12 desks": a number of things?"""
    if mention.end >= len(scan.tokens):
        return False
    token = scan.tokens[mention.end]
    if token.kind is not Kind.WORD or any(c.start <= mention.end < c.end for c in scan.cues):
        return False
    return not (words.has("stop", token.low) or words.has("fillers", token.low) or words.has("place_words", token.low))


def _label(scan: Scan, mention: Mention, wanted: frozenset[Column]) -> Column | None:
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


def _said(scan: Scan, words: Vocabulary, mention: Mention) -> Iterable[Said]:
    role = mention.role
    if (
        role is None
        and mention.weak
        and _wanted(scan, scan.sentence[mention.start])
        and (mention.strict or _labelled(scan, words, mention))
    ):
        role = Role.NEW
    if role not in {Role.NEW, Role.OLD}:
        return
    start, end = scan.tokens[mention.start].start, scan.tokens[mention.end - 1].end
    for column, text in mention.parts:
        yield Said(column, role, text, (start, end), scan.text[start:end])


def _labelled(scan: Scan, words: Vocabulary, mention: Mention) -> bool:
    """A loose value with "is" only: new if its field is named in the sentence, or if it is what the sender says he is."""
    if mention.column is Column.FUNCTION:
        near = scan.tokens[max(0, mention.start - 4) : mention.start]
        return any(words.has("first_person", t.low) or t.low in {"bin", "suis", "am", "ben", "i'm"} for t in near)
    if mention.column is None:
        return False
    if _label(scan, mention, frozenset({mention.column})) is not None:
        return True
    if mention.family is Family.SMALL and any(x.column is mention.column for x in scan.labels_of.get(scan.sentence[mention.start], ())):
        return True
    for sentence in (0, scan.sentence[mention.start] - 1):
        asked = scan.roles_in(sentence) & {Role.ADD, Role.NEW, Role.REPLACE, Role.WRONG}
        if asked and any(x.column is mention.column for x in scan.labels_of.get(sentence, ())):
            return True
    return False


def _read(scan: Scan, words: Vocabulary, said: Sequence[Said], settled: Sequence[Mention], who: naming.Sender) -> Read:
    why: list[str] = []
    made: list[Change] = []
    for column in Column:
        new = list(dict.fromkeys(s.text for s in said if s.column is column and s.role is Role.NEW))
        old = list(dict.fromkeys(s.text for s in said if s.column is column and s.role is Role.OLD))
        if column is Column.NAME:
            new, old = _names(new, old, who, [m.text for m in settled if m.column is Column.NAME])
        if len(new) > 1 or len(old) > 1:
            why.append(f"several {column.value}")
        if not new and old and column not in _PARTS:
            why.append(f"old {column.value} alone")
        if len(new) == 1 and old != new:
            made.append(Change(column, new[0], old[0] if len(old) == 1 else None))
    open_ = [
        m
        for m in settled
        if m.strict and m.family in _TYPED and m.role is None and not _signs(scan, m, who) and not list(_said(scan, words, m))
    ]
    if open_:
        why.append("unexplained")
    if any(_others(scan, words, m, who) for m in settled if m.role is Role.NEW or m.weak):
        why.append("somebody else's")
    why += [f"{column.value} named" for column in _unread(scan, {c.column for c in made} | {s.column for s in said})]
    why += ["unclear text" for m in settled if made and m.family is Family.TEXT and m.role in {Role.NEW, Role.OLD} and not m.parts]
    told = {c.new for c in made} | {c.old for c in made}
    if Column.COMPANY in {c.column for c in made} and any(
        m.column is Column.COMPANY and m.role is None and m.text not in told for m in settled
    ):
        why.append("another company")
    return Read(tuple(made), bool(why), tuple(said), tuple(why))


def _unread(scan: Scan, read: set[Column]) -> list[Column]:
    """Fields that the mail calls new, wrong or missing, but for which no value was read."""
    if read & {Column.MOBILE, Column.TELEPHONE, Column.OFFICE}:
        read = read | {Column.TELEPHONE}
    if Column.COMPANY in read or Column.STREET in read:
        read = read | {Column.NAME, Column.STREET, Column.TOWN, Column.NUMBER, Column.POSTCODE}
    if Column.STREET in read:
        read = read | {Column.COMPANY, Column.OFFICE}
    found = []
    for label in scan.labels:
        if label.column is None or label.column in read or Role.KEEP in scan.roles_in(scan.sentence[label.start]):
            continue
        before = scan.cue_ends.get(label.start)
        behind = next((c for i in range(label.end, label.end + 3) if (c := scan.cue_starts.get(i))), None)
        colon = label.end < len(scan.tokens) and scan.tokens[label.end].low == ":"
        if (
            colon
            or (before is not None and before.role in {Role.NEW, Role.ADD})
            or (behind is not None and behind.role in {Role.WRONG, Role.ADD, Role.REPLACE})
        ):
            found.append(label.column)
    return found


def _others(scan: Scan, words: Vocabulary, mention: Mention, who: naming.Sender) -> bool:
    """Does another person stand before the value in its sentence: "my mother", "Mr Ashworth", "the number of Sam"?"""
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
    """Does the sender speak of himself between ``start`` and the value?"""
    return any(words.has("first_person", t.low) for t in scan.tokens[start : mention.start])


def _greets(scan: Scan, words: Vocabulary, cue: Cue) -> bool:
    """ "Dear Mr Ashworth", "Bonjour Madame"."""
    before = scan.tokens[max(0, cue.start - 2) : cue.start]
    return any(words.has("greetings", t.low) for t in before) or scan.tokens[min(cue.end, len(scan.tokens) - 1)].low == ","


def _third(scan: Scan, words: Vocabulary, mention: Mention, who: naming.Sender) -> bool:
    """ "Bruno habite désormais ...", "Jez's surname is ..."."""
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


def _names(new: list[str], old: list[str], who: naming.Sender, told: Sequence[str]) -> tuple[list[str], list[str]]:
    """Names told in part are completed, and the shorter of two that mean the same gives way."""
    own = [n for n in new if naming.same(n, who.name)]
    if own and len(new) > 1:
        old = [*old, *(n for n in new if n not in own and naming.misspelt(naming.parts(n), who) and len(naming.parts(n)) > 1)]
        new = [n for n in new if n not in old]
    if own and not old:
        return [], []
    if any(naming.turned(o, who.name) for o in old):
        new = [who.name]
    known = set(naming.parts(who.name))
    old = [o for o in old if not all(w in known or len(w) == 1 for w in naming.parts(o)) or set(naming.parts(o)) == known]
    if old and not new and who.name and all(naming.misspelt(naming.parts(o), who) for o in old):
        words = set(naming.parts(who.name))
        new = (
            [who.name] if any(set(naming.parts(t)) <= words and not set(naming.parts(t)) <= set(naming.parts(old[0])) for t in told) else []
        )
    first_old = max(old, key=len, default="")
    full = list(dict.fromkeys(naming.complete(n, first_old, who) for n in new))
    first_new = max(full, key=len, default="")
    past = list(dict.fromkeys(naming.complete(o, first_new, naming.Sender()) for o in old))
    return _longest(full), _longest(past)


def _longest(names: list[str]) -> list[str]:
    return [n for n in names if not any(n != other and set(naming.parts(n)) < set(naming.parts(other)) for other in names)]
