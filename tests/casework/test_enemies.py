"""What somebody who is not the person gets: nothing."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select

from tests.desks import House, a_mail
from worker.casework import confirm, download, status
from worker.casework.pages import LinkState, Outcome
from worker.rules.model import MailState, Right
from worker.store import Tx, mails
from worker.store.tables import letter

DELETE = "Please delete all my personal data."


async def test_a_forged_sender_changes_nothing_and_learns_nothing(house: House) -> None:
    await house.write(DELETE, Reply_To="mallory@evil.test")
    assert [each.to for each in await house.letters()] == ["ann@example.com"]
    letter = await house.last("confirm")
    assert "evil" not in letter.message.as_string()
    assert "Peeters" not in letter.text
    await house.carry_out()
    assert await house.record() is not None


async def test_the_owner_says_it_was_not_me_and_nothing_happens(house: House) -> None:
    await house.write(DELETE)
    letter = await house.last("confirm")
    assert (await status.withdraw(house.desk, letter.link("r"), not_me=True)).outcome is Outcome.DONE
    await house.last("withdrawn")
    late = await confirm.click(house.desk, letter.link("c"), code=letter.code, choices=(Right.DELETION,))
    assert late.outcome is Outcome.CLOSED
    house.clock.pass_(days=10)
    await house.carry_out()
    assert await house.record() is not None


async def test_five_wrong_codes_lock_the_link_and_a_fresh_letter_opens_another(house: House) -> None:
    await house.write(DELETE)
    first = await house.last("confirm")
    for _ in range(5):
        await confirm.click(house.desk, first.link("c"), code="222222", choices=(Right.DELETION,))
    locked = await confirm.click(house.desk, first.link("c"), code=first.code, choices=(Right.DELETION,))
    assert (locked.outcome, locked.page.state) == (Outcome.CLOSED, LinkState.LOCKED)
    assert (await status.resend(house.desk, first.link("c"))).outcome is Outcome.DONE
    fresh = await house.last("confirm")
    done = await confirm.click(house.desk, fresh.link("c"), code=fresh.code, choices=(Right.DELETION,))
    assert done.outcome is Outcome.DONE


async def test_an_empty_choice_confirms_nothing(house: House) -> None:
    await house.write("What data do you have about me?")
    token = (await house.last("confirm")).link("c")
    assert (await confirm.click(house.desk, token, code="", choices=())).outcome is Outcome.CLOSED
    assert await house.requests() == {"access": "awaiting_confirmation"}


async def test_nobody_confirms_more_than_the_letter_asked(house: House) -> None:
    await house.write("What data do you have about me?")
    token = (await house.last("confirm")).link("c")
    assert (await confirm.click(house.desk, token, code="", choices=(Right.DELETION,))).outcome is Outcome.CLOSED


async def test_a_fourth_letter_on_one_day_waits_until_tomorrow(house: House) -> None:
    for number in range(4):
        await house.write(f"{DELETE} Now! {'please ' * number}")
    due = await house.desk.store.run(_letters_due_later)
    assert due == 1


async def test_a_robots_answer_to_our_letter_confirms_nothing_and_is_not_answered(house: House) -> None:
    await house.write(DELETE)
    ours = (await house.last("confirm")).message["Message-ID"]
    mail_id = await house.write(
        "I am out of the office until Monday.", subject="Out of office", In_Reply_To=ours, Auto_Submitted="auto-replied"
    )
    assert (await house.state(mail_id))[0] is MailState.MACHINE
    assert len(await house.letters()) == 1
    assert await house.requests() == {"deletion": "awaiting_confirmation"}


async def test_a_typed_yes_does_not_confirm(house: House) -> None:
    await house.write(DELETE)
    ours = (await house.last("confirm")).message["Message-ID"]
    mail_id = await house.write("Yes, I confirm.", In_Reply_To=ours, subject="Re: Please confirm")
    assert (await house.state(mail_id))[0] is MailState.HELD
    assert await house.requests() == {"deletion": "awaiting_confirmation"}


async def test_ann_never_touches_joann(house: House) -> None:
    await house.customer(id=2, customer_number="C-2", email="joann@example.com", name="Jo Ann")
    await house.write(DELETE)
    letter = await house.last("confirm")
    await confirm.click(house.desk, letter.link("c"), code=letter.code, choices=(Right.DELETION,))
    house.clock.pass_(hours=80)
    await house.carry_out()
    assert await house.record() is None
    assert await house.record("joann@example.com") is not None


async def test_a_package_is_locked_after_five_wrong_codes(house: House) -> None:
    await house.write("What data do you have about me?")
    await confirm.click(house.desk, (await house.last("confirm")).link("c"), code="", choices=(Right.ACCESS,))
    await house.carry_out()
    ready = await house.last("package_ready")
    for _ in range(5):
        await download.open_package(house.desk, ready.link("d"), "AAAAAA")
    assert (await download.open_package(house.desk, ready.link("d"), ready.code)).package is None
    await status.resend(house.desk, ready.link("d"))
    fresh = await house.last("fresh_code")
    assert (await download.open_package(house.desk, fresh.link("d"), fresh.code)).package is not None


async def test_a_change_of_address_needs_both_addresses(house: House) -> None:
    await house.write("My e-mail address has changed. The new address is ann.new@example.org, please update it.")
    letter = await house.last("confirm", "ann@example.com")
    review = await confirm.click(house.desk, letter.link("c"), code=letter.code, choices=(Right.CORRECTION,))
    await confirm.click(house.desk, letter.link("c"), code=letter.code, choices=(Right.CORRECTION,), fingerprint=review.fingerprint)
    await house.carry_out()
    assert await house.record("ann@example.com") is not None
    second = await house.last("confirm_new_address", "ann.new@example.org")
    page = await confirm.view(house.desk, second.link("c"))
    assert page.for_new_address
    assert all(not line.changes for line in page.lines)
    await confirm.click(house.desk, second.link("c"), code=second.code, choices=(Right.CORRECTION,))
    await house.carry_out()
    assert await house.record("ann.new@example.org") is not None
    assert await house.record("ann@example.com") is None


async def test_a_shared_mailbox_proves_nobody(house: House) -> None:
    await house.customer(id=3, customer_number="C-3", email="info@firm.test")
    await house.write("What data do you have about me?", sender="info@firm.test")
    await confirm.click(house.desk, (await house.last("confirm")).link("c"), code="", choices=(Right.ACCESS,))
    await house.carry_out()
    assert await house.requests() == {"access": "in_review"}


async def test_two_people_under_one_address_wait_for_a_person(house: House) -> None:
    await house.customer(id=4, customer_number="C-4", name="Piet Peeters")
    await house.write("What data do you have about me?")
    await confirm.click(house.desk, (await house.last("confirm")).link("c"), code="", choices=(Right.ACCESS,))
    await house.carry_out()
    assert await house.requests() == {"access": "in_review"}
    assert (await house.letters())[-1].name == "confirm"


async def test_the_same_mail_by_two_doors_is_one_case_and_one_letter(house: House) -> None:
    raw = a_mail(DELETE)
    first = await house.receive(raw)
    second = await house.receive(b"X-Trace: other\r\n" + raw, door="info", folder="Junk")
    assert (await house.state(first))[0] is MailState.CASE
    assert (await house.state(second))[0] is MailState.DUPLICATE
    assert len(await house.letters()) == 1


async def test_an_old_mail_goes_to_a_person(house: House) -> None:
    mail_id = await house.receive(a_mail(DELETE), received=house.clock.now() - timedelta(days=20))
    state, reasons = await house.state(mail_id)
    assert (state, reasons[0]) == (MailState.HELD, "stale")


async def test_an_unreadable_mail_is_quarantined_and_kept(house: House) -> None:
    mail_id = await house.receive(b"\x00\xff not a mail at all" * 10)
    state, _ = await house.state(mail_id)
    assert state in (MailState.QUARANTINED, MailState.HELD)


async def test_the_beginning_of_a_mail_is_never_acted_upon_nor_moved(house: House) -> None:
    mail_id = await house.receive(a_mail(DELETE), whole=False)
    assert await house.state(mail_id) == (MailState.QUARANTINED, ("too-big",))
    assert not await house.desk.store.run(mails.replay, mail_id)
    assert await house.letters() == []
    assert await house.desk.store.run(mails.not_moved, "privacy", "INBOX", 1) == []


def _letters_due_later(tx: Tx) -> int:
    return tx.connection.execute(select(func.count()).select_from(letter).where(letter.c.due > tx.now)).scalar_one()
