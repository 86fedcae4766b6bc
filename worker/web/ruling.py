"""What staff filled in for one held mail or case: read, checked, and shown again before anything happens."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from worker.casework import rule, undelivered
from worker.rules.letters import Reason
from worker.rules.model import Change, Column, Right
from worker.web.forms import MAX_WORDS

if TYPE_CHECKING:
    from worker.casework.desk import Desk
    from worker.casework.pages import HeldPage
    from worker.web.forms import Fields

#: What can be a ground for saying no to a person; the others are grounds for keeping data.
REFUSALS: Final[tuple[Reason, ...]] = (
    Reason.UNFOUNDED,
    Reason.NOT_PROVED,
    Reason.OTHERS_RIGHTS,
    Reason.LEGAL_CLAIM,
    Reason.CONTRACT,
    Reason.TAX_LAW,
    Reason.SENSITIVE,
)


class Act(StrEnum):
    """What staff can do with what is held."""

    APPROVE = "approve"
    ANSWER = "answer"
    REFUSE = "refuse"
    CLOSE = "close"
    AGAIN = "again"  # letters that failed for good
    REACHED = "reached"  # the person was told of them by another way


@dataclass(frozen=True, slots=True)
class Plan:
    """One decision, not yet carried out. ``wrong`` is the key of the sentence that says what is missing."""

    act: Act
    rights: tuple[Right, ...] = ()
    changes: tuple[Change, ...] = field(default=(), repr=False)
    reason: Reason | None = None
    words: str = field(default="", repr=False)
    wrong: str = ""
    letters: tuple[str, ...] = ()


def planned(fields: Fields, held: HeldPage) -> Plan | None:
    """The decision in a form, or None for a form that is none of ours."""
    if fields.line("act") not in set(Act):
        return None
    act = Act(fields.line("act"))
    rights = tuple(right for right in Right if right in fields.many("right"))
    changes = _changes(fields, held) if Right.CORRECTION in rights else ()
    reason = Reason(fields.line("reason")) if fields.line("reason") in set(REFUSALS) else None
    words = fields.words("words")[:MAX_WORDS]
    return Plan(act, rights, changes, reason, words, _wrong(act, rights, changes, reason, words, held), fields.many("letter"))


def _changes(fields: Fields, held: HeldPage) -> tuple[Change, ...]:
    old = {change.column: change.old for change in held.changes}
    return tuple(Change(column, new, old.get(column)) for column in Column if (new := fields.line(f"new-{column}")))


def _wrong(act: Act, rights: tuple[Right, ...], changes: tuple[Change, ...], reason: Reason | None, words: str, held: HeldPage) -> str:
    missing = {
        "need_right": act in {Act.APPROVE, Act.REFUSE} and not rights,
        "need_value": act is Act.APPROVE and held.line.kind == "mail" and Right.CORRECTION in rights and not changes,
        "need_reason": act is Act.REFUSE and reason is None,
        "need_words": act is Act.ANSWER and not words,
        "need_note": act is Act.REACHED and not words,
        "cannot_answer": act is not Act.CLOSE and not held.can_answer,
    }
    return next((key for key, applies in missing.items() if applies), "")


async def carry_out(desk: Desk, actor: str, item_id: str, plan: Plan) -> bool:
    """Do it. False if somebody else was faster."""
    match plan.act:
        case Act.APPROVE:
            return await rule.approve(desk, actor, item_id, plan.rights, plan.changes)
        case Act.ANSWER:
            return await rule.answer(desk, actor, item_id, plan.words)
        case Act.REFUSE:
            return await rule.refuse(desk, actor, item_id, plan.rights, plan.reason or Reason.UNFOUNDED, plan.words)
        case Act.CLOSE:
            return await rule.close(desk, actor, item_id)
        case Act.AGAIN:
            return await undelivered.send_again(desk, actor, item_id, plan.letters)
        case Act.REACHED:
            return await undelivered.reached(desk, actor, item_id, plan.letters, plan.words)
