"""SIGKILL between any two steps of a mail's path loses nothing and changes nothing twice."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.chaos.trials import Step, Template, Trial, a_template, a_trial, chosen, in_parallel, without_what_differs
from tests.servers.dovecot import Dovecot
from worker.casework.desk import Desk
from worker.casework.download import json_file
from worker.store import audit, packages, tables

CONTRACTS = 1000  # of Ann's: more than a package holds without parts
GRACE = '[policy]\ndeletion_grace = "1s"\n'


@dataclass(frozen=True)
class Story:
    """What a customer asks and does, and what must have become of it."""

    name: str
    play: Callable[[Trial], Awaitable[None]]
    check: Callable[[Desk], Awaitable[None]]
    letters: int
    #: Steps at which another story is killed.
    leaves: tuple[str, ...] = ()


async def correct(trial: Trial) -> None:
    """Mail, link, code, old and new, button."""
    trial.deliver("Hello, my new telephone number is 02 555 01 99. Could you change it please? Ann Peeters")
    letter = await trial.letter(1)
    asked = {"code": letter.code, "right": "correction"}
    shown = await trial.post(letter.path("c"), **asked)
    if found := re.search(r'name="fingerprint" value="([^"]+)"', shown):
        await trial.post(letter.path("c"), **asked, fingerprint=found[1])


async def is_corrected(desk: Desk) -> None:
    (row,) = [row for row in await desk.register.export_rows() if row["email"] == "ann@example.com"]
    assert row["telephone"] == "+32 2 555 01 99"


async def copy_and_erase(trial: Trial) -> None:
    """Mail, link, code, button for both; the package first, then the erasure."""
    trial.deliver("Please send me a copy of my personal data first. Then delete all my data. Ann Peeters")
    letter = await trial.letter(1)
    await trial.post(letter.path("c"), code=letter.code, right=["access", "deletion"])


async def is_told_and_erased(desk: Desk) -> None:
    """Everything is in the package, once, and nothing is in the register."""
    package_id = await desk.store.run(lambda tx: tx.connection.execute(select(tables.package.c.id)).scalar_one())
    package = await desk.store.run(packages.fetch, package_id)
    assert package is not None
    file = json.loads(b"".join([piece async for piece in json_file(desk, package)]))
    assert [(table["table"], len(table["rows"])) for table in file["tables"]] == [("customer", 1), ("contract", CONTRACTS)]
    stored = await desk.store.run(lambda tx: tx.connection.execute(select(tables.package_part.c.number)).scalars().all())
    assert sorted(stored) == list(package.further[1].parts) != []
    assert not await desk.register.find("ann@example.com")


MAIL_COMES_IN = ("note_door", "begin_folder", "Intake._commit", "Mailbox.move", "mark_moved")
STORIES = (Story("correction", correct, is_corrected, 2), Story("copy and erasure", copy_and_erase, is_told_and_erased, 4, MAIL_COMES_IN))


@dataclass(frozen=True)
class Ended:
    """What one trial came to."""

    kill: Step | None
    deaths: int
    steps: Counter[str]
    letters: tuple[str, ...]
    doubled: int
    in_flight: int


async def a_run(story: Story, template: Template, folder: Path, dovecot: Dovecot, kill: Step | None) -> Ended:
    """One story to its end, killed once."""
    async with a_trial(template, folder, dovecot, kill, GRACE) as trial:
        await trial.ready()
        await story.play(trial)
        await trial.letter(story.letters)
        await trial.to_the_end()
        await nothing_is_lost(story, trial)
        texts = tuple(without_what_differs(letter.text) for letter in trial.letters())
        return Ended(kill, trial.deaths, trial.steps(), texts, doubled(trial), trial.in_flight())


def doubled(trial: Trial) -> int:
    """How many letters came twice; each of them with the same bytes."""
    accepted = Counter(each.data for each in trial.smtp.accepted)
    assert len(accepted) == len(trial.letters()), "a letter that comes twice is the same letter"
    return sum(accepted.values()) - len(accepted)


async def nothing_is_lost(story: Story, trial: Trial) -> None:
    """One case, each letter, the change, the mail moved, the log whole."""
    assert trial.count("select count(*) from cases") == 1
    assert trial.count("select count(*) from mail") == 1
    assert trial.count("select count(*) from mail where state = 'case'") == 1
    assert trial.count("select count(*) from letter where state = 'sent'") == story.letters == len(trial.letters())
    assert trial.dovecot.count(trial.user, "Processed") == 1
    async with trial.opened() as desk:
        await story.check(desk)
        assert await desk.store.run(audit.verify, {}) > 0


@pytest.fixture
async def template(dovecot: Dovecot, tmp_path: Path) -> Template:
    return await a_template(tmp_path / "template", dovecot, GRACE, CONTRACTS)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
async def test_a_kill_at_any_step_of_a_mails_path_loses_nothing_and_changes_nothing_twice(
    story: Story, template: Template, dovecot: Dovecot, tmp_path: Path
) -> None:
    whole = await a_run(story, template, tmp_path / "whole", dovecot, None)
    assert (whole.deaths, whole.doubled) == (0, 0)
    wanted = Counter({step: times for step, times in whole.steps.items() if not step.endswith(story.leaves or "-")})
    kills = chosen(wanted)
    slots = asyncio.Semaphore(in_parallel())

    async def killed(place: int, kill: Step) -> Ended:
        async with slots:
            return await a_run(story, template, tmp_path / f"{place}", dovecot, kill)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(killed(place, kill)) for place, kill in enumerate(kills)]
    died = [ended for task in tasks if (ended := task.result()).deaths]
    twice = [each.kill for each in died if each.doubled]
    print(f"{story.name}: {len(kills)} kills at {len(wanted)} steps, {len(died)} hit; a letter left twice after {twice}")
    assert {each.kill[0] for each in died if each.kill} == set(wanted), "some step was never killed"
    for each in died:
        assert each.letters == whole.letters, each.kill
        assert each.doubled <= each.in_flight, each.kill
