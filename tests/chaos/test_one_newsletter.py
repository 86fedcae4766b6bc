"""SIGKILL between any two steps of a newsletter loses nobody, and doubles nobody beyond the message in flight."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from tests.chaos.trials import Step, Template, a_template, a_trial, chosen, in_parallel
from tests.servers.dovecot import Dovecot
from worker.app import opened
from worker.rules.mail import Address
from worker.rules.model import Language
from worker.settings import load
from worker.store import Tx, audit, campaigns, newsletters

READERS = [f"reader{number}@example.com" for number in range(6)]
TEXTS = {language: campaigns.Text("News", "# News\n\nThe shop is open.\n") for language in Language}


@dataclass(frozen=True)
class Ended:
    """What one trial came to."""

    kill: Step | None
    deaths: int
    steps: Counter[str]
    had: Counter[str]
    messages: int
    in_flight: int


async def a_run(template: Template, folder: Path, dovecot: Dovecot, kill: Step | None) -> Ended:
    """One newsletter to its end, killed once."""
    async with a_trial(template, folder, dovecot, kill) as trial:
        await trial.until(trial.done, "the end")
        await trial.to_the_end()
        assert trial.count("select count(*) from delivery where state = 'sent'") == len(READERS)
        async with trial.opened() as desk:
            assert await desk.store.run(audit.verify, {}) > 0
        had = Counter(each.recipients[0] for each in trial.smtp.accepted)
        return Ended(kill, trial.deaths, trial.steps(), had, len({each.data for each in trial.smtp.accepted}), trial.in_flight())


def _planned(tx: Tx) -> None:
    newsletters.add_topic(tx, "offers", {Language.NL: "Aanbiedingen"})
    for number, mailbox in enumerate(READERS):
        person = newsletters.add_reader(tx, Address(mailbox), list(Language)[number % len(Language)])
        newsletters.enrol(tx, person, "offers", "shop counter")
    campaigns.plan(tx, "offers", tx.now - timedelta(minutes=1), TEXTS, "test")


@pytest.fixture
async def template(dovecot: Dovecot, tmp_path: Path) -> Template:
    made = await a_template(tmp_path / "template", dovecot)
    async with opened(load(made.folder / "worker.toml", {})) as desk:
        await desk.store.run(_planned)
    return made


async def test_a_kill_at_any_step_of_a_newsletter_loses_nobody_and_doubles_at_most_one(
    template: Template, dovecot: Dovecot, tmp_path: Path
) -> None:
    whole = await a_run(template, tmp_path / "whole", dovecot, None)
    assert (whole.deaths, whole.had) == (0, Counter(READERS))
    slots = asyncio.Semaphore(in_parallel())

    async def killed(place: int, kill: Step) -> Ended:
        async with slots:
            return await a_run(template, tmp_path / f"{place}", dovecot, kill)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(killed(place, kill)) for place, kill in enumerate(chosen(whole.steps))]
    died = [ended for task in tasks if (ended := task.result()).deaths]
    twice = [each.kill for each in died if each.had.total() > len(READERS)]
    print(f"newsletter: {len(tasks)} kills at {len(whole.steps)} steps, {len(died)} hit; a message left twice after {twice}")
    assert {each.kill[0] for each in died if each.kill} == set(whole.steps), "some step was never killed"
    for each in died:
        assert set(each.had) == set(READERS), each.kill
        assert each.had.total() <= len(READERS) + min(each.in_flight, 1), each.kill
        assert each.messages == len(READERS), "a message that leaves twice is the same message"
