"""Many mails at once: each is decided by itself, and what is wrong with one stops nobody."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import update

from tests.desks import House, a_mail
from worker.casework import take
from worker.mail.parse import content_key, parse
from worker.rules.model import HoldReason, MailState
from worker.store import Tx, mails, tables

ASKING = "What data do you have about me?"


async def stored(house: House, senders: list[str]) -> list[str]:
    """Mails that came in and were not read yet; their ids."""
    raws = [a_mail(ASKING, sender=sender, uid=number) for number, sender in enumerate(senders)]
    arrivals = [
        mails.Arrival("privacy", "INBOX", 1, number + 1, house.clock.now(), content_key(parse(raw)), raw) for number, raw in enumerate(raws)
    ]
    return await house.desk.store.run(mails.add_lot, arrivals)


async def states(house: House, ids: list[str]) -> list[MailState]:
    return [(await house.state(mail_id))[0] for mail_id in ids]


async def test_a_lot_is_answered_whole_and_each_sender_once(house: House) -> None:
    senders = [f"customer{number}@example.com" for number in range(45)]
    ids = await stored(house, senders)
    await take.take_all(house.desk, ids)
    await take.take_all(house.desk, ids)
    assert set(await states(house, ids)) == {MailState.CASE}
    assert sorted(each.to for each in await house.letters()) == sorted(senders)


async def test_a_defect_in_one_mail_stops_nobody_behind_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = await stored(house, ["first@example.com", "second@example.com", "third@example.com"])
    party_of_mail = take._party

    def defective(mail: mails.StoredMail, *rest: object) -> object:
        if mail.id == ids[1]:
            raise ZeroDivisionError
        return party_of_mail(mail, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(take, "_party", defective)
    await take.take_all(house.desk, ids)
    assert await states(house, ids) == [MailState.CASE, MailState.HELD, MailState.CASE]
    assert (await house.state(ids[1]))[1] == (HoldReason.FAILED.value,)
    assert [each.to for each in await house.letters()] == ["first@example.com", "third@example.com"]


async def test_a_mail_whose_seal_does_not_open_stays_and_stops_nobody_behind_it(house: House) -> None:
    ids = await stored(house, ["first@example.com", "second@example.com"])

    def damage(tx: Tx) -> None:
        tx.connection.execute(update(tables.mail).where(tables.mail.c.id == ids[0]).values(sealed=b"\x01" + b"?" * 100))

    await house.desk.store.run(damage)
    await take.take_all(house.desk, ids)
    assert await house.desk.store.run(mails.unread) == [ids[0]]
    assert [each.to for each in await house.letters()] == ["second@example.com"]


async def test_a_lot_is_as_large_as_its_bytes_allow(house: House) -> None:
    ids = await stored(house, ["first@example.com", "second@example.com", "third@example.com"])
    lot = await house.desk.store.run(mails.load_waiting, ids, 20, 1)
    assert [each.id for each in lot.mails] == ids[:1]
    assert list(lot.left) == ids[1:]


@pytest.mark.parametrize("after", [0.0, 0.01, 0.05, 0.1])
async def test_a_stop_while_mails_are_read_loses_and_doubles_none(house: House, after: float) -> None:
    senders = [f"customer{number}@example.com" for number in range(25)]
    ids = await stored(house, senders)
    going = asyncio.create_task(take.take_all(house.desk, ids))
    await asyncio.sleep(after)
    going.cancel()
    await asyncio.gather(going, return_exceptions=True)
    await take.take_all(house.desk, await house.desk.store.run(mails.unread))
    assert set(await states(house, ids)) == {MailState.CASE}
    assert sorted(each.to for each in await house.letters()) == sorted(senders)
