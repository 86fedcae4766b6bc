"""From findings to a reading: what may happen by itself, what a person must see, what asks for nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from worker.rules.mail import InboundMail
from worker.rules.model import HoldReason
from worker.rules.reading.extract import Extraction
from worker.rules.reading.features import Views
from worker.rules.reading.language import Guess
from worker.rules.reading.machine import Kind, Origin
from worker.rules.reading.model import Evidence, Exit, Fields, Label, Part, Reading
from worker.rules.reading.rules import Finding, Found, Thresholds
from worker.rules.reading.strip import Stripped
from worker.rules.reading.tokens import Sentence
from worker.rules.reading.witness import Hearing

#: Only these rights may start anything without a person in this release.
AUTOMATIC: Final = frozenset({Label.ACCESS, Label.CORRECTION, Label.DELETION, Label.UNSUBSCRIBE})
MACHINES: Final = frozenset({Kind.AUTO_REPLY, Kind.BOUNCE, Kind.BULK})
RIGHTS: Final = frozenset(
    {Label.ACCESS, Label.CORRECTION, Label.DELETION, Label.UNSUBSCRIBE, Label.OBJECTION, Label.RESTRICTION, Label.PORTABILITY}
)
SUBJECT_ONLY: Final = 14  # words of body below which a subject may carry the request alone
VALUE_NEAR: Final = 4  # characters between "not" and the value it belongs to
BEHIND_VALUE: Final = 12  # characters between a value and the "not" of "is not in use"

_REFERENCE: Final = re.compile(r"\bPD-\d{4}-\d{4,8}\b", re.IGNORECASE)
_REPLY: Final = re.compile(r"\s{0,4}(?:re|aw|antw|antwort|sv|réf|betr)\s{0,2}(?:\[\d{1,3}\])?\s{0,2}:", re.IGNORECASE)
_FORWARD: Final = re.compile(r"\s{0,4}(?:fwd?|tr|wg|doorst|doorgestuurd|i)\s{0,2}:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that is known about one mail before the verdict."""

    mail: InboundMail
    stripped: Stripped
    sentences: Sequence[Sentence]
    guess: Guess
    origin: Origin
    found: Found
    values: Extraction
    views: Views
    thanks: bool

    @property
    def body_words(self) -> int:
        """How many words the sender wrote himself below the subject."""
        return sum(len(s.words) for s in self.sentences if s.part is Part.BODY)


def of_machine(origin: Origin, guess: Guess, versions: Mapping[str, str]) -> Reading:
    """A mail that a machine wrote opens nothing and is answered by nothing."""
    label = {Kind.AUTO_REPLY: Label.AUTO_REPLY, Kind.BOUNCE: Label.BOUNCE}.get(origin.kind, Label.OTHER)
    return Reading(Exit.QUIET, (label,), guess.language, because=origin.because, versions=versions, machine=True)


def decide(seen: Seen, hearing: Hearing, limits: Thresholds, versions: Mapping[str, str]) -> Reading:
    """The verdict on a mail of a human: automatic only where the rules and the witness agree on what is asked."""
    findings = _counted(seen, limits)
    known = _labels(seen, findings, limits)
    labels = _together(known, _heard(hearing, limits))
    reasons = _reasons(seen, findings, known, limits)
    exit_ = _exit(known, reasons)
    if exit_ is not Exit.STAFF and not _agrees(seen, exit_, known, hearing, limits):
        exit_, reasons = Exit.STAFF, (HoldReason.UNSURE,)
    because = _because(seen, findings)
    if exit_ is Exit.QUIET and not because:
        because = seen.origin.because
    fields = seen.values.fields if Label.CORRECTION in labels else _without_changes(seen.values.fields)
    order = tuple(label for label in Label if label in labels) or (_kind(hearing),)
    thanks = seen.thanks and exit_ is Exit.QUIET
    return Reading(exit_, order, seen.guess.language, reasons if exit_ is Exit.STAFF else (), fields, because, versions, thanks=thanks)


def _heard(hearing: Hearing, limits: Thresholds) -> frozenset[Label]:
    """What the witness says that a mail is about."""
    return frozenset(label for label in (*RIGHTS, Label.AUTHORITY, Label.COMPLAINT) if hearing[label] >= limits.heard)


def _together(known: frozenset[Label], heard: frozenset[Label]) -> frozenset[Label]:
    """The names of a mail: the rights that the witness hears, where it hears any; a grave matter that either names."""
    if Label.CONFIRMATION in known:
        return known
    rights = heard & RIGHTS or (known & RIGHTS if Label.AUTHORITY not in known else frozenset())
    return rights | ((known | heard) - RIGHTS)


def _agrees(seen: Seen, exit_: Exit, known: frozenset[Label], hearing: Hearing, limits: Thresholds) -> bool:
    """The witness says the same as the rules: these rights and no other, by a margin; or that nobody need see it."""
    heard = _heard(hearing, limits)
    if exit_ is Exit.QUIET:
        return seen.thanks or not any(s.words for s in seen.sentences) or (not heard and hearing["seen"] < limits.seen)
    others = max((hearing[label] for label in RIGHTS - known), default=-limits.other_sure)
    return heard & RIGHTS == known & RIGHTS and hearing["act"] >= limits.act_sure and -others >= limits.other_sure


def _kind(hearing: Hearing) -> Label:
    """What a mail is that asks for nothing."""
    best = max((Label.SPAM, Label.AUTO_REPLY, Label.BOUNCE), key=lambda label: hearing[label])
    return best if hearing[best] > 0 else Label.OTHER


def _exit(labels: frozenset[Label], reasons: tuple[HoldReason, ...]) -> Exit:
    if reasons:
        return Exit.STAFF
    return Exit.AUTOMATIC if labels & RIGHTS else Exit.QUIET


def _without_changes(fields: Fields) -> Fields:
    return Fields(fields.name, fields.email, fields.customer_number)


def inherited(subject: str) -> bool:
    """True for the subject of a reply or a forward: somebody else's words."""
    return bool(_REPLY.match(subject) or _FORWARD.match(subject))


def _counted(seen: Seen, limits: Thresholds) -> tuple[Finding, ...]:
    """The findings that speak: none from an inherited subject, no trace beside something strong, no values rule without values."""
    found = [_without_value_guards(f, seen) for f in seen.found.findings if f.score >= limits.mention]
    if inherited(seen.mail.subject):
        found = [f for f in found if f.evidence.part is Part.BODY]
    strong = {f.rule.label for f in found if f.score >= limits.automatic and not f.silent}
    found = [f for f in found if f.score >= limits.label or not strong & RIGHTS]
    return tuple(f for f in found if not _superseded(f, found, limits) and not (f.rule.needs_values and not seen.values.fields.changes))


def _superseded(finding: Finding, found: Sequence[Finding], limits: Thresholds) -> bool:
    """Words that a more exact right of the same mail explains."""
    label = finding.rule.label
    near = [f for f in found if f.at == finding.at and f is not finding]
    shared = {f.rule.label for f in near if f.used & finding.used}
    strong = {f.rule.label for f in found if f.score >= limits.automatic}
    match label:
        case Label.ACCESS:
            other_verb = finding.rule.id == "access.question" and Label.DELETION in shared
            other_verb = other_verb or (finding.score < limits.automatic and bool(shared & {Label.OBJECTION, Label.DELETION}))
            return other_verb or any(f.rule.label is Label.PORTABILITY for f in near)
        case Label.DELETION:
            weak = finding.score < limits.automatic
            stronger = {f.rule.label for f in near if f.score >= limits.automatic}
            return Label.RESTRICTION in shared or (weak and (Label.CORRECTION in stronger or Label.UNSUBSCRIBE in shared & stronger))
        case Label.UNSUBSCRIBE:
            return finding.score < limits.automatic and Label.DELETION in strong
        case _:
            return False


def _labels(seen: Seen, findings: Sequence[Finding], limits: Thresholds) -> frozenset[Label]:
    spoken = [f for f in findings if not f.silent]
    rights = {f.rule.label for f in spoken if f.rule.label in RIGHTS and f.score >= limits.label}
    rights = rights or {f.rule.label for f in spoken if f.rule.label in RIGHTS}
    labels = rights | {f.rule.label for f in spoken if f.rule.label in {Label.AUTHORITY, Label.COMPLAINT}}
    if _names_himself(seen, labels, findings):
        labels.add(Label.DELETION)
    if _confirms(seen, findings, labels):
        labels = {Label.CONFIRMATION}
    if not labels and any(f.rule.label is Label.SPAM for f in findings):
        labels.add(Label.SPAM)
    return frozenset(labels)


def _names_himself(seen: Seen, labels: set[Label], findings: Sequence[Finding]) -> bool:
    """Remove me, with name and address: the policy's own words for a deletion request."""
    bare = any(f.rule.id == "unsubscribe.remove-me" for f in findings)
    return bare and Label.DELETION not in labels and bool(seen.values.fields.name or seen.values.fields.email)


def _confirms(seen: Seen, findings: Sequence[Finding], labels: set[Label]) -> bool:
    said = any(f.rule.label is Label.CONFIRMATION for f in findings)
    strong = any(f.rule.label in RIGHTS and not f.silent and f.score >= 1.0 for f in findings)
    return said and _answers_us(seen) and not (strong and not _ours(seen)) and not labels & {Label.AUTHORITY, Label.COMPLAINT}


def _answers_us(seen: Seen) -> bool:
    return bool(seen.mail.in_reply_to or _REPLY.match(seen.mail.subject) or _ours(seen))


def _ours(seen: Seen) -> bool:
    """The mail carries the reference of a case."""
    return bool(_REFERENCE.search(seen.mail.subject) or _REFERENCE.search(seen.mail.text[:4000]))


def _reasons(seen: Seen, findings: Sequence[Finding], labels: frozenset[Label], limits: Thresholds) -> tuple[HoldReason, ...]:
    """Why a person must look, each reason once, in the order of the vocabulary."""
    out = {*_of_labels(labels), *_of_shape(seen, findings, labels, limits)}
    if findings or labels & RIGHTS:
        out |= {guard.reason for f in findings if f.rule.label in RIGHTS for guard, _ in f.guards}
        if any(f.rule.label in RIGHTS for f in findings):
            out |= {guard.reason for guard, _ in seen.found.guards}
    out |= _of_strength(findings, labels, limits)
    if Label.CORRECTION in labels:
        out |= _of_values(seen)
    return tuple(reason for reason in HoldReason if reason in out)


def _without_value_guards(finding: Finding, seen: Seen) -> Finding:
    kept = tuple(pair for pair in finding.guards if not _part_of_value(finding, pair[1], seen))
    return replace(finding, guards=kept)


def _part_of_value(finding: Finding, why: Evidence, seen: Seen) -> bool:
    """Not Jansens but Janssens; 02 555 is not in use: the negation belongs to the old value."""
    if finding.rule.label is not Label.CORRECTION or why.part is not Part.BODY:
        return False
    old = [e.span for e in seen.values.because if e.rule.endswith(".old")]
    return any(0 <= start - why.span[1] <= VALUE_NEAR or 0 <= why.span[0] - end <= BEHIND_VALUE for start, end in old)


def _of_labels(labels: frozenset[Label]) -> Iterable[HoldReason]:
    if Label.AUTHORITY in labels:
        yield HoldReason.AUTHORITY
    if Label.COMPLAINT in labels:
        yield HoldReason.COMPLAINT
    if labels & (RIGHTS - AUTOMATIC) or Label.CONFIRMATION in labels:
        yield HoldReason.NOT_AUTOMATIC


def _of_strength(findings: Sequence[Finding], labels: frozenset[Label], limits: Thresholds) -> set[HoldReason]:
    """Every automatic right must have one finding that is strong, asks, and stands in the sender's own words."""
    out = set()
    for label in labels & AUTOMATIC:
        if not any(f.rule.label is label and f.score >= limits.automatic and f.asks and not f.silent for f in findings):
            out.add(HoldReason.UNSURE)
    if any(not f.asks for f in findings if f.rule.label in RIGHTS):
        out.add(HoldReason.UNSURE)
    return out


def _of_shape(seen: Seen, findings: Sequence[Finding], labels: frozenset[Label], limits: Thresholds) -> Iterable[HoldReason]:
    """What the mail as a whole gives reason to."""
    asking = [f for f in findings if f.rule.label in RIGHTS]
    if seen.guess.foreign:
        yield HoldReason.LANGUAGE
    if not asking:
        if _ours(seen) and not labels and seen.body_words and not seen.thanks:
            yield HoldReason.FOLLOW_UP
        return
    quoted = seen.stripped.all_quoted and any(f.evidence.part is Part.BODY for f in asking)
    if quoted or seen.stripped.forwarded or _FORWARD.match(seen.mail.subject):
        yield HoldReason.QUOTED
    if seen.origin.kind is Kind.MIXED or seen.stripped.cut or seen.body_words > limits.longest_own:
        yield HoldReason.UNSURE
    if all(f.evidence.part is Part.SUBJECT for f in asking) and _body_differs(seen):
        yield HoldReason.UNSURE
    if _ours(seen):
        yield HoldReason.FOLLOW_UP


def _body_differs(seen: Seen) -> bool:
    if seen.stripped.all_quoted:
        return False
    return seen.body_words > SUBJECT_ONLY or any(s.question for s in seen.sentences if s.part is Part.BODY)


def _of_values(seen: Seen) -> set[HoldReason]:
    out = set()
    if seen.values.bank:
        out.add(HoldReason.BANK_DETAILS)
    if not seen.values.fields.changes:
        out.add(HoldReason.NO_VALUES)
    if seen.values.doubtful:
        out.add(HoldReason.UNSURE)
    return out


def _because(seen: Seen, findings: Sequence[Finding]) -> tuple[Evidence, ...]:
    """Evidence of rules first, then of guards, each span once."""
    rules = [f.evidence for f in findings]
    guards = [e for f in findings for _, e in f.guards] + [e for _, e in (seen.found.guards if findings else ())]
    return tuple(dict.fromkeys((*rules, *guards, *seen.values.because)))


def places(seen: Seen, heard: str, words: str) -> tuple[Evidence, ...]:
    """Where the words on which the witness built stand for the first time; nothing if they are not next to each other."""
    wanted = tuple(words.split())
    for sentence in seen.sentences:
        folds = sentence.folds
        for at in range(len(folds) - len(wanted) + 1):
            if folds[at : at + len(wanted)] == wanted:
                start, end = sentence.words[at].start, sentence.words[at + len(wanted) - 1].end
                text = seen.mail.subject if sentence.part is Part.SUBJECT else seen.mail.text
                return (Evidence(f"witness.{heard}", sentence.part, (start, end), text[start:end]),)
    return ()
