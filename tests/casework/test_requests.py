"""Each of the four requests from its mail to its end."""

from __future__ import annotations

from tests.desks import House
from worker.casework import confirm, download, status
from worker.casework.pages import LinkState, Outcome
from worker.rules.model import MailState, Right


async def test_access_ends_with_a_package_behind_a_link_and_a_code(house: House) -> None:
    mail_id = await house.write("Hello, what data do you hold about me? Please send me a copy. Ann Peeters")
    assert (await house.state(mail_id))[0] is MailState.CASE
    letter = await house.last("confirm", "ann@example.com")
    click = await confirm.click(house.desk, letter.link("c"), code="", choices=(Right.ACCESS,))
    assert click.outcome is Outcome.DONE
    await house.carry_out()
    ready = await house.last("package_ready")
    token = ready.link("d")
    assert (await download.view(house.desk, token)).package is None
    assert (await download.open_package(house.desk, token, "222222")).outcome is Outcome.WRONG_CODE
    opened = await download.open_package(house.desk, token, ready.code.lower())
    assert opened.outcome is Outcome.DONE
    assert opened.package is not None
    assert "Ann Peeters" in str(opened.package.document)
    assert await house.requests() == {"access": "fulfilled"}


async def test_an_unknown_sender_learns_only_after_proof_that_nothing_is_held(house: House) -> None:
    await house.write("What do you know about me? I want a copy of my personal data.", sender="nobody@example.org")
    await house.write("What do you know about me? I want a copy of my personal data.")
    unknown, known = (await house.letters("nobody@example.org"))[0], (await house.letters("ann@example.com"))[0]
    assert unknown.text.count("\n") == known.text.count("\n")
    await confirm.click(house.desk, unknown.link("c"), code="", choices=(Right.ACCESS,))
    await house.carry_out()
    await house.last("nothing_held", "nobody@example.org")


async def test_deletion_waits_its_grace_and_then_erases_but_for_what_the_law_keeps(house: House) -> None:
    await house.write("Please delete all my data. Ann Peeters, ann@example.com")
    letter = await house.last("confirm")
    wrong = await confirm.click(house.desk, letter.link("c"), code="AAAAAA", choices=(Right.DELETION,))
    assert wrong.outcome is Outcome.WRONG_CODE
    right = await confirm.click(house.desk, letter.link("c"), code=letter.code, choices=(Right.DELETION,))
    assert right.outcome is Outcome.DONE
    await house.carry_out()
    assert await house.record() is not None
    await house.last("erasure_planned")
    house.clock.pass_(hours=73)
    await house.carry_out()
    assert await house.record() is None
    await house.last("erased")
    assert (await house.requests())["deletion"] == "fulfilled"


async def test_a_deletion_can_be_cancelled_during_its_grace(house: House) -> None:
    await house.write("Delete my account and all my data please")
    letter = await house.last("confirm")
    await confirm.click(house.desk, letter.link("c"), code=letter.code, choices=(Right.DELETION,))
    planned = await house.last("erasure_planned")
    assert (await status.view(house.desk, planned.link("r"))).can_cancel
    assert (await status.cancel(house.desk, planned.link("r"))).outcome is Outcome.DONE
    house.clock.pass_(days=10)
    await house.carry_out()
    assert await house.record() is not None
    await house.last("withdrawn")


async def test_a_correction_is_shown_old_to_new_and_applied_after_the_second_click(house: House) -> None:
    await house.write("Hello, my new telephone number is +32 9 234 56 78. Could you change it? Ann Peeters")
    letter = await house.last("confirm")
    first = await confirm.click(house.desk, letter.link("c"), code=letter.code, choices=(Right.CORRECTION,))
    assert first.outcome is Outcome.REVIEW
    assert first.review == (("telephone", "+32 9 123 45 67", "+32 9 234 56 78"),)
    second = await confirm.click(house.desk, letter.link("c"), code=letter.code, choices=(Right.CORRECTION,), fingerprint=first.fingerprint)
    assert second.outcome is Outcome.DONE
    await house.carry_out()
    record = await house.record()
    assert record is not None
    assert record["telephone"] == "+32 9 234 56 78"
    await house.last("corrected")


async def test_unsubscribing_takes_effect_at_once_and_is_acknowledged(house: House) -> None:
    await house.write("stop", subject="newsletter")
    letter = await house.last("unsubscribed")
    assert letter.link("p")
    assert await house.requests() == {"unsubscribe": "fulfilled"}


async def test_access_and_deletion_in_one_mail_give_one_letter_and_the_package_first(house: House) -> None:
    await house.write("Please send me a copy of my personal data and then delete all my data.")
    assert [letter.name for letter in await house.letters()] == ["confirm"]
    letter = await house.last("confirm")
    await confirm.click(house.desk, letter.link("c"), code=letter.code, choices=(Right.ACCESS, Right.DELETION))
    house.clock.pass_(hours=100)
    await house.carry_out()
    assert [each.name for each in await house.letters()] == ["confirm", "erasure_planned", "package_ready", "erased"]


async def test_a_link_used_twice_shows_where_the_request_is(house: House) -> None:
    await house.write("What data do you have about me?")
    token = (await house.last("confirm")).link("c")
    await confirm.click(house.desk, token, code="", choices=(Right.ACCESS,))
    again = await confirm.click(house.desk, token, code="", choices=(Right.ACCESS,))
    assert again.outcome is Outcome.CLOSED
    assert again.page.state is LinkState.USED
    assert (await confirm.view(house.desk, token)).state is LinkState.USED


async def test_looking_at_a_link_two_hundred_times_confirms_nothing(house: House) -> None:
    await house.write("What data do you have about me?")
    token = (await house.last("confirm")).link("c")
    for _ in range(200):
        await confirm.view(house.desk, token)
    assert await house.requests() == {"access": "awaiting_confirmation"}
