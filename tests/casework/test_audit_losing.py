"""One thing that is broken keeps nothing else back, and what has reached its date is gone."""

from __future__ import annotations

import asyncio
import io
import logging
import sys
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from tests.desks import House, a_mail
from worker.casework import ask, confirm, download, rule, take, tick
from worker.errors import RelayUnavailable
from worker.logs import configure
from worker.mail.parse import content_key, parse
from worker.outbox import Outbox
from worker.rules.mail import Address
from worker.rules.model import Language, MailState, Right
from worker.store import Tx, letters, mails, newsletters
from worker.store.tables import cases, effect, letter, mail, package, suppression

ACCESS = "What data do you have about me?"
DELETE = "Please delete all my personal data."


async def _confirmed(house: House, right: Right, address: str, text: str) -> None:
    await house.write(text, sender=address)
    given = await house.last("confirm", address)
    code = given.code if right is Right.DELETION else ""
    await confirm.click(house.desk, given.link("c"), code=code, choices=(right,))


def _break_first_case(tx: Tx) -> None:
    first = tx.connection.execute(select(cases.c.id).order_by(cases.c.id).limit(1)).scalar_one()
    tx.connection.execute(update(cases).where(cases.c.id == first).values(sealed=b"\x01" + b"x" * 200))


def _break_first_effect(tx: Tx) -> None:
    first = tx.connection.execute(select(effect.c.id).order_by(effect.c.id).limit(1)).scalar_one()
    tx.connection.execute(update(effect).where(effect.c.id == first).values(sealed=b"\x01" + b"x" * 200))


def _effects(tx: Tx) -> list[tuple[str, str | None]]:
    return [(row.state, row.failure) for row in tx.connection.execute(select(effect).order_by(effect.c.id))]


async def test_a_change_whose_case_is_broken_keeps_no_other_back_and_ends_before_a_person(house: House) -> None:
    await house.customer(id=2, customer_number="C-2", email="bob@example.com", name="Bob Maes")
    await _confirmed(house, Right.ACCESS, "ann@example.com", ACCESS)
    await _confirmed(house, Right.ACCESS, "bob@example.com", ACCESS)
    await house.desk.store.run(_break_first_case)
    await house.carry_out()
    await house.last("package_ready", "bob@example.com")
    for _ in range(4):
        house.clock.pass_(hours=1)
        await house.carry_out()
    assert await house.desk.store.run(_effects) == [("failed", "defect"), ("done", None)]
    assert [line.reasons for line in await rule.queue(house.desk, "staff:x")] == [("failed",)]
    assert await house.requests() == {"access": "fulfilled"}  # Bob's is the newer one


async def test_a_change_that_cannot_be_opened_keeps_no_other_back(house: House) -> None:
    await house.customer(id=2, customer_number="C-2", email="bob@example.com", name="Bob Maes")
    await _confirmed(house, Right.ACCESS, "ann@example.com", ACCESS)
    await _confirmed(house, Right.ACCESS, "bob@example.com", ACCESS)
    await house.desk.store.run(_break_first_effect)
    await house.carry_out()
    await house.last("package_ready", "bob@example.com")


async def test_a_broken_case_does_not_keep_the_clock_from_the_others(house: House) -> None:
    await house.write(DELETE)
    await house.write(DELETE, sender="bob@example.com")
    await house.desk.store.run(_break_first_case)
    house.clock.pass_(days=33)
    await house.tick()
    await house.last("expired", "bob@example.com")


class _Server:
    """A relay that fails as no server does, for one recipient."""

    connections = 4

    def __init__(self) -> None:
        self.sent: list[str] = []

    async def send(self, _raw: bytes, _sender: str, recipient: str) -> str:
        if recipient == "ann@example.com":
            raise KeyError(recipient)
        if recipient == "later@example.com":
            raise RelayUnavailable("the relay does not answer")
        self.sent.append(recipient)
        return f"250 2.1.5 <{recipient}> queued as 4F2"


async def test_a_letter_that_breaks_the_sender_makes_no_other_leave_twice(house: House) -> None:
    for sender in ("ann@example.com", "bob@example.com", "later@example.com"):
        await house.write(DELETE, sender=sender)
    server = _Server()
    outbox = Outbox(house.desk, server)  # type: ignore[arg-type]
    for _ in range(3):
        await outbox.run([])
        house.clock.pass_(minutes=11)
    assert server.sent == ["bob@example.com"]


async def test_a_reply_that_repeats_the_recipient_is_not_kept(house: House) -> None:
    await house.write(DELETE, sender="bob@example.com")
    await Outbox(house.desk, _Server()).run([])  # type: ignore[arg-type]
    replies = await house.desk.store.run(lambda tx: tx.connection.execute(select(letter.c.reply)).scalars().all())
    assert replies == ["250 2.1.5 queued as 4F2"]


async def test_one_mail_that_two_doors_bring_at_the_same_moment_is_one_mail(house: House) -> None:
    raws = [a_mail(f"{DELETE} {number}", uid=number) for number in range(20)]

    def store(door: str, order: list[bytes]) -> list[mails.Arrival]:
        return [mails.Arrival(door, "INBOX", 1, n + 1, house.clock.now(), content_key(parse(raw)), raw) for n, raw in enumerate(order)]

    lots = [store("privacy", raws), store("info", raws[::-1]), store("help", raws[10:] + raws[:10])]
    read = await asyncio.gather(*(house.desk.store.run(mails.add_lot, lot) for lot in lots))
    assert sum(len(ids) for ids in read) == 20
    assert (await house.desk.store.run(mails.counts))[MailState.DUPLICATE] == 40


async def test_forms_at_the_same_moment_are_all_kept(house: House) -> None:
    words = "Hello, I wonder about something else entirely, number "
    await asyncio.gather(
        *(ask.by_form(house.desk, mailbox=f"p{n}@example.com", language=Language.EN, rights=(), words=words + str(n)) for n in range(8))
    )
    assert len(await house.desk.store.run(mails.unread)) == 8


async def test_a_package_is_gone_when_its_link_is(house: House) -> None:
    await _confirmed(house, Right.ACCESS, "ann@example.com", ACCESS)
    await house.carry_out()
    ready = await house.last("package_ready")
    house.clock.pass_(days=13)
    await house.tick()
    assert (await download.open_package(house.desk, ready.link("d"), ready.code)).package is not None
    house.clock.pass_(days=2)
    await house.tick()
    assert await house.desk.store.run(lambda tx: tx.connection.execute(select(func.count()).select_from(package)).scalar()) == 0
    await house.last("package_ready")  # the case's own key is still there


async def test_a_mail_that_belongs_to_no_case_is_forgotten_in_time_too(house: House) -> None:
    quiet = await house.write("Thank you for the lovely evening, see you soon.")
    held = await house.write("Only delete my data if the court case against you is over, otherwise keep everything.")
    house.clock.pass_(days=3 * 365 + 1)
    await house.tick()
    left = await house.desk.store.run(lambda tx: tx.connection.execute(select(mail.c.id).where(mail.c.sealed.is_not(None))).scalars().all())
    assert left == [held] != [quiet]


async def test_a_letter_that_never_left_does_not_outlive_its_case(house: House) -> None:
    await house.write("stop")
    house.clock.pass_(days=3 * 365 + 1)
    await house.tick()
    await house.write(DELETE, sender="bob@example.com")
    server = _Server()
    await Outbox(house.desk, server).run([])  # type: ignore[arg-type]
    assert server.sent == ["bob@example.com"]
    assert await house.desk.store.run(letters.waiting) == (0, 0)


async def test_the_suppression_of_an_erased_person_is_not_lifted_by_an_old_undo(house: House) -> None:
    from worker.casework import unsubscribe

    await house.write("stop")
    old = await house.last("unsubscribed")
    await _confirmed(house, Right.DELETION, "ann@example.com", DELETE)
    house.clock.pass_(days=4)
    await house.carry_out()
    await house.last("erased")
    await unsubscribe.undo(house.desk, old.link("p"))
    person = house.desk.store.vault.person("ann@example.com")
    assert await house.desk.store.run(newsletters.suppressed_at, person) is not None


async def test_what_newsletters_held_is_named_in_the_letter_after_a_kill(house: House) -> None:
    """Everything that the letter tells of the desk's own data is erased in the letter's transaction."""

    def subscribe(tx: Tx) -> None:
        newsletters.add_topic(tx, "offers", {Language.EN: "Offers"})
        person = newsletters.add_reader(tx, Address("eve@example.com"), Language.EN)
        newsletters.enrol(tx, person, "offers", "shop counter")

    await house.desk.store.run(subscribe)
    await _confirmed(house, Right.DELETION, "eve@example.com", DELETE)
    house.clock.pass_(days=4)
    await house.carry_out()
    told = await house.last("erased", "eve@example.com")
    assert "subscription" in told.text
    rows = await house.desk.store.run(lambda tx: tx.connection.execute(select(suppression.c.origin)).scalars().all())
    assert rows == ["erasure"]


def test_what_a_library_logs_of_an_exception_holds_none_of_its_words() -> None:
    stream = io.StringIO()
    configure(stream)
    try:
        raise ValueError("ann@example.com")  # noqa: TRY301 - it is the trace that is looked at
    except ValueError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n")
        logging.getLogger("asyncio").error("Task exception was never retrieved\nfuture: %r", sys.exc_info()[1], exc_info=True)  # noqa: G201 - as asyncio itself calls it
    configure()
    assert "ann@example.com" not in stream.getvalue()
    assert stream.getvalue().count("ValueError at test_audit_losing.py") == 2
    assert stream.getvalue().count("\n") == 2


@pytest.mark.parametrize("size", [3])
async def test_a_swept_desk_finds_everything_that_nobody_was_woken_for(house: House, size: int) -> None:
    for number in range(size):
        raw = a_mail(DELETE, sender=f"p{number}@example.com", uid=number)
        arrival = mails.Arrival("privacy", "INBOX", 1, number + 1, house.clock.now(), content_key(parse(raw)), raw)
        await house.desk.store.run(mails.add_lot, [arrival])
    await tick.sweep(house.desk)
    await take.take_all(house.desk, await house.desk.store.run(mails.unread))
    assert len(await house.letters()) == size
    assert await house.desk.store.run(letters.next_due) == house.clock.now() - timedelta(0)
