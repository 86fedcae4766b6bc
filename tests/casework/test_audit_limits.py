"""Letters that strangers can have written: never many, never in the way of the person."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import select

from tests.desks import House, a_house
from worker.casework import ask, confirm, rule, take
from worker.casework.pages import LinkState, Outcome
from worker.mail.campaign import one_line
from worker.rules.decision import Mode
from worker.rules.mail import Address
from worker.rules.model import Language, MailState, Right
from worker.store import Tx, mails, newsletters
from worker.store.tables import letter

DELETE = "Please delete all my personal data."


def _days(tx: Tx) -> Counter[str]:
    zone = ZoneInfo("Europe/Brussels")
    rows = tx.connection.execute(select(letter.c.due).where(letter.c.verification)).scalars()
    # A letter over the limit waits until the last second of the day, and so leaves on the next.
    return Counter((due + timedelta(seconds=1)).astimezone(zone).date().isoformat() for due in rows)


async def test_a_flood_of_mails_in_somebodys_name_never_becomes_a_flood_of_letters(house: House) -> None:
    for number in range(30):
        await house.write(f"My new telephone number is +32 9 234 56 {number:02d}. Please change it.")
    days = await house.desk.store.run(_days)
    assert max(days.values()) <= 3
    assert sum(days.values()) <= 6
    held = [line for line in await rule.queue(house.desk, "staff:x") if "flood" in line.reasons]
    assert held


async def test_the_same_request_a_hundred_times_leaves_the_letters_in_hand_working(house: House) -> None:
    for number in range(20):
        await house.write(f"{DELETE} {'Now! ' * number}")
    sent = [each for each in await house.letters() if each.name == "confirm"]
    assert len(sent) == 4  # three today, one that waits
    assert (await confirm.view(house.desk, sent[2].link("c"))).state is LinkState.OPEN
    click = await confirm.click(house.desk, sent[2].link("c"), code=sent[2].code, choices=(Right.DELETION,))
    assert click.outcome is Outcome.DONE


async def test_a_flood_of_stops_is_acknowledged_three_times_a_day(house: House) -> None:
    for number in range(10):
        await house.write("stop", subject=f"newsletter {number}")
    assert len(await house.letters()) == 3


async def test_a_flood_of_forms_is_acknowledged_three_times_a_day(house: House) -> None:
    for _ in range(10):
        await ask.by_form(house.desk, mailbox="ann@example.com", language=Language.EN, rights=(Right.UNSUBSCRIBE,), words="")
    assert len(await house.letters()) == 3


async def test_a_form_over_the_limit_is_kept_for_a_person(house: House) -> None:
    for number in range(8):
        words = f"My new telephone number is +32 9 234 56 {number:02d}."
        await ask.by_form(house.desk, mailbox="ann@example.com", language=Language.EN, rights=(Right.CORRECTION,), words=words)
    assert len(await house.letters()) <= 6
    await _take_all(house)
    held = [line for line in await rule.queue(house.desk, "staff:x") if "flood" in line.reasons]
    assert len(held) == 2


async def test_words_in_a_form_that_ask_for_more_than_its_ticks_reach_a_person(house: House) -> None:
    words = "Only delete my data if the court case against you is over, otherwise keep everything."
    await ask.by_form(house.desk, mailbox="ann@example.com", language=Language.EN, rights=(Right.DELETION,), words=words)
    await _take_all(house)
    (line,) = await rule.queue(house.desk, "staff:x")
    page = await rule.look(house.desk, "staff:x", line.id)
    assert page is not None
    assert words in page.text
    assert "deletion" in page.subject


async def test_a_forms_own_words_are_kept_with_its_case(house: House) -> None:
    await house.customer(id=3, customer_number="C-3", email="info@firm.test")
    await ask.by_form(
        house.desk, mailbox="info@firm.test", language=Language.EN, rights=(Right.ACCESS,), words="Thank you, Ann from the shop"
    )
    given = await house.last("confirm", "info@firm.test")
    await confirm.click(house.desk, given.link("c"), code="", choices=(Right.ACCESS,))
    (line,) = await rule.queue(house.desk, "staff:x")
    page = await rule.look(house.desk, "staff:x", line.id)
    assert page is not None
    assert "Ann from the shop" in page.text


async def test_a_form_without_words_that_nothing_can_be_read_from_is_not_lost(house: House) -> None:
    await ask.by_form(house.desk, mailbox="ann@example.com", language=Language.EN, rights=(Right.CORRECTION,), words="")
    await _take_all(house)
    assert len(await rule.queue(house.desk, "staff:x")) == 1


async def test_a_desk_on_trial_leaves_forms_to_staff(tmp_path: Path) -> None:
    async with a_house(f"sqlite:///{tmp_path}/desk.sqlite3", tmp_path, mode=Mode.SHADOW) as house:
        await ask.by_form(house.desk, mailbox="ann@example.com", language=Language.EN, rights=(Right.DELETION,), words="")
        await _take_all(house)
        assert await house.letters() == []
        assert len(await rule.queue(house.desk, "staff:x")) == 1


async def test_a_mail_that_a_readers_program_wrote_stops_the_reader_whoever_sends_it(house: House) -> None:
    token = await house.desk.store.run(_a_reader)
    mail_id = await house.write("", sender="ann.at.work@example.org", subject=f"unsubscribe {token}")
    assert (await house.state(mail_id))[0] is MailState.QUIET
    assert await house.desk.store.run(_is_stopped)
    assert [each.to for each in await house.letters()] == ["ann@example.com"]


async def test_a_display_name_chosen_by_a_stranger_is_not_printed_on_the_letter(house: House) -> None:
    await house.write(DELETE, sender='"Your account is hacked, visit evil.test" <ann@example.com>')
    assert "evil" not in (await house.last("confirm")).message.as_string()


def _a_reader(tx: Tx) -> str:
    newsletters.add_topic(tx, "offers", {Language.EN: "Offers"})
    person = newsletters.add_reader(tx, Address("ann@example.com", one_line("Ann")), Language.EN)
    newsletters.enrol(tx, person, "offers", "shop counter")
    return newsletters.reader_token(tx, person)


def _is_stopped(tx: Tx) -> bool:
    return newsletters.suppressed_at(tx, tx.vault.person("ann@example.com")) is not None


async def _take_all(house: House) -> None:
    await take.take_all(house.desk, await house.desk.store.run(mails.unread))
