"""A mail of nothing but thanks is told from one that says more."""

from __future__ import annotations

import pytest

from tests.rules.reading.conftest import Read
from worker.rules.reading.model import Exit

ONLY_THANKS = [
    "Thank you!", "Thanks a lot for your quick reply.\n\nBest regards\nAnn", "Hello,\n\nMany thanks!\nAnn", "thx",
    "Bedankt!", "Dank u wel voor uw snelle antwoord.", "Hartelijk bedankt, fijne dag nog.\n\nMet vriendelijke groeten\nAnn", "Merci!",
    "Merci beaucoup pour votre réponse rapide.", "Bonjour,\n\nun grand merci.\n\nBonne journée", "Je vous remercie.",
    "Vielen Dank!", "Guten Tag, herzlichen Dank fuer die schnelle Antwort.\n\nMfG Ann", "Danke schön, schönes Wochenende!",
    "Thank you!\n\nOn Mon, 2 Mar 2026 at 10:12, Privacy Desk <privacy@example.com> wrote:\n> Please confirm your request",
]  # fmt: skip
MORE = [
    "No thanks.", "Thanks, but no.", "OK, thanks", "Yes please, thank you", "Thanks for nothing", "Thank you, please call me.", "Thanks?", "",
    "Thank you for your reply. My new number is 02 555 01 77.", "Nee, bedankt.", "Ja, bedankt", "Merci de supprimer mon compte.", "Merci, mais non.",
    "D'accord, merci.", "Nein danke.", "Ja, danke.", "Danke, und was ist mit meiner Rechnung?", "Thank you\n\nStop", "Bedankt, tot maandag",
    "Thank you " * 10, "Ann", "Best regards", "thank you for the data you hold on me", "Vielen Dank, bitte löschen",
]  # fmt: skip


@pytest.mark.parametrize("text", ONLY_THANKS)
def test_thanks_and_nothing_else(read: Read, text: str) -> None:
    for subject in ("", "Re: Please confirm your request [PD-2026-000123]"):
        reading = read(text, subject, in_reply_to="<1@desk>")
        assert (reading.thanks, reading.exit) == (True, Exit.QUIET)


@pytest.mark.parametrize("text", MORE)
def test_thanks_with_anything_else_are_none(read: Read, text: str) -> None:
    assert not read(text, "Re: Please confirm your request [PD-2026-000123]", in_reply_to="<1@desk>").thanks


def test_a_subject_that_asks_is_not_lost_behind_thanks(read: Read) -> None:
    assert not read("Thank you!", "Please delete all my personal data").thanks


def test_an_attachment_says_more_than_thanks(read: Read) -> None:
    assert not read("Thank you!", attachments=("application/pdf",)).thanks
