"""SIGKILL somewhere on a mail's path: a few of the places that ``make chaos`` tries one by one, others in each run."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from tests.chaos.test_one_mail import CONTRACTS, GRACE, STORIES, Ended, Story, a_run
from tests.chaos.trials import Step, a_template, chosen, in_parallel
from tests.servers.dovecot import Dovecot

KILLS = 5  # of each story


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
async def test_a_kill_on_a_mails_path_loses_nothing_and_changes_nothing_twice(story: Story, dovecot: Dovecot, tmp_path: Path) -> None:
    template = await a_template(tmp_path / "template", dovecot, GRACE, CONTRACTS)
    whole = await a_run(story, template, tmp_path / "whole", dovecot, None)
    assert (whole.deaths, whole.doubled) == (0, 0)
    kills = random.sample(chosen(whole.steps), KILLS)
    print("killed at", kills)
    slots = asyncio.Semaphore(in_parallel())

    async def killed(place: int, kill: Step) -> Ended:
        async with slots:
            return await a_run(story, template, tmp_path / f"{place}", dovecot, kill)

    ends = await asyncio.gather(*(killed(place, kill) for place, kill in enumerate(kills)))
    assert sum(each.deaths for each in ends), "no kill hit anything"
    for each in ends:
        assert each.letters == whole.letters, each.kill
        assert each.doubled <= each.in_flight, each.kill
