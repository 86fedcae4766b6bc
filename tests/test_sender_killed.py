"""SIGKILL in the middle of a newsletter: nobody is lost, and nobody beyond the message in flight has it twice."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from tests.newsletter.world import Senders, World
from tests.servers.smtp import Answer, ScriptedSmtp
from worker.store.campaigns import CampaignState

pytest_plugins = ["tests.newsletter.fixtures"]
ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("kill_after", [1, 5, 13])
async def test_a_kill_in_the_middle_loses_nobody_and_doubles_at_most_the_message_in_flight(
    world: World, database_url: str, tmp_path: Path, scripted_smtp: ScriptedSmtp, a_sender: Senders, kill_after: int
) -> None:
    mailboxes = [f"r{number:02}@readers.example.com" for number in range(20)]
    for mailbox in mailboxes:
        world.reader(mailbox)
    campaign_id = world.plan()
    scripted_smtp.on("@readers", Answer.SLOW)
    scripted_smtp.slow_seconds = random.uniform(0.01, 0.05)

    command = [sys.executable, "-m", "tests.newsletter.run_sender", database_url, str(tmp_path), str(scripted_smtp.port)]
    with (tmp_path / "sender.log").open("wb") as log:
        killed = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=log, stderr=log)
    await scripted_smtp.arrived(kill_after, within=20)
    killed.send_signal(signal.SIGKILL)
    assert await killed.wait() == -signal.SIGKILL, (tmp_path / "sender.log").read_text()
    scripted_smtp.slow_seconds = 0.0
    before = world.counts(campaign_id)
    assert before.get("sent", 0) < 20

    sender = a_sender(world)
    await sender.campaign()
    world.clock.on(minutes=11)
    await sender.campaign()

    had = Counter(each.recipients[0] for each in scripted_smtp.accepted)
    assert set(had) == set(mailboxes)
    assert len(scripted_smtp.accepted) <= 21
    for mailbox in mailboxes:
        assert len({each.data for each in scripted_smtp.to(mailbox)}) == 1, "a doubled message is the same message"
    assert world.counts(campaign_id) == {"sent": 20}
    assert world.campaign(campaign_id).state is CampaignState.DONE


async def test_a_claim_of_a_dead_process_is_not_touched_before_it_expires(
    world: World, scripted_smtp: ScriptedSmtp, a_sender: Senders
) -> None:
    world.reader("ann@readers.example.com")
    campaign_id = world.plan()
    world.claim(campaign_id)

    await a_sender(world, claim_expires=timedelta(minutes=10)).campaign()

    assert scripted_smtp.accepted == []
    assert world.campaign(campaign_id).state is CampaignState.SENDING
