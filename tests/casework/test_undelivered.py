"""A letter that failed for good: nobody was told, so a person is, and what he does about it is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.desks import House, Received, a_house
from tests.servers.smtp import Answer, ScriptedSmtp
from worker.casework import confirm, download, health, rule, undelivered
from worker.casework.pages import HeldPage, LinkState, Outcome
from worker.mail.smtp import Relay
from worker.mail.smtp_settings import SmtpSettings
from worker.outbox import Outbox
from worker.rules.audit import Event
from worker.rules.model import HoldReason, Right
from worker.rules.policy import Policy
from worker.store import audit, letters, tables

ACCESS = "What data do you have about me?"
BOTH = "Please send me a copy of my personal data and then delete all my data."
DELETE = "Please delete all my personal data."
UNSURE = "Only delete my data if the court case against you is over, otherwise keep everything."
STAFF = "staff:x"
NOTE = "Told Ann by telephone on +32 470 12 34 56."


@pytest.fixture
async def house(database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    """A desk with one customer, Ann, that tries a letter three times."""
    async with a_house(database_url, tmp_path, policy=Policy(max_attempts_per_letter=3)) as found:
        await found.customer()
        yield found


@pytest.fixture
async def send(house: House, scripted_smtp: ScriptedSmtp) -> AsyncIterator[Callable[[], Any]]:
    """Send what waits."""
    relay = Relay(SmtpSettings("127.0.0.1", scripted_smtp.port, tls="none"))
    outbox = Outbox(house.desk, relay)
    yield lambda: outbox.run([])
    await relay.close()


async def confirmed(house: House, right: Right, text: str) -> None:
    """Ann asks and presses the button."""
    await house.write(text)
    given = await house.last("confirm")
    await confirm.click(house.desk, given.link("c"), code=given.code if right is Right.DELETION else "", choices=(right,))


async def waiting(house: House) -> HeldPage:
    """The one thing that waits for a person."""
    (line,) = await rule.queue(house.desk, STAFF)
    page = await rule.look(house.desk, STAFF, line.id)
    assert page is not None
    return page


async def again(house: House, page: HeldPage) -> bool:
    return await undelivered.send_again(house.desk, STAFF, page.line.id, tuple(each.id for each in page.undelivered))


async def reached(house: House, page: HeldPage) -> bool:
    return await undelivered.reached(house.desk, STAFF, page.line.id, tuple(each.id for each in page.undelivered), NOTE)


async def newest(house: House, name: str) -> Received:
    return [each for each in await house.letters() if each.name == name][-1]


async def package_lost(house: House, send: Callable[[], Any], scripted_smtp: ScriptedSmtp) -> None:
    """Ann's package is made, and its letter is refused for good."""
    await confirmed(house, Right.ACCESS, ACCESS)
    await send()
    await house.carry_out()
    scripted_smtp.on("ann@", Answer.NEVER)
    await send()


async def test_an_answer_that_could_not_be_delivered_brings_its_case_before_a_person(
    house: House, send: Callable[[], Any], scripted_smtp: ScriptedSmtp
) -> None:
    await confirmed(house, Right.ACCESS, ACCESS)
    await send()
    scripted_smtp.on("ann@", Answer.NEVER)
    await house.carry_out()
    assert await rule.queue(house.desk, STAFF) == ()
    await send()

    page = await waiting(house)
    assert page.line.reasons == (HoldReason.UNDELIVERED,)
    assert [(each.name, each.reply) for each in page.undelivered] == [("package_ready", "550 5.1.1 no such mailbox")]
    assert not page.decidable, "its request has ended: there is nothing to approve or refuse"
    assert (await health.facts(house.desk))["held"] == 1


async def test_a_package_is_sent_again_with_a_link_and_a_code_that_work(
    house: House, send: Callable[[], Any], scripted_smtp: ScriptedSmtp
) -> None:
    await package_lost(house, send, scripted_smtp)
    page = await waiting(house)
    lost = await newest(house, "package_ready")
    scripted_smtp.on("ann@", Answer.ACCEPT)

    assert page.can_send_again
    assert await again(house, page)
    assert await rule.queue(house.desk, STAFF) == ()
    await send()
    fresh = await newest(house, "package_ready")
    assert [each.recipients for each in scripted_smtp.accepted] == [("ann@example.com",)] * 2
    assert (fresh.link("d"), fresh.code) != (lost.link("d"), lost.code)
    assert (await download.open_package(house.desk, fresh.link("d"), fresh.code)).package is not None
    assert await house.desk.store.run(letters.waiting) == (0, 0)


async def test_what_holds_no_link_is_sent_again_word_by_word(house: House, send: Callable[[], Any], scripted_smtp: ScriptedSmtp) -> None:
    await confirmed(house, Right.DELETION, DELETE)
    await send()
    house.clock.pass_(days=4)
    await house.carry_out()
    scripted_smtp.on("ann@", Answer.NEVER)
    await send()
    before = await newest(house, "erased")
    house.clock.pass_(days=2)

    assert await again(house, await waiting(house))
    after = await newest(house, "erased")
    assert after.text == before.text
    assert after.message["Message-ID"] != before.message["Message-ID"]
    assert after.message["Date"].datetime == house.clock.now()
    assert after.message["In-Reply-To"] == before.message["In-Reply-To"]
    scripted_smtp.on("ann@", Answer.ACCEPT)
    await send()
    assert scripted_smtp.accepted[-1].data.count(str(after.message["Message-ID"]).encode()) == 1
    assert await rule.queue(house.desk, STAFF) == ()


async def test_a_confirmation_that_could_not_be_delivered_is_asked_afresh(
    house: House, send: Callable[[], Any], scripted_smtp: ScriptedSmtp
) -> None:
    scripted_smtp.on("ann@", Answer.NEVER)
    await house.write(DELETE)
    await send()
    page = await waiting(house)
    assert (page.line.reasons, page.undelivered[0].name) == ((HoldReason.UNDELIVERED,), "confirm")
    lost = await house.last("confirm")

    assert await again(house, page)
    fresh = await house.last("confirm")
    assert (await confirm.view(house.desk, lost.link("c"))).state is LinkState.REVOKED
    assert (await confirm.click(house.desk, fresh.link("c"), code=fresh.code, choices=(Right.DELETION,))).outcome is Outcome.DONE


async def test_a_letter_that_was_given_up_counts_as_one_that_was_refused(
    house: House, send: Callable[[], Any], scripted_smtp: ScriptedSmtp
) -> None:
    scripted_smtp.on("ann@", Answer.LATER)
    await house.write(ACCESS)
    for _ in range(3):
        await send()
        house.clock.pass_(hours=1)
    page = await waiting(house)
    assert page.undelivered[0].reply == "the relay answered 451 4.3.0"


async def test_staff_note_how_the_person_was_reached_and_the_note_is_under_seal(
    house: House, send: Callable[[], Any], scripted_smtp: ScriptedSmtp
) -> None:
    await package_lost(house, send, scripted_smtp)
    page = await waiting(house)

    assert await reached(house, page)
    assert not await reached(house, page), "it is done"
    assert not await again(house, page)
    assert await rule.queue(house.desk, STAFF) == ()
    failed = page.undelivered[0].id
    assert await house.desk.store.run(letters.note, failed) == NOTE
    told = [e for e in await house.desk.store.run(audit.entries, page.line.id) if e.event is Event.PERSON_TOLD]
    assert [(e.actor, dict(e.facts)) for e in told] == [(STAFF, {"letter": "package_ready", "id": failed})]
    rows = await house.desk.store.run(lambda tx: str(tx.connection.execute(select(tables.letter)).all()))
    assert "telephone" not in rows


async def test_one_letter_leaves_when_two_members_of_staff_send_it_again(
    house: House, send: Callable[[], Any], scripted_smtp: ScriptedSmtp
) -> None:
    scripted_smtp.on("ann@", Answer.NEVER)
    await house.write(ACCESS)
    await send()
    page = await waiting(house)
    done = await asyncio.gather(*(again(house, page) for _ in range(3)))
    assert sorted(done) == [False, False, True]
    assert [each.name for each in await house.letters()] == ["confirm", "confirm"]


async def test_a_case_that_waits_for_another_reason_waits_for_both(
    house: House, send: Callable[[], Any], scripted_smtp: ScriptedSmtp
) -> None:
    await house.customer(id=4, customer_number="C-4", name="Piet Peeters")
    await house.write(BOTH)
    given = await house.last("confirm")
    await send()
    scripted_smtp.on("ann@", Answer.NEVER)
    await confirm.click(house.desk, given.link("c"), code=given.code, choices=(Right.ACCESS, Right.DELETION))
    await house.carry_out()
    await send()
    page = await waiting(house)
    assert [each.name for each in page.undelivered] == ["erasure_planned"]
    assert page.line.reasons == (HoldReason.SEVERAL_MATCHES, HoldReason.UNDELIVERED)
    assert page.decidable

    assert await rule.answer(house.desk, STAFF, page.line.id, "We call you.")
    assert (await waiting(house)).line.reasons == (HoldReason.UNDELIVERED,)
    assert await reached(house, await waiting(house))
    assert await rule.queue(house.desk, STAFF) == ()


async def test_a_note_to_the_writer_of_a_held_mail_may_fail_in_silence(
    house: House, send: Callable[[], Any], scripted_smtp: ScriptedSmtp
) -> None:
    scripted_smtp.on("ann@", Answer.NEVER)
    mail_id = await house.write(UNSURE)
    await send()
    assert [line.id for line in await rule.queue(house.desk, STAFF)] == [mail_id]
    assert (await health.facts(house.desk))["letters_failed"] == 1


async def test_what_the_case_no_longer_allows_is_not_sent_again(house: House, send: Callable[[], Any], scripted_smtp: ScriptedSmtp) -> None:
    await package_lost(house, send, scripted_smtp)
    house.clock.pass_(days=15)
    page = await waiting(house)
    assert not page.can_send_again, "the package is gone"
    assert not await again(house, page)
    assert await reached(house, page)


async def test_a_reminder_that_arrives_makes_the_lost_letter_no_matter(
    house: House, send: Callable[[], Any], scripted_smtp: ScriptedSmtp
) -> None:
    scripted_smtp.on("ann@", Answer.NEVER)
    await house.write(ACCESS)
    await send()
    assert (await waiting(house)).undelivered
    scripted_smtp.on("ann@", Answer.ACCEPT)
    house.clock.pass_(days=3)
    await house.tick()
    await send()
    assert await rule.queue(house.desk, STAFF) == ()


async def test_letters_that_fail_one_after_the_other_are_one_matter_for_staff(
    house: House, send: Callable[[], Any], scripted_smtp: ScriptedSmtp
) -> None:
    scripted_smtp.on("ann@", Answer.NEVER)
    await house.write(ACCESS)
    for _ in range(2):
        await send()
        house.clock.pass_(days=3, hours=12)
        await house.tick()
    page = await waiting(house)
    assert [each.name for each in page.undelivered] == ["confirm", "confirm"]
    before = len(await house.letters())
    assert await again(house, page)
    assert len(await house.letters()) == before + 1


async def test_a_letter_that_fails_after_staff_looked_is_not_settled_with_those_they_saw(
    house: House, send: Callable[[], Any], scripted_smtp: ScriptedSmtp
) -> None:
    scripted_smtp.on("ann@", Answer.NEVER)
    await house.write(ACCESS)
    await send()
    seen = await waiting(house)
    house.clock.pass_(days=3)
    await house.tick()
    await send()
    assert await reached(house, seen)
    assert len((await waiting(house)).undelivered) == 1


async def test_a_case_whose_file_was_destroyed_waits_for_nobody(house: House, send: Callable[[], Any], scripted_smtp: ScriptedSmtp) -> None:
    scripted_smtp.on("ann@", Answer.NEVER)
    await house.write("stop")
    await send()
    assert (await waiting(house)).undelivered[0].name == "unsubscribed"
    house.clock.pass_(days=3 * 365 + 1)
    await house.tick()
    assert await rule.queue(house.desk, STAFF) == ()
