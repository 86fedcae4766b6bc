"""A delivery report: noted as machine mail. It never opens, confirms or reopens anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.rules.decision import Decision, MarkMail
from worker.rules.model import MailState

if TYPE_CHECKING:
    from worker.rules.decision import Situation


def handle(situation: Situation) -> Decision:  # noqa: ARG001 - every handler has the same form
    """Put it with the machine mail."""
    return Decision((MarkMail(MailState.MACHINE),))
