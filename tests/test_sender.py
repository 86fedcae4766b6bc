from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from tests.newsletter.world import START, TEXTS, Senders, World, opened, suppress
from tests.servers.smtp import Answer, ScriptedSmtp
from worker.casework import unsubscribe
from worker.rules.audit import Event
from worker.rules.model import DeliveryState, Language
from worker.store import Tx, audit, campaigns, newsletters
from worker.store.campaigns import CampaignState

pytest_plugins = ["tests.newsletter.fixtures"]


async def test_a_newsletter_leaves_at_its_time_in_the_readers_own_language(
    world: World, scripted_smtp: ScriptedSmtp, a_sender: Senders
) -> None:
    for language in Language:
        world.reader(f"{language}@readers.example.com", language)
    campaign_id = world.plan(START + timedelta(hours=1))
    sender = a_sender(world)

    await sender.campaign()
    assert scripted_smtp.accepted == []

    world.clock.on(hours=1)
    await sender.campaign()

    assert len(scripted_smtp.accepted) == 4
    for language, text in TEXTS.items():
        (only,) = scripted_smtp.to(f"{language}@readers.example.com")
        message, plain, page = opened(only.data)
        assert message["subject"] == text.subject
        assert message["content-language"] == language
        assert f'<html lang="{language}">' in page
        assert text.markdown.splitlines()[0].removeprefix("# ") in plain
    assert world.counts(campaign_id) == {"sent": 4}
    assert world.campaign(campaign_id).state is CampaignState.DONE


async def test_a_reader_of_another_language_gets_the_companys_first_language_that_is_written(
    small_world: World, scripted_smtp: ScriptedSmtp, a_sender: Senders
) -> None:
    small_world.reader("de@readers.example.com", Language.DE)
    small_world.plan(texts={Language.FR: TEXTS[Language.FR], Language.NL: TEXTS[Language.NL]})

    await a_sender(small_world).campaign()

    assert opened(scripted_smtp.accepted[0].data)[0]["content-language"] == "nl"


async def test_every_message_names_the_ways_out(small_world: World, scripted_smtp: ScriptedSmtp, a_sender: Senders) -> None:
    token = small_world.reader("ann@readers.example.com")
    campaign_id = small_world.plan()

    await a_sender(small_world, unsubscribe_mailbox="privacy@desk.example.com").campaign()

    message, plain, page = opened(scripted_smtp.accepted[0].data)
    url = f"https://desk.example.com/u/{token}"
    assert message["list-unsubscribe"] == f"<{url}>, <mailto:privacy@desk.example.com?subject=unsubscribe%20{token}>"
    assert message["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    assert plain.rindex(url) > plain.index("De winkel is open")
    assert page.rindex(f'href="{url}"') > page.index("De winkel is open")
    assert f"/p/{token}" in plain
    for name, value in {
        "list-id": "Aanbiedingen <offers.desk.example.com>", "list-help": "<https://desk.example.com/privacy>",
        "list-owner": "<mailto:privacy@desk.example.com>", "list-post": "NO", "auto-submitted": "auto-generated", "precedence": "bulk",
    }.items():  # fmt: skip
        assert message[name].replace('"', "") == value
    assert campaign_id in message["feedback-id"]
    assert "ann" not in message["feedback-id"]


async def test_who_unsubscribes_while_it_goes_out_gets_nothing_more(world: World, scripted_smtp: ScriptedSmtp, a_sender: Senders) -> None:
    tokens = {f"r{number}@readers.example.com": world.reader(f"r{number}@readers.example.com") for number in range(8)}
    campaign_id = world.plan()
    scripted_smtp.on("@readers", Answer.SLOW)
    scripted_smtp.slow_seconds = 0.15

    going = asyncio.create_task(a_sender(world, lot=8).campaign())
    await scripted_smtp.arrived(2)
    had, stopped = {each.recipients[0] for each in scripted_smtp.accepted}, dict[str, float]()
    for mailbox, token in tokens.items():
        if mailbox not in had:
            await unsubscribe.stop(world.desk, token)
            stopped[mailbox] = time.monotonic()
    scripted_smtp.slow_seconds = 0.0
    await going

    # The message that was in flight, and no other, comes to somebody who has stopped it.
    late = [each for each in scripted_smtp.accepted if each.at > stopped.get(each.recipients[0], each.at)]
    assert len(late) <= 1
    assert len(scripted_smtp.accepted) < len(tokens)
    counts = world.counts(campaign_id)
    assert counts["sent"] == len(scripted_smtp.accepted)
    assert counts["skipped"] == 8 - counts["sent"]
    assert world.campaign(campaign_id).state is CampaignState.DONE


async def test_a_suppressed_reader_is_no_part_of_the_audience_whatever_the_subscription_says(
    world: World, scripted_smtp: ScriptedSmtp, a_sender: Senders
) -> None:
    world.reader("ann@readers.example.com")
    world.ask(suppress, world.person("ann@readers.example.com"))
    world.ask(newsletters.subscribe, world.person("ann@readers.example.com"), "offers", "a mistake")
    world.reader("bob@readers.example.com")
    campaign_id = world.plan()

    await a_sender(world).campaign()

    assert [each.recipients for each in scripted_smtp.accepted] == [("bob@readers.example.com",)]
    assert world.counts(campaign_id) == {"sent": 1}


async def test_a_lot_is_found_without_a_look_at_those_who_had_it(small_world: World) -> None:
    for number in range(400):
        small_world.reader(f"r{number}@readers.example.com")
    campaign_id = small_world.plan()
    small_world.ask(campaigns.begin, campaign_id)
    steps: list[int] = []
    last = ""
    while lot := small_world.ask(counted, steps, lambda tx, after=last: campaigns.claim(tx, campaign_id, 20, timedelta(minutes=10), after)):
        for claimed in lot:
            small_world.ask(campaigns.settle, claimed, DeliveryState.SENT, "250")
        last = lot[-1].person

    assert len(steps) == 21
    assert max(steps[10:20]) <= max(steps[:10]) * 1.2, "the last lots cost what the first ones did"


def counted(tx: Tx, steps: list[int], work: Callable[[Tx], list[campaigns.Claimed]]) -> list[campaigns.Claimed]:
    """Note for how many hundred instructions of SQLite's machine ``work`` ran."""
    connection: Any = tx.connection.connection.dbapi_connection
    ticks = [0]

    def tick() -> None:
        ticks[0] += 1

    connection.set_progress_handler(tick, 100)
    try:
        return work(tx)
    finally:
        connection.set_progress_handler(None, 100)
        steps.append(ticks[0])


async def test_two_senders_at_once_never_send_twice(world: World, scripted_smtp: ScriptedSmtp, a_sender: Senders) -> None:
    mailboxes = {f"r{number}@readers.example.com" for number in range(40)}
    for mailbox in mailboxes:
        world.reader(mailbox)
    campaign_id = world.plan()

    await asyncio.gather(*(a_sender(world, lot=3).campaign([campaign_id]) for _ in range(3)))

    assert Counter(each.recipients[0] for each in scripted_smtp.accepted) == Counter(mailboxes)
    assert world.campaign(campaign_id).state is CampaignState.DONE


async def test_a_sender_that_lost_its_claim_neither_sends_nor_writes(world: World) -> None:
    world.reader("ann@readers.example.com")
    campaign_id = world.plan()
    world.ask(campaigns.begin, campaign_id)
    (slow,) = world.ask(campaigns.claim, campaign_id, 5, timedelta(minutes=10))
    world.clock.on(minutes=10)
    (fast,) = world.ask(campaigns.claim, campaign_id, 5, timedelta(minutes=10))

    assert not world.ask(campaigns.standing, slow).ours
    assert not world.ask(campaigns.settle, slow, DeliveryState.FAILED, "late")
    assert world.ask(campaigns.standing, fast).ours
    assert world.ask(campaigns.settle, fast, DeliveryState.SENT, "250")
    assert world.counts(campaign_id) == {"sent": 1}


async def test_a_reader_who_is_put_off_is_tried_again_later_with_the_same_bytes(
    world: World, scripted_smtp: ScriptedSmtp, a_sender: Senders
) -> None:
    world.reader("ann@readers.example.com", name="Ann Peeters")
    world.reader("bob@readers.example.com")
    campaign_id = world.plan()
    scripted_smtp.on("^ann@", Answer.DROP_AFTER_ACCEPTING)
    sender = a_sender(world)

    await sender.campaign()
    assert world.counts(campaign_id) == {"planned": 1, "sent": 1}
    await sender.campaign()
    assert len(scripted_smtp.to("ann@readers.example.com")) == 1, "not before its time"

    scripted_smtp.on("^ann@", Answer.ACCEPT)
    world.clock.on(minutes=2)
    await sender.campaign()

    first, second = scripted_smtp.to("ann@readers.example.com")
    assert first.data == second.data
    assert world.counts(campaign_id) == {"sent": 2}
    assert world.campaign(campaign_id).state is CampaignState.DONE


async def test_what_is_put_off_for_two_days_is_given_up(small_world: World, scripted_smtp: ScriptedSmtp, a_sender: Senders) -> None:
    small_world.reader("ann@readers.example.com")
    campaign_id = small_world.plan()
    scripted_smtp.on("^ann@", Answer.LATER)
    sender = a_sender(small_world)

    tries = 0
    while small_world.campaign(campaign_id).state is not CampaignState.DONE and tries < 40:
        await sender.campaign()
        small_world.clock.on(hours=4)
        tries += 1

    assert small_world.counts(campaign_id) == {"failed": 1}
    assert 10 < tries <= 14, "two days, tried every four hours"


async def test_a_refused_address_is_that_readers_result_and_nobody_elses(
    world: World, scripted_smtp: ScriptedSmtp, a_sender: Senders
) -> None:
    world.reader("gone@readers.example.com")
    world.reader("bob@readers.example.com")
    campaign_id = world.plan()
    scripted_smtp.on("^gone@", Answer.NEVER)

    await a_sender(world).campaign()

    assert world.counts(campaign_id) == {"sent": 1, "failed": 1}
    assert world.campaign(campaign_id).state is CampaignState.DONE


async def test_a_relay_that_does_not_answer_costs_few_attempts_and_loses_nobody(
    world: World, scripted_smtp: ScriptedSmtp, a_sender: Senders
) -> None:
    for number in range(10):
        world.reader(f"r{number}@readers.example.com")
    campaign_id = world.plan()
    scripted_smtp.on("@readers", Answer.LATER)
    sender = a_sender(world, pause=timedelta(seconds=0.2))

    await sender.campaign()
    await sender.campaign()
    assert len(scripted_smtp.refused) == 3, "after three in a row it is left alone, also when it is woken at once"
    assert world.counts(campaign_id) == {"planned": 10}

    scripted_smtp.on("@readers", Answer.ACCEPT)
    world.clock.on(minutes=2)
    await asyncio.sleep(0.25)
    await sender.campaign()
    assert world.counts(campaign_id) == {"sent": 10}


async def test_a_cancelled_newsletter_stops_in_its_middle(world: World, scripted_smtp: ScriptedSmtp, a_sender: Senders) -> None:
    for number in range(6):
        world.reader(f"r{number}@readers.example.com")
    campaign_id = world.plan()
    scripted_smtp.on("@readers", Answer.SLOW)
    scripted_smtp.slow_seconds = 0.15
    going = asyncio.create_task(a_sender(world).campaign())
    await scripted_smtp.arrived(1)

    assert world.ask(campaigns.cancel, campaign_id, "test")
    await going

    assert len(scripted_smtp.accepted) in {1, 2}
    counts = world.counts(campaign_id)
    assert counts == {"sent": len(scripted_smtp.accepted), "planned": 6 - len(scripted_smtp.accepted)}


async def test_a_desk_that_stops_waits_for_the_message_in_flight(world: World, scripted_smtp: ScriptedSmtp, a_sender: Senders) -> None:
    for number in range(4):
        world.reader(f"r{number}@readers.example.com")
    campaign_id = world.plan()
    scripted_smtp.on("@readers", Answer.SLOW)
    scripted_smtp.slow_seconds = 0.3
    going = asyncio.create_task(a_sender(world).campaign())
    await asyncio.sleep(0.15)

    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going

    assert len(scripted_smtp.accepted) == 1
    assert world.counts(campaign_id) == {"sent": 1, "planned": 3}


@pytest.mark.parametrize(
    "name",
    [
        "Ann\r\nBcc: victim@example.com",
        "Ann\nX-Injected: yes",
        'Ann" <victim@example.com>, "',
        "=?utf-8?q?Ann=0D=0ABcc=3A_victim=40example=2Ecom?=",
        "\u2028Bcc: victim@example.com",
        "Ann\0U\0",
        "É" * 3000,
        "\udc80 broken",
    ],
)
async def test_a_name_never_becomes_a_header(small_world: World, scripted_smtp: ScriptedSmtp, a_sender: Senders, name: str) -> None:
    small_world.reader("ann@readers.example.com", name=name)
    small_world.plan()

    await a_sender(small_world).campaign()

    (only,) = scripted_smtp.accepted
    message = opened(only.data)[0]
    assert only.recipients == ("ann@readers.example.com",)
    assert [address.addr_spec for address in message["to"].addresses] == ["ann@readers.example.com"]
    assert message["bcc"] is None
    assert message["x-injected"] is None
    assert max(map(len, only.data.split(b"\r\n"))) < 998


@pytest.mark.parametrize(
    "mailbox",
    ["a b@readers.example.com", "ann@readers.example.com>\r\nRCPT TO:<x@y.example", "@readers.example.com", "é@readers.example.com"],
)
async def test_an_address_that_fits_no_envelope_fails_alone(
    small_world: World, scripted_smtp: ScriptedSmtp, a_sender: Senders, mailbox: str
) -> None:
    small_world.reader(mailbox)
    small_world.reader("bob@readers.example.com")
    campaign_id = small_world.plan()

    await a_sender(small_world).campaign()

    assert [each.recipients for each in scripted_smtp.accepted] == [("bob@readers.example.com",)]
    assert small_world.counts(campaign_id) == {"sent": 1, "failed": 1}


async def test_a_reader_erased_in_the_meantime_gets_nothing(world: World, scripted_smtp: ScriptedSmtp, a_sender: Senders) -> None:
    world.reader("ann@readers.example.com")
    campaign_id = world.plan()
    world.ask(campaigns.begin, campaign_id)
    world.ask(newsletters.erase_person, world.person("ann@readers.example.com"))

    await a_sender(world).campaign()

    assert scripted_smtp.accepted == []
    assert world.counts(campaign_id) == {"skipped": 1}


async def test_a_relay_that_refuses_us_stops_the_newsletter_and_never_the_reader(
    world: World, scripted_smtp: ScriptedSmtp, a_sender: Senders
) -> None:
    for number in range(5):
        world.reader(f"r{number}@readers.example.com")
    campaign_id = world.plan()
    async with a_relay_that_blocks() as port:
        senders = Senders(port)
        await senders(world).campaign()
        await senders.close()

    assert world.campaign(campaign_id).state is CampaignState.STOPPED
    assert world.counts(campaign_id) == {"planned": 5}
    await a_sender(world).campaign()
    assert scripted_smtp.accepted == [], "a stopped newsletter waits for a person"

    assert world.ask(campaigns.resume, campaign_id, "test")
    await a_sender(world).campaign()

    assert len(scripted_smtp.accepted) == 5
    ended = [each.facts["state"] for each in world.ask(audit.entries, audit.DESK) if each.event is Event.CAMPAIGN_ENDED]
    assert ended == ["stopped", "done"]


@asynccontextmanager
async def a_relay_that_blocks() -> AsyncIterator[int]:
    """An SMTP server that answers every recipient with 550 5.7.1."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 localhost ESMTP\r\n")
        while line := await reader.readline():
            verb = line.split(b" ")[0].strip().upper()
            writer.write(
                {b"EHLO": b"250-localhost\r\n250 ENHANCEDSTATUSCODES\r\n", b"RCPT": b"550 5.7.1 you are not welcome\r\n"}.get(
                    verb, b"250 2.0.0 ok\r\n"
                )
            )
            if verb == b"QUIT":
                break
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


async def test_nothing_personal_is_kept_of_a_servers_reply(small_world: World, scripted_smtp: ScriptedSmtp, a_sender: Senders) -> None:
    small_world.reader("ann@readers.example.com", name="Ann Peeters")
    small_world.plan()

    await a_sender(small_world).campaign()

    replies = small_world.ask(lambda tx: tx.connection.exec_driver_sql("SELECT reply FROM delivery").scalars().all())
    assert replies == ["250 2.0.0 kept"]
