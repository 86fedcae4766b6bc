"""Who it is: the name given and the name on record, other requests and other addresses of the same person."""

from __future__ import annotations

import pytest

from tests.desks import House
from worker.casework import confirm, rule, status
from worker.casework.pages import Outcome
from worker.rules.model import HoldReason, MailState, RequestState, Right

DELETE = "Please delete all my personal data. My name is {}. My e-mail address is ann@example.com."
ACCESS = "What data do you have about me?"


async def _deleted(house: House, name: str) -> None:
    await house.write(DELETE.format(name))
    letter = await house.last("confirm")
    await confirm.click(house.desk, letter.link("c"), code=letter.code, choices=(Right.DELETION,))
    house.clock.pass_(hours=73)
    await house.carry_out()


async def test_another_name_than_the_one_on_record_is_looked_at_after_the_proof_and_erases_nothing(house: House) -> None:
    await _deleted(house, "Karel Verbeke")
    assert await house.requests() == {"deletion": RequestState.IN_REVIEW}
    assert await house.record() is not None
    (line,) = await rule.queue(house.desk, "staff:lea")
    assert line.reasons == (HoldReason.NAME_DIFFERS,)
    page = await rule.look(house.desk, "staff:lea", line.id)
    assert page is not None
    assert (page.given_name, page.on_record) == ("Karel Verbeke", ("Ann Peeters",))


async def test_staff_who_know_better_let_the_other_name_go_on(house: House) -> None:
    await _deleted(house, "Karel Verbeke")
    (line,) = await rule.queue(house.desk, "staff:lea")
    assert await rule.approve(house.desk, "staff:lea", line.id, (Right.DELETION,))
    house.clock.pass_(hours=73)
    await house.carry_out()
    assert await house.record() is None


async def test_a_copy_that_nobody_confirmed_is_not_promised_before_the_erasure(house: House) -> None:
    await house.write("Please send me a copy of my personal data first. Then delete all my data. My name is Karel Verbeke.")
    letter = await house.last("confirm")
    await confirm.click(house.desk, letter.link("c"), code=letter.code, choices=(Right.DELETION,))
    house.clock.pass_(hours=73)
    await house.carry_out()
    (line,) = await rule.queue(house.desk, "staff:lea")
    assert await rule.approve(house.desk, "staff:lea", line.id, (Right.DELETION,))
    assert "copy" not in (await house.last("erasure_planned")).text


@pytest.mark.parametrize("name", ["Ann Peeters", "A. Peeters", "PEETERS Ann"])
async def test_the_same_name_written_otherwise_needs_nobody(house: House, name: str) -> None:
    await _deleted(house, name)
    assert await house.record() is None


async def test_a_correction_under_another_name_shows_nothing_of_the_record(house: House) -> None:
    await house.write("My name is Karel Verbeke. My telephone number changed from 02 555 12 12 to 02 555 12 13.")
    letter = await house.last("confirm")
    click = await confirm.click(house.desk, letter.link("c"), code=letter.code, choices=(Right.CORRECTION,))
    assert click.outcome is Outcome.DONE
    assert click.review == ()
    await house.carry_out()
    assert await house.requests() == {"correction": RequestState.IN_REVIEW}


async def test_the_newest_letter_offers_what_else_waits_under_the_address_and_ticks_none_of_it(house: House) -> None:
    await house.write(ACCESS)
    await house.write("Please delete all my personal data.")
    newest = await house.last("confirm")
    page = await confirm.view(house.desk, newest.link("c"))
    assert [(line.right, line.chosen) for line in page.lines] == [(Right.DELETION, True), (Right.ACCESS, False)]
    click = await confirm.click(house.desk, newest.link("c"), code=newest.code, choices=(Right.DELETION,))
    assert click.outcome is Outcome.DONE
    assert (await house.requests())["access"] == RequestState.AWAITING_CONFIRMATION


async def test_one_click_confirms_all_that_is_ticked_in_both_cases(house: House) -> None:
    await house.write(ACCESS)
    older = await house.last("confirm")
    await house.write("Please delete all my personal data.")
    newest = await house.last("confirm")
    page = await confirm.view(house.desk, newest.link("c"))
    click = await confirm.click(house.desk, newest.link("c"), code=newest.code, choices=[line.choice for line in page.lines])
    assert click.outcome is Outcome.DONE
    assert {line.right for line in click.page.lines} == {Right.ACCESS, Right.DELETION}
    await house.carry_out()
    assert await house.requests() == {"access": "fulfilled", "deletion": RequestState.WAITING_GRACE}
    assert (await confirm.click(house.desk, older.link("c"), code="", choices=(Right.ACCESS,))).outcome is Outcome.CLOSED


async def test_a_link_without_a_code_opens_nothing_that_needs_one(house: House) -> None:
    await house.write("Please delete all my personal data.")
    await house.write(ACCESS)
    page = await confirm.view(house.desk, (await house.last("confirm")).link("c"))
    assert [line.right for line in page.lines] == [Right.ACCESS]


async def test_nobody_is_offered_the_requests_of_another_address(house: House) -> None:
    await house.write(ACCESS, sender="joann@example.com")
    await house.write(ACCESS)
    page = await confirm.view(house.desk, (await house.last("confirm")).link("c"))
    assert len(page.lines) == 1


async def test_another_address_in_the_mail_gets_nothing_until_the_person_asks_for_it(house: House) -> None:
    await house.write("What data do you have about me? My e-mail address is ann@example.com.", sender="ann.new@example.org")
    letter = await house.last("confirm", "ann.new@example.org")
    assert await house.letters("ann@example.com") == []
    assert (await status.view(house.desk, letter.link("r"))).other_addresses == ()
    await confirm.click(house.desk, letter.link("c"), code="", choices=(Right.ACCESS,))
    assert (await status.view(house.desk, letter.link("r"))).other_addresses == ("ann@example.com",)
    sent = await status.there_too(house.desk, letter.link("r"), "ann@example.com")
    assert sent.outcome is Outcome.DONE
    there = await house.last("confirm", "ann@example.com")
    await confirm.click(house.desk, there.link("c"), code="", choices=(Right.ACCESS,))
    await house.carry_out()
    await house.last("package_ready", "ann@example.com")
    assert [each.name for each in await house.letters("ann.new@example.org")] == ["confirm", "nothing_held"]


async def test_nothing_can_be_sent_to_an_address_that_the_mail_does_not_name(house: House) -> None:
    await house.write("What data do you have about me? My e-mail address is ann@example.com.", sender="ann.new@example.org")
    letter = await house.last("confirm")
    await confirm.click(house.desk, letter.link("c"), code="", choices=(Right.ACCESS,))
    assert (await status.there_too(house.desk, letter.link("r"), "bob@example.com")).outcome is Outcome.CLOSED
    assert await house.letters("bob@example.com") == []


async def test_what_is_sent_there_too_counts_in_the_daily_limit_of_that_address(house: House) -> None:
    await house.write("What data do you have about me? My e-mail address is ann@example.com.", sender="ann.new@example.org")
    letter = await house.last("confirm")
    await confirm.click(house.desk, letter.link("c"), code="", choices=(Right.ACCESS,))
    outcomes = [(await status.there_too(house.desk, letter.link("r"), "ann@example.com")).outcome for _ in range(5)]
    assert outcomes == [Outcome.DONE] * 3 + [Outcome.LATER] * 2
    assert len(await house.letters("ann@example.com")) == 3


async def test_who_writes_from_his_new_address_can_have_the_old_one_asked(house: House) -> None:
    mail_id = await house.write(
        "Please change my e-mail address from ann@example.com to ann.new@example.org.", sender="ann.new@example.org", subject="new address"
    )
    assert (await house.state(mail_id))[0] is MailState.CASE
    letter = await house.last("confirm", "ann.new@example.org")
    await confirm.click(house.desk, letter.link("c"), code=letter.code, choices=(Right.CORRECTION,))
    page = await status.view(house.desk, letter.link("r"))
    assert page.other_addresses == ("ann@example.com",)
    await status.there_too(house.desk, letter.link("r"), "ann@example.com")
    there = await house.last("confirm", "ann@example.com")
    token, choices = there.link("c"), (Right.CORRECTION,)
    shown = await confirm.click(house.desk, token, code=there.code, choices=choices)
    assert shown.outcome is Outcome.REVIEW
    await confirm.click(house.desk, token, code=there.code, choices=choices, fingerprint=shown.fingerprint)
    new = await house.last("confirm_new_address", "ann.new@example.org")
    await confirm.click(house.desk, new.link("c"), code=new.code, choices=choices)
    await house.carry_out()
    assert await house.record("ann.new@example.org") is not None
