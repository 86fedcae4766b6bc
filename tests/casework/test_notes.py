"""The short note to somebody whose mail waits for a person: who gets it, and what it says."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.desks import House, a_house, a_mail
from worker.casework import confirm
from worker.rules.decision import Mode
from worker.rules.model import MailState
from worker.rules.policy import Policy

DELETE = "Please delete all my personal data."
UNCLEAR = "Only delete my data if the court case against you is over, otherwise keep everything."


async def answered(house: House, text: str) -> str:
    """Ann asks for deletion, and answers our letter with ``text``; returns the id of her answer."""
    await house.write(DELETE)
    ours = (await house.last("confirm")).message
    return await house.write(text, In_Reply_To=ours["Message-ID"], subject=f"Re: {ours['Subject']}")


async def test_a_mail_that_waits_for_a_person_is_told_so_once_a_day(house: House) -> None:
    await house.write(UNCLEAR)
    await house.write(UNCLEAR + " Really.")
    assert [letter.name for letter in await house.letters()] == ["held_note"]
    assert "7 April 2026" in (await house.last("held_note")).text


async def test_an_old_mail_gets_no_note_that_promises_a_day_of_the_past(house: House) -> None:
    mail_id = await house.receive(a_mail(DELETE), received=house.clock.now() - timedelta(days=60))
    assert (await house.state(mail_id))[0] is MailState.HELD
    assert await house.letters() == []


async def test_a_company_that_reads_older_mails_promises_no_day_of_the_past_either(tmp_path: Path) -> None:
    policy = Policy(stale_after=timedelta(days=90))
    async with a_house(f"sqlite:///{tmp_path}/desk.sqlite3", tmp_path, policy=policy) as house:
        mail_id = await house.receive(a_mail(UNCLEAR), received=house.clock.now() - timedelta(days=60))
        assert (await house.state(mail_id))[0] is MailState.HELD
        assert await house.letters() == []


async def test_a_desk_that_only_reads_writes_no_note(tmp_path: Path) -> None:
    async with a_house(f"sqlite:///{tmp_path}/desk.sqlite3", tmp_path, mode=Mode.SHADOW) as house:
        await house.write(UNCLEAR)
        assert await house.letters() == []


@pytest.mark.parametrize("text", ["Yes, I confirm.", "Ja, ik bevestig.", "Oui, je confirme.", "Ja, ich bestätige."])
async def test_who_confirms_in_words_is_told_once_that_only_the_button_counts(house: House, text: str) -> None:
    mail_id = await answered(house, text)
    assert (await house.state(mail_id))[0] is MailState.HELD
    assert "only the button in that mail confirms your request" in " ".join((await house.last("held_note")).text.split())
    await answered(house, text + " " + text)
    assert [letter.name for letter in await house.letters()].count("held_note") == 1
    assert set((await house.requests()).values()) == {"awaiting_confirmation"}


async def test_who_confirms_in_words_in_a_mail_of_its_own_is_told_the_same(house: House) -> None:
    await house.write(DELETE)
    reference = (await house.last("confirm")).subject.rpartition("[")[2].rstrip("]")
    await house.write(f"I confirm my request {reference}.")
    assert "only the button in that mail confirms your request" in " ".join((await house.last("held_note")).text.split())


async def test_another_question_in_a_case_that_nobody_has_to_confirm_any_more_gets_the_plain_note(house: House) -> None:
    await house.write(DELETE)
    ours = await house.last("confirm")
    await confirm.click(house.desk, ours.link("c"), code=ours.code, choices=("deletion",))
    mail_id = await house.write("When will that be done?", In_Reply_To=ours.message["Message-ID"], subject="Re: it")
    assert await house.state(mail_id) == (MailState.HELD, ("follow-up",))
    note = await house.last("held_note")
    assert "button" not in note.text
    assert "You need not do anything until then" in note.text


@pytest.mark.parametrize(
    "text", ["Thank you!", "Bedankt!\n\nAnn", "Merci beaucoup.", "Vielen Dank für die schnelle Antwort.\n\nMfG\nAnn Peeters"]
)
async def test_a_bare_thank_you_bothers_nobody_and_gets_nothing(house: House, text: str) -> None:
    mail_id = await answered(house, text)
    assert (await house.state(mail_id))[0] is MailState.QUIET
    assert [letter.name for letter in await house.letters()] == ["confirm"]


@pytest.mark.parametrize("text", ["Thank you, and what about my invoices?", "OK, thanks", "No, thank you."])
async def test_thanks_that_say_more_are_read_by_a_person(house: House, text: str) -> None:
    mail_id = await answered(house, text)
    assert (await house.state(mail_id))[0] is MailState.HELD
    await house.last("held_note")
