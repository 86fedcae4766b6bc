"""The staff's page of a letter that failed for good: what was lost, send it again, or note how the person was told."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import update

from tests.web.conftest import Clerk, Clerks, Site
from worker.casework import confirm, rule
from worker.rules.model import HoldReason, Right
from worker.store import Tx
from worker.store.tables import letter


def _lost(tx: Tx) -> None:
    """Every letter of a case failed, as the outbox writes it."""
    tx.connection.execute(update(letter).values(state="failed", reply="550 5.1.1 no such mailbox"))


async def lost(site: Site, text: str = "What data do you have about me?") -> str:
    """Ann's letter did not arrive; the path of the page about it."""
    await site.house.write(text)
    await site.house.desk.store.run(_lost)
    (line,) = await rule.queue(site.house.desk, "staff:x")
    assert line.reasons == (HoldReason.UNDELIVERED,)
    return f"/desk/mail/{line.id}"


def ids(page: str) -> list[str]:
    return sorted(set(re.findall(r'name="letter" value="([^"]+)"', page)))


async def test_the_page_shows_which_letter_was_lost_and_what_the_server_said(site: Site, signed_in: Clerks) -> None:
    clerk: Clerk = await signed_in()
    path = await lost(site)
    assert "could not be delivered" in (await clerk.get("/desk/")).text
    page = (await clerk.get(path)).text
    assert "Please confirm your request" in page
    assert "550 5.1.1 no such mailbox" in page
    assert len(ids(page)) == 1
    assert "Go ahead with the proposal" not in page
    assert "Close without an answer" not in page


async def test_a_letter_is_sent_again_after_a_look_at_what_will_happen(site: Site, signed_in: Clerks) -> None:
    clerk: Clerk = await signed_in()
    path = await lost(site)
    form = {"act": "again", "letter": ids((await clerk.get(path)).text)}
    check = await clerk.post(path, {**form, "step": "check"})
    assert "A fresh mail leaves now" in check.text
    assert len(await site.house.letters()) == 1
    assert ids(check.text) == form["letter"]
    answer = await clerk.post(path, {**form, "step": "do"})
    assert answer.headers["location"] == "/desk/?done=again"
    assert "A fresh mail is on its way" in (await clerk.get("/desk/?done=again")).text
    fresh = await site.house.last("confirm")
    assert "Is this what you asked for?" in (await site.get(f"/c/{fresh.link('c')}")).text
    assert (await clerk.post(path, {**form, "step": "do"})).headers["location"] == "/desk/?done=gone"


async def test_a_person_who_was_told_in_another_way_is_noted_with_words(site: Site, signed_in: Clerks) -> None:
    clerk: Clerk = await signed_in()
    path = await lost(site)
    form = {"act": "reached", "letter": ids((await clerk.get(path)).text), "words": "Called her.\n<b>Lea</b>"}
    missing = await clerk.post(path, {**form, "words": " ", "step": "do"})
    assert missing.status_code == 422
    assert "how the person was told" in missing.text
    check = await clerk.post(path, {**form, "step": "check"})
    assert "&lt;b&gt;Lea" in check.text
    answer = await clerk.post(path, {**form, "step": "do"})
    assert answer.headers["location"] == "/desk/?done=reached"
    assert "Nothing waits" in (await clerk.get("/desk/")).text
    assert len(await site.house.letters()) == 1


@pytest.mark.parametrize("act", ["again", "reached"])
async def test_letters_that_the_page_did_not_show_are_not_touched(site: Site, signed_in: Clerks, act: str) -> None:
    clerk: Clerk = await signed_in()
    path = await lost(site)
    form = {"act": act, "letter": "0" * 32, "words": "Called her.", "step": "do"}
    assert (await clerk.post(path, form)).headers["location"] == "/desk/?done=gone"
    assert (await clerk.post(path, {**form, "letter": ()})).headers["location"] == "/desk/?done=gone"
    assert len(await site.house.letters()) == 1
    assert len(await rule.queue(site.house.desk, "staff:x")) == 1


async def test_where_nothing_can_be_sent_again_the_page_says_so(site: Site, signed_in: Clerks) -> None:
    await site.house.write("What data do you have about me?")
    given = await site.house.last("confirm")
    await confirm.click(site.house.desk, given.link("c"), code="", choices=(Right.ACCESS,))
    await site.house.carry_out()
    await site.house.desk.store.run(_lost)
    site.house.clock.pass_(days=15)
    clerk: Clerk = await signed_in()
    (line,) = await rule.queue(site.house.desk, "staff:x")
    page = (await clerk.get(f"/desk/mail/{line.id}")).text
    assert "the request has gone on since" in page
    assert 'value="again"' not in page
    assert 'value="reached"' in page


async def test_a_case_with_something_to_decide_offers_both(site: Site, signed_in: Clerks) -> None:
    clerk: Clerk = await signed_in()
    await site.house.customer(id=4, customer_number="C-4", name="Piet Peeters")
    await site.house.write("What data do you have about me?")
    given = await site.house.last("confirm")
    await confirm.click(site.house.desk, given.link("c"), code="", choices=(Right.ACCESS,))
    await site.house.carry_out()
    await site.house.desk.store.run(_lost)
    (line,) = await rule.queue(site.house.desk, "staff:x")
    page = (await clerk.get(f"/desk/mail/{line.id}")).text
    assert "Go ahead with the proposal" in page
    assert "Told in another way" in page
