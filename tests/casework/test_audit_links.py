"""What the holder of a link learns, changes and is told."""

from __future__ import annotations

import asyncio

from tests.desks import House
from worker.casework import ask, confirm, rule, status
from worker.casework.pages import Click, Outcome
from worker.rules.letters import Reason
from worker.rules.model import Change, Column, Language, Right

DELETE = "Please delete all my personal data."
MOVED = "My e-mail address has changed. The new address is ann.new@example.org, please update it."
PHONE = "Hello, my new telephone number is +32 9 234 56 78. Could you change it? Ann Peeters"


async def _correct(house: House) -> Click:
    letter = await house.last("confirm", "ann@example.com")
    return await _both_clicks(house, letter.link("c"), letter.code)


async def _both_clicks(house: House, token: str, code: str) -> Click:
    review = await confirm.click(house.desk, token, code=code, choices=(Right.CORRECTION,))
    return await confirm.click(house.desk, token, code=code, choices=(Right.CORRECTION,), fingerprint=review.fingerprint)


async def test_who_opens_a_link_without_the_code_never_sees_what_is_on_record(house: House) -> None:
    await house.write(PHONE)
    letter = await house.last("confirm")
    await _correct(house)
    found = await house.desk.register.find("ann@example.com")
    await house.desk.register.rectify("other", found[0].person, [_change("+32 9 999 99 99", "+32 9 123 45 67")])
    await house.carry_out()
    again = await house.last("correction_outdated")
    for page in (await confirm.view(house.desk, again.link("c")), await status.view(house.desk, letter.link("r"))):
        assert all(change.old is None for line in page.lines for change in line.changes)


async def test_whoever_reads_a_shared_mailbox_is_not_shown_the_record(house: House) -> None:
    await house.customer(id=3, customer_number="C-3", email="info@firm.test")
    await house.write(PHONE, sender="info@firm.test")
    letter = await house.last("confirm", "info@firm.test")
    click = await confirm.click(house.desk, letter.link("c"), code=letter.code, choices=(Right.CORRECTION,))
    assert click.review == ()
    assert await house.requests() == {"correction": "in_review"}
    (line,) = await rule.queue(house.desk, "staff:x")
    assert await rule.approve(house.desk, "staff:x", line.id)
    await house.carry_out()
    record = await house.record("info@firm.test")
    assert record is not None
    assert record["telephone"] == "+32 9 234 56 78"


async def test_a_correction_that_met_another_value_can_still_be_withdrawn(house: House) -> None:
    await house.write(PHONE)
    await _correct(house)
    found = await house.desk.register.find("ann@example.com")
    await house.desk.register.rectify("other", found[0].person, [_change("+32 9 999 99 99", "+32 9 123 45 67")])
    await house.carry_out()
    letter = await house.last("correction_outdated")
    assert (await status.withdraw(house.desk, letter.link("r"), not_me=False)).outcome is Outcome.DONE
    assert await house.requests() == {"correction": "withdrawn"}


async def test_not_me_after_an_outdated_correction_leaves_no_erasure_behind(house: House) -> None:
    rights = (Right.CORRECTION, Right.DELETION)
    await ask.by_form(house.desk, mailbox="ann@example.com", language=Language.EN, rights=rights, words=PHONE)
    letter = await house.last("confirm")
    review = await confirm.click(house.desk, letter.link("c"), code=letter.code, choices=rights)
    await confirm.click(house.desk, letter.link("c"), code=letter.code, choices=rights, fingerprint=review.fingerprint)
    found = await house.desk.register.find("ann@example.com")
    await house.desk.register.rectify("other", found[0].person, [_change("+32 9 999 99 99", "+32 9 123 45 67")])
    await house.carry_out()
    assert (await status.withdraw(house.desk, letter.link("r"), not_me=True)).outcome is Outcome.DONE
    assert set((await house.requests()).values()) == {"withdrawn"}
    house.clock.pass_(days=5)
    await house.carry_out()
    assert await house.record() is not None


async def test_a_new_address_that_never_answers_ends_in_time_with_a_letter(house: House) -> None:
    await house.write(MOVED)
    await _correct(house)
    assert await house.requests() == {"correction": "awaiting_information"}
    house.clock.pass_(days=15)
    await house.tick()
    assert [line.reasons for line in await rule.queue(house.desk, "staff:x")] == [("unconfirmed",)]
    house.clock.pass_(days=18)
    await house.tick()
    await house.last("expired", "ann@example.com")
    assert await house.requests() == {"correction": "expired"}


async def test_the_owner_of_the_new_address_says_no_and_the_requester_is_told_why(house: House) -> None:
    await house.write(MOVED)
    await _correct(house)
    second = await house.last("confirm_new_address", "ann.new@example.org")
    assert (await status.withdraw(house.desk, second.link("r"), not_me=True)).outcome is Outcome.DONE
    refused = await house.last("refused", "ann@example.com")
    assert "new e-mail address" in refused.text
    assert await house.requests() == {"correction": "refused"}


async def test_the_owner_of_the_new_address_cannot_have_letters_written_to_the_old_one(house: House) -> None:
    await house.write(MOVED)
    await _correct(house)
    second = await house.last("confirm_new_address", "ann.new@example.org")
    house.clock.pass_(days=33)
    await house.tick()
    before = len(await house.letters("ann@example.com"))
    for _ in range(10):
        await status.resend(house.desk, second.link("r"))
    assert len(await house.letters("ann@example.com")) == before


async def test_the_requester_can_have_the_new_address_asked_again(house: House) -> None:
    await house.write(MOVED)
    letter = await house.last("confirm")
    await _correct(house)
    assert (await status.resend(house.desk, letter.link("r"))).outcome is Outcome.DONE
    fresh = await house.last("confirm_new_address", "ann.new@example.org")
    await confirm.click(house.desk, fresh.link("c"), code=fresh.code, choices=(Right.CORRECTION,))
    await house.carry_out()
    assert await house.record("ann.new@example.org") is not None


async def test_nothing_is_said_to_be_sent_when_nothing_is_left_to_send(house: House) -> None:
    await house.write(DELETE)
    letter = await house.last("confirm")
    await confirm.click(house.desk, letter.link("c"), code=letter.code, choices=(Right.DELETION,))
    before = len(await house.letters())
    assert (await status.resend(house.desk, letter.link("r"))).outcome is Outcome.CLOSED
    assert len(await house.letters()) == before


async def test_an_expired_package_is_not_sent_out_again(house: House) -> None:
    await house.write("What data do you have about me?")
    await confirm.click(house.desk, (await house.last("confirm")).link("c"), code="", choices=(Right.ACCESS,))
    await house.carry_out()
    ready = await house.last("package_ready")
    house.clock.pass_(days=15)
    assert (await status.resend(house.desk, ready.link("d"))).outcome is Outcome.CLOSED
    await house.last("package_ready")


async def test_asking_an_expired_request_again_three_times_opens_one_case(house: House) -> None:
    await house.write(DELETE)
    house.clock.pass_(days=33)
    await house.tick()
    expired = await house.last("expired")
    for _ in range(3):
        await status.resend(house.desk, expired.link("r"))
    references = {each.subject.rpartition("[")[2] for each in await house.letters()}
    assert len(references) == 2


async def test_a_request_refused_meanwhile_is_not_confirmed_by_an_older_click(house: House) -> None:
    await house.write(DELETE)
    letter = await house.last("confirm")
    house.clock.pass_(days=15)
    await house.tick()
    (line,) = await rule.queue(house.desk, "staff:x")
    reminder = await house.last("confirm")
    assert await rule.refuse(house.desk, "staff:x", line.id, (Right.DELETION,), Reason.UNFOUNDED, "")
    for each in (letter, reminder):
        click = await confirm.click(house.desk, each.link("c"), code=each.code, choices=(Right.DELETION,))
        assert click.outcome is Outcome.CLOSED
    assert await house.requests() == {"deletion": "refused"}


def _change(new: str, old: str) -> Change:
    return Change(Column.TELEPHONE, new, old)


async def test_everybody_at_once_waits_for_nobody_for_ever(house: House) -> None:
    """On PostgreSQL two transactions that take the same rows in two orders end each other."""
    await house.write("Please send me a copy of my personal data and then delete all my data.")
    letter = await house.last("confirm")
    token, state = letter.link("c"), letter.link("r")
    house.clock.pass_(days=4)
    for _ in range(6):
        await asyncio.gather(
            house.tick(), status.resend(house.desk, token), status.view(house.desk, state), house.write("Please delete all my personal data."),
            confirm.click(house.desk, token, code=letter.code, choices=(Right.ACCESS, Right.DELETION)), house.carry_out(),
            status.cancel(house.desk, state), status.withdraw(house.desk, state, not_me=True), status.resend(house.desk, state),
        )  # fmt: skip
        house.clock.pass_(hours=20)
    names = [each.name for each in await house.letters()]
    assert names.count("withdrawn") <= 2
    assert await house.record() is not None
