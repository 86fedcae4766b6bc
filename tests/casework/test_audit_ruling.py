"""What staff decide: nothing is lost, nothing is done twice, and no letter says what is not so."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.desks import House, a_house
from worker.casework import confirm, rule, status
from worker.casework.pages import Outcome
from worker.rules.decision import Mode
from worker.rules.letters import Reason
from worker.rules.model import MailState, Right

DELETE = "Please delete all my personal data."
BOTH = "Please send me a copy of my personal data and then delete all my data."
MOVED = "My e-mail address has changed. The new address is ann.new@example.org, please update it."
HELD = "Only delete my data if the court case against you is over, otherwise keep everything."
STAFF = "staff:x"


async def _held(house: House) -> str:
    (line,) = await rule.queue(house.desk, STAFF)
    return line.id


async def _confirm(house: House, *rights: Right, to: str = "ann@example.com") -> None:
    letter = [each for each in await house.letters(to) if each.name == "confirm"][-1]
    code = letter.code if "/c/" in letter.text and rights != (Right.ACCESS,) else ""
    review = await confirm.click(house.desk, letter.link("c"), code=code, choices=rights)
    if review.outcome is Outcome.REVIEW:
        await confirm.click(house.desk, letter.link("c"), code=code, choices=rights, fingerprint=review.fingerprint)


async def test_two_members_of_staff_decide_one_mail_at_once_and_one_letter_leaves(house: House) -> None:
    mail_id = await house.write(HELD)
    assert (await house.state(mail_id))[0] is MailState.HELD
    before = len(await house.letters())
    done = await asyncio.gather(*(rule.answer(house.desk, f"staff:{n}", mail_id, "We call you.") for n in range(3)))
    assert sorted(done) == [False, False, True]
    assert [each.name for each in (await house.letters())[before:]] == ["answer"]


async def test_a_held_mail_is_approved_only_once(house: House) -> None:
    mail_id = await house.write(HELD)
    done = await asyncio.gather(*(rule.approve(house.desk, f"staff:{n}", mail_id, (Right.ACCESS,)) for n in range(2)))
    assert sorted(done) == [False, True]
    assert [each.name for each in await house.letters()].count("confirm") == 1


async def test_a_refusal_stops_what_waits_and_does_not_name_what_goes_on(house: House) -> None:
    await house.customer(id=4, customer_number="C-4", name="Piet Peeters")
    await house.write(BOTH)
    await _confirm(house, Right.ACCESS, Right.DELETION)
    await house.carry_out()
    assert await house.requests() == {"access": "in_review", "deletion": "waiting_grace"}
    assert await rule.refuse(house.desk, STAFF, await _held(house), (Right.ACCESS, Right.DELETION), Reason.NOT_PROVED, "")
    assert "erase" not in (await house.last("refused")).text.partition("reason")[0].partition("You asked for")[2]
    assert (await house.requests())["access"] == "refused"
    assert (await house.requests())["deletion"] == "waiting_grace"


async def test_an_erasure_waits_while_the_copy_of_the_same_case_is_before_a_person(house: House) -> None:
    await house.customer(id=4, customer_number="C-4", name="Piet Peeters")
    await house.write(BOTH)
    await _confirm(house, Right.ACCESS, Right.DELETION)
    house.clock.pass_(hours=100)
    await house.carry_out()
    assert (await house.requests())["access"] == "in_review"
    assert await house.record() is not None
    assert (await house.requests())["deletion"] == "waiting_grace"


async def test_a_request_before_a_person_stays_there_when_another_one_of_its_case_expires(house: House) -> None:
    await house.customer(id=3, customer_number="C-3", email="info@firm.test")
    await house.write(BOTH, sender="info@firm.test")
    letter = await house.last("confirm", "info@firm.test")
    await confirm.click(house.desk, letter.link("c"), code=letter.code, choices=(Right.ACCESS,))
    house.clock.pass_(days=33)
    await house.tick()
    assert await house.requests() == {"access": "in_review", "deletion": "expired"}
    assert await _held(house)


async def test_a_request_before_a_person_cannot_be_closed_in_silence(house: House) -> None:
    await house.customer(id=3, customer_number="C-3", email="info@firm.test")
    await house.write("What data do you have about me?", sender="info@firm.test")
    await _confirm(house, Right.ACCESS, to="info@firm.test")
    held = await _held(house)
    assert not await rule.close(house.desk, STAFF, held)
    assert await _held(house) == held


async def test_a_restriction_that_staff_approve_stays_with_them_until_they_answer(house: House) -> None:
    mail_id = await house.write(HELD)
    assert await rule.approve(house.desk, STAFF, mail_id, (Right.RESTRICTION,))
    held = await _held(house)
    await rule.approve(house.desk, STAFF, held)
    assert await _held(house) == held
    assert await rule.answer(house.desk, STAFF, held, "We have restricted your data.")
    assert await house.requests() == {"restriction": "fulfilled"}
    assert await rule.queue(house.desk, STAFF) == ()


async def test_an_unconfirmed_case_that_staff_put_aside_does_not_come_back_each_minute(house: House) -> None:
    await house.write(DELETE)
    house.clock.pass_(days=14, hours=1)
    await house.tick()
    assert await rule.close(house.desk, STAFF, await _held(house))
    house.clock.pass_(minutes=1)
    await house.tick()
    assert await rule.queue(house.desk, STAFF) == ()


async def test_what_staff_let_go_on_can_still_be_cancelled_in_its_grace(house: House) -> None:
    await house.customer(id=3, customer_number="C-3", email="info@firm.test")
    await house.write(DELETE, sender="info@firm.test")
    await _confirm(house, Right.DELETION, to="info@firm.test")
    assert await rule.approve(house.desk, STAFF, await _held(house))
    await house.carry_out()
    assert await house.record("info@firm.test") is not None
    planned = await house.last("erasure_planned", "info@firm.test")
    assert (await status.cancel(house.desk, planned.link("r"))).outcome is Outcome.DONE
    house.clock.pass_(days=5)
    await house.carry_out()
    assert await house.record("info@firm.test") is not None


async def test_staff_do_not_stand_in_for_the_proof_of_a_new_address(house: House) -> None:
    await house.customer(id=3, customer_number="C-3", email="info@firm.test")
    await house.write(MOVED, sender="info@firm.test")
    await _confirm(house, Right.CORRECTION, to="info@firm.test")
    assert await rule.approve(house.desk, STAFF, await _held(house))
    await house.carry_out()
    assert await house.record("info@firm.test") is not None
    second = await house.last("confirm_new_address", "ann.new@example.org")
    await confirm.click(house.desk, second.link("c"), code=second.code, choices=(Right.CORRECTION,))
    await house.carry_out()
    assert await house.record("ann.new@example.org") is not None


async def test_of_two_persons_under_one_address_none_is_corrected_by_chance(house: House) -> None:
    await house.customer(id=4, customer_number="C-4", name="Piet Peeters")
    await house.write("Hello, my new telephone number is +32 9 234 56 78. Could you change it?")
    await _confirm(house, Right.CORRECTION)
    await house.carry_out()
    assert await rule.approve(house.desk, STAFF, await _held(house))
    await house.carry_out()
    assert {row["telephone"] for row in await house.desk.register.export_rows()} == {"+32 9 123 45 67"}
    assert await _held(house)


async def test_approving_again_what_has_ended_opens_a_case_of_its_own(house: House) -> None:
    await house.write("What data do you have about me?")
    first = await house.last("confirm")
    mail_id = await house.write("And when do I get it?", In_Reply_To=first.message["Message-ID"])
    await _confirm(house, Right.ACCESS)
    await house.carry_out()
    assert await rule.approve(house.desk, STAFF, mail_id, (Right.ACCESS,))
    await _confirm(house, Right.ACCESS)
    await house.carry_out()
    assert [each.name for each in await house.letters()].count("package_ready") == 2


async def test_a_mail_that_waited_for_staff_gets_one_letter_and_time_to_confirm(house: House) -> None:
    mail_id = await house.write(HELD)
    house.clock.pass_(days=35)
    assert await rule.approve(house.desk, STAFF, mail_id, (Right.ACCESS,))
    for _ in range(3):
        house.clock.pass_(minutes=1)
        await house.tick()
    assert [each.name for each in await house.letters()].count("confirm") == 1
    await _confirm(house, Right.ACCESS)
    assert await house.requests() == {"access": "applying"}


@pytest.mark.parametrize("mode", [Mode.SHADOW, Mode.ASSIST])
async def test_a_desk_on_trial_changes_nothing_without_staff(mode: Mode, tmp_path: Path) -> None:
    async with a_house(f"sqlite:///{tmp_path}/desk.sqlite3", tmp_path, mode=mode) as house:
        await house.customer()
        mail_id = await house.write(DELETE)
        if mode is Mode.SHADOW:
            assert await rule.approve(house.desk, STAFF, mail_id, (Right.DELETION,))
        await _confirm(house, Right.DELETION)
        house.clock.pass_(days=5)
        await house.carry_out()
        assert await house.record() is not None
        assert await house.requests() == {"deletion": "in_review"}
