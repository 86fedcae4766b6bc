"""Nothing of anybody stays behind but what the list of personal data says."""

from __future__ import annotations

from sqlalchemy import func, select

from tests.desks import House
from worker.casework import confirm, download, rule, unsubscribe
from worker.rules.model import Language, Right
from worker.store import Tx, audit, newsletters
from worker.store.personal import PERSONAL
from worker.store.tables import letter as letter_table
from worker.store.tables import metadata, vault_key

ANN = "ann@example.com"


def _holding(tx: Tx) -> set[str]:
    """The tables that hold something sealed, or somebody's hash."""
    return {name for name in PERSONAL if _rows(tx, name)}


def _rows(tx: Tx, name: str) -> int:
    table = metadata.tables[name]
    marks = [column for column in table.columns if column.name.startswith("sealed") or column.name == "person"]
    rows = tx.connection.execute(select(*marks)).all()
    return sum(any(value not in (None, "") for value in row) for row in rows)


async def _confirmed(house: House, right: Right) -> None:
    letter = await house.last("confirm")
    await confirm.click(house.desk, letter.link("c"), code=letter.code if "code" in letter.text else "", choices=(right,))
    await house.carry_out()


async def _everything(house: House) -> None:
    """Every kind of row about Ann, and about a stranger who only wrote once."""
    store = house.desk.store
    await store.run(newsletters.add_topic, "news", {Language.EN: "News"})
    await unsubscribe.sign_up(house.desk, mailbox=ANN, language=Language.EN, topics=("news",))
    await unsubscribe.opt_in(house.desk, (await house.last("opt_in")).link("o"))
    await house.write("What data do you have about me?")
    await _confirmed(house, Right.ACCESS)
    await house.write("My phone number has changed, the new one is 02 555 01 12. Please update it.")
    await _confirmed(house, Right.CORRECTION)
    await house.write("stop", sender="stranger@example.com")
    await house.write("Hello, nice weather today. What are your opening hours?", sender="stranger@example.com")
    await house.write("My father died. Please delete his data.", sender="bob@example.com")


async def _erased(house: House) -> None:
    await house.write("Please delete all my data. Ann Peeters, ann@example.com")
    letter = await house.last("confirm")
    await confirm.click(house.desk, letter.link("c"), code=letter.code, choices=(Right.DELETION,))
    house.clock.pass_(hours=73)
    await house.carry_out()
    assert (await house.requests())["deletion"] == "fulfilled"


async def test_after_erasure_and_retention_only_what_the_list_says_is_left(house: House) -> None:
    await _everything(house)
    store = house.desk.store
    assert await store.run(_holding) >= {"cases", "request", "mail", "letter", "link", "effect", "package", "reader", "subscription"}
    await _erased(house)
    assert await store.run(_holding) == {"cases", "request", "mail", "letter", "link", "effect", "package", "suppression"}
    house.clock.pass_(days=40)  # what nobody confirmed ends
    await house.tick()
    for line in await rule.queue(house.desk, "staff:x"):
        await rule.close(house.desk, "staff:x", line.id)
    await store.run(lambda tx: tx.connection.execute(letter_table.update().values(state="sent")))
    house.clock.pass_(days=3 * 365 + 1)
    await house.tick()
    assert await store.run(_holding) == {name for name, reach in PERSONAL.items() if reach.stays} - {"delivery"}
    assert await store.run(lambda tx: tx.connection.execute(select(func.count()).select_from(vault_key)).scalar_one()) == 0
    assert await store.run(audit.verify, {}) > 0


async def test_the_answer_names_earlier_requests_too(house: House) -> None:
    await house.write("What data do you have about me?")
    await _confirmed(house, Right.ACCESS)
    assert await house.requests() == {"access": "fulfilled"}
    house.clock.pass_(days=1)
    await house.write("What data do you have about me? Ann Peeters")
    await _confirmed(house, Right.ACCESS)
    ready = await house.last("package_ready")
    package = (await download.open_package(house.desk, ready.link("d"), ready.code)).package
    assert package is not None
    requests = package.document["desk"]["requests"]
    assert [each["rights"] for each in requests] == [["access"], ["access"]]
