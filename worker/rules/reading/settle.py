"""Numbers, addresses and mail addresses of which no word beside them speaks: by what stands with them in the mail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from worker.rules.reading import naming
from worker.rules.reading.values import Family, Mention
from worker.rules.reading.vocabulary import Kind, Role, Scan


def settle(scan: Scan, assigned: Sequence[Mention], who: naming.Sender) -> list[Mention]:
    """Give roles and kinds to what stands with others."""
    return _paired_phones(scan, _sole(scan, _fellows(scan, assigned), who))


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
        if not mention.strict or mention.role is not None or signs(scan, mention, who):
            continue
        rivals = [m for m in out if m is not mention and m.family is mention.family and m.strict and m.role in {Role.NEW, None}]
        sentence = scan.sentence[mention.start]
        own = scan.roles_in(sentence)
        if not rivals and wanted(scan, sentence) and not own & {Role.CONTACT, Role.OTHER}:
            out[at] = replace(mention, role=Role.NEW)
    return out


def wanted(scan: Scan, sentence: int) -> bool:
    """Whether a change is asked in this sentence, in one beside it or in the subject."""
    near = set().union(*(scan.roles_in(at) for at in (0, sentence - 1, sentence, sentence + 1)))
    return bool(near & {Role.NEW, Role.REPLACE, Role.ADD, Role.WRONG})


def signs(scan: Scan, mention: Mention, who: naming.Sender) -> bool:
    """Whether the mention stands beside the sender's name in a line that says nothing else: a signature."""
    sentence = scan.sentence[mention.start]
    inside = [i for i, at in enumerate(scan.sentence) if at == sentence and not mention.start <= i < mention.end]
    words = [scan.tokens[i] for i in inside if scan.tokens[i].kind is Kind.WORD]
    return bool(words) and all(t.capital for t in words) and any(t.low in who.words for t in words)
