from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.newsletter.world import World
from worker.casework import stops, unsubscribe
from worker.casework.pages import LinkState, ReaderPage
from worker.newsletter.addressing import unsubscribe_mailto
from worker.rules.audit import Event
from worker.rules.model import Language, LinkKind
from worker.store import audit, newsletters

pytest_plugins = ["tests.newsletter.fixtures"]
ANN = "ann@readers.example.com"


def events(world: World) -> list[tuple[Event, str | int | bool | None]]:
    return [(each.event, each.facts.get("origin")) for each in world.ask(audit.entries, audit.DESK)]


def running(world: World, mailbox: str = ANN) -> set[str]:
    return {each.topic for each in world.ask(newsletters.subscriptions, world.person(mailbox)) if each.ended_at is None}


def token_in(text: str, kind: LinkKind) -> str:
    found = re.search(rf"https://desk\.example\.com/{kind}/([\w-]{{43}})", text)
    assert found is not None
    return found[1]


async def test_looking_at_the_link_changes_nothing(world: World) -> None:
    token = world.reader(ANN)

    await unsubscribe.view(world.desk, token)
    page = await unsubscribe.view(world.desk, token)

    assert (page.state, page.suppressed) == (LinkState.OPEN, False)
    assert running(world) == {"offers"}
    assert events(world) == []


async def test_one_click_stops_everything_at_once_and_a_letter_says_so(world: World) -> None:
    world.topic("tips")
    token = world.reader(ANN)
    world.reader(ANN, topic="tips")

    page = await unsubscribe.stop(world.desk, token)

    assert (page.suppressed, page.can_undo) == (True, True)
    assert running(world) == set()
    assert events(world) == [(Event.SUPPRESSED, "link")]
    ((name, recipient, text),) = world.outbox()
    assert (name, recipient) == ("unsubscribed", ANN)
    assert token_in(text, LinkKind.PREFERENCES) == token


async def test_a_second_click_is_no_second_stop(world: World) -> None:
    token = world.reader(ANN)
    await unsubscribe.stop(world.desk, token)
    world.clock.on(days=1)

    page = await unsubscribe.stop(world.desk, token)

    assert page.suppressed
    assert len(events(world)) == 1
    assert len(world.outbox()) == 1


async def test_undo_brings_back_what_the_stop_ended_and_nothing_that_ended_before(world: World) -> None:
    world.topic("tips")
    token = world.reader(ANN)
    world.reader(ANN, topic="tips")
    await unsubscribe.choose(world.desk, token, ("offers",))
    world.clock.on(minutes=1)
    await unsubscribe.stop(world.desk, token)
    world.clock.on(minutes=1)

    page = await unsubscribe.undo(world.desk, token)

    assert not page.suppressed
    assert running(world) == {"offers"}
    assert [event for event, _ in events(world)] == [Event.SUPPRESSED, Event.RESUBSCRIBED]


async def test_choosing_no_topic_is_a_stop(world: World) -> None:
    token = world.reader(ANN)

    page = await unsubscribe.choose(world.desk, token, ())

    assert page.suppressed
    assert [name for name, _, _ in world.outbox()] == ["unsubscribed"]


async def test_a_passed_on_newsletter_ends_topics_and_begins_none(world: World) -> None:
    world.topic("tips")
    token = world.reader(ANN)

    page = await unsubscribe.choose(world.desk, token, ("tips", "no such topic"))

    assert [(line.name, line.subscribed) for line in page.topics] == [("offers", False), ("tips", False)]
    assert (page.suppressed, page.asked) == (False, True)
    assert running(world) == set()
    assert [(name, recipient) for name, recipient, _ in world.outbox()] == [("opt_in", ANN)]


async def test_a_topic_chosen_on_the_page_begins_when_the_owner_of_the_address_confirms(world: World) -> None:
    world.topic("tips")
    token = world.reader(ANN)
    await unsubscribe.choose(world.desk, token, ("offers", "tips"))
    assert running(world) == {"offers"}
    ((_, _, text),) = world.outbox()

    page = await unsubscribe.opt_in(world.desk, token_in(text, LinkKind.OPT_IN))

    assert [line.name for line in page.topics] == ["tips"], "what ran before needs no confirmation"
    assert running(world) == {"offers", "tips"}
    assert events(world) == [(Event.SUBSCRIBED, "double opt-in")]


async def test_choosing_after_a_stop_lifts_it_only_when_it_is_confirmed(world: World) -> None:
    world.topic("tips")
    token = world.reader(ANN)
    await unsubscribe.stop(world.desk, token)

    page = await unsubscribe.choose(world.desk, token, ("tips",))

    assert (page.suppressed, page.can_undo, page.asked) == (True, True, True)
    letters = {name: text for name, _, text in world.outbox()}
    await unsubscribe.opt_in(world.desk, token_in(letters["opt_in"], LinkKind.OPT_IN))
    assert running(world) == {"tips"}
    assert world.ask(newsletters.suppressed_at, world.person(ANN)) is None


async def test_a_choice_that_begins_nothing_needs_no_letter(world: World) -> None:
    world.topic("tips")
    token = world.reader(ANN)
    world.reader(ANN, topic="tips")

    page = await unsubscribe.choose(world.desk, token, ("offers",))

    assert not page.asked
    assert running(world) == {"offers"}
    assert world.outbox() == []


async def test_a_passed_on_newsletter_floods_nobody_and_the_page_is_the_same(small_world: World) -> None:
    small_world.topic("tips")
    token = small_world.reader(ANN)

    pages = [await unsubscribe.choose(small_world.desk, token, ("offers", "tips")) for _ in range(10)]

    assert all(page == pages[0] for page in pages)
    assert len(small_world.outbox()) == small_world.desk.policy.letters_per_day


async def test_an_unknown_token_names_nobody_and_changes_nothing(world: World) -> None:
    world.reader(ANN)

    for token in ("", "x" * 43, world.person(ANN), "é"):
        for verb in (unsubscribe.view, unsubscribe.stop, unsubscribe.undo, unsubscribe.erase_too, unsubscribe.opt_in):
            assert await verb(world.desk, token) == ReaderPage(LinkState.UNKNOWN)
        assert await unsubscribe.choose(world.desk, token, ("offers",)) == ReaderPage(LinkState.UNKNOWN)

    assert running(world) == {"offers"}


async def test_somebody_who_reads_nothing_stops_by_the_link_of_a_letter_and_learns_nothing(world: World) -> None:
    person = world.person("stranger@readers.example.com")
    with world.store.transaction() as tx:
        newsletters.suppress(tx, person, "mail")
        newsletters.add_link(tx, kind=LinkKind.PREFERENCES, token="t" * 43, person=person)

    page = await unsubscribe.preferences(world.desk, "t" * 43)
    undone = await unsubscribe.undo(world.desk, "t" * 43)

    assert (page.suppressed, page.topics) == (True, ())
    assert not undone.suppressed


async def test_signing_up_sends_a_link_and_subscribes_nobody(world: World) -> None:
    await unsubscribe.sign_up(world.desk, mailbox=" Ann@Readers.Example.com ", language=Language.EN, topics=("offers",))

    assert running(world, "ann@readers.example.com") == set()
    ((name, recipient, text),) = world.outbox()
    assert (name, recipient) == ("opt_in", "Ann@readers.example.com")
    token = token_in(text, LinkKind.OPT_IN)
    page = await unsubscribe.view(world.desk, token)
    assert (page.state, [line.name for line in page.topics]) == (LinkState.OPEN, ["offers"])

    done = await unsubscribe.opt_in(world.desk, token)
    again = await unsubscribe.opt_in(world.desk, token)

    assert done.state is again.state is LinkState.USED
    assert running(world, "ann@readers.example.com") == {"offers"}
    (subscription,) = world.ask(newsletters.subscriptions, world.person("ann@readers.example.com"))
    assert subscription.origin == "double opt-in"


async def test_the_owner_of_a_stopped_address_comes_back_only_by_confirming(world: World) -> None:
    token = world.reader(ANN)
    await unsubscribe.stop(world.desk, token)
    await unsubscribe.sign_up(world.desk, mailbox=ANN, language=Language.NL, topics=("offers",))
    assert running(world) == set()
    assert world.ask(newsletters.suppressed_at, world.person(ANN)) is not None

    letters = {name: text for name, _, text in world.outbox()}
    await unsubscribe.opt_in(world.desk, token_in(letters["opt_in"], LinkKind.OPT_IN))

    assert running(world) == {"offers"}
    assert world.ask(newsletters.suppressed_at, world.person(ANN)) is None


@pytest.mark.parametrize("mailbox", ["", "no address", "a@b@c\r\nRCPT", "<x>@y.example"])
async def test_signing_up_with_no_address_is_silence(small_world: World, mailbox: str) -> None:
    await unsubscribe.sign_up(small_world.desk, mailbox=mailbox, language=Language.NL, topics=("offers",))

    assert small_world.outbox() == []


async def test_strangers_cannot_flood_an_address_with_sign_ups(small_world: World) -> None:
    for _ in range(10):
        await unsubscribe.sign_up(small_world.desk, mailbox=ANN, language=Language.NL, topics=("offers",))

    assert len(small_world.outbox()) == small_world.desk.policy.letters_per_day


async def test_who_never_confirms_is_forgotten(world: World) -> None:
    world.reader("bob@readers.example.com")
    await unsubscribe.sign_up(world.desk, mailbox=ANN, language=Language.NL, topics=("offers",))
    ((_, _, text),) = world.outbox()

    world.clock.on(days=6)
    assert world.ask(newsletters.forget_unconfirmed) == 0
    world.clock.on(days=2)
    assert world.ask(newsletters.forget_unconfirmed) == 1

    assert world.ask(newsletters.load_reader, world.person(ANN)) is None
    assert world.ask(newsletters.load_reader, world.person("bob@readers.example.com")) is not None
    page = await unsubscribe.opt_in(world.desk, token_in(text, LinkKind.OPT_IN))
    assert page.state is LinkState.EXPIRED
    assert running(world) == set()


async def test_an_expired_link_still_stops_but_opens_nothing(world: World) -> None:
    world.reader(ANN)
    person = world.person(ANN)
    with world.store.transaction() as tx:
        newsletters.add_link(tx, kind=LinkKind.PREFERENCES, token="t" * 43, person=person, expires=tx.now + timedelta(days=1))
    world.clock.on(days=2)

    page = await unsubscribe.stop(world.desk, "t" * 43)
    assert (page.state, page.suppressed, page.can_undo) == (LinkState.EXPIRED, True, False)
    assert (await unsubscribe.undo(world.desk, "t" * 43)).suppressed
    before = len(world.outbox())
    chosen = await unsubscribe.choose(world.desk, "t" * 43, ("offers",))
    assert (chosen.suppressed, chosen.asked) == (True, False)
    assert len(world.outbox()) == before


async def test_asking_for_erasure_sends_a_confirmation_letter_and_erases_nothing(world: World) -> None:
    token = world.reader(ANN)

    page = await unsubscribe.erase_too(world.desk, token)

    assert page.state is LinkState.OPEN
    assert [(name, recipient) for name, recipient, _ in world.outbox()] == [("confirm", ANN)]
    assert running(world) == {"offers"}


def test_the_mail_that_a_readers_program_writes_stops_that_reader_whoever_it_comes_from(world: World) -> None:
    token = world.reader(ANN)
    (subject,) = parse_qs(urlsplit(unsubscribe_mailto("privacy@desk.example.com", token)).query)["subject"]

    assert world.ask(stops.by_subject, world.desk, subject)
    assert world.ask(stops.by_subject, world.desk, subject)

    assert running(world) == set()
    assert events(world) == [(Event.SUPPRESSED, "mail")]
    assert [(name, recipient) for name, recipient, _ in world.outbox()] == [("unsubscribed", ANN)]


@pytest.mark.parametrize("subject", ["unsubscribe", f"unsubscribe {'x' * 43}", "Hello"])
def test_other_subjects_stop_nobody(small_world: World, subject: str) -> None:
    small_world.reader(ANN)

    assert not small_world.ask(stops.by_subject, small_world.desk, subject)
    assert running(small_world) == {"offers"}


async def test_many_readers_stop_at_the_same_moment(world: World) -> None:
    tokens = [world.reader(f"r{number}@readers.example.com") for number in range(20)]

    pages = await asyncio.gather(*(unsubscribe.stop(world.desk, token) for token in tokens))

    assert all(page.suppressed for page in pages)
    assert len(events(world)) == 20
