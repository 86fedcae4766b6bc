"""The administrator stops the desk while letters leave, and starts it again: everybody has his letter once, and soon."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import Counter
from pathlib import Path

from tests.journeys.running import written
from tests.servers.dovecot import Dovecot
from tests.servers.smtp import Answer, ScriptedSmtp
from worker.app import opened, prepare
from worker.casework import ask
from worker.rules.model import Language, Right
from worker.settings import load
from worker.store import letters

CUSTOMERS = [f"customer{number}@example.com" for number in range(24)]
ROOT = Path(__file__).parents[2]


async def a_desk(config: Path) -> asyncio.subprocess.Process:
    """The desk as an administrator starts it."""
    with (config.parent / "log").open("ab") as log:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "worker", "run", "--config", str(config), cwd=ROOT, stdout=log, stderr=log
        )


async def ended(desk: asyncio.subprocess.Process, config: Path) -> None:
    """SIGTERM, as from systemd or Docker."""
    desk.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(desk.wait(), 20) == 0, (config.parent / "log").read_text()


async def test_a_desk_that_is_stopped_and_started_again_sends_each_letter_once(
    dovecot: Dovecot, mailbox_user: str, scripted_smtp: ScriptedSmtp, tmp_path: Path
) -> None:
    scripted_smtp.on("@example", Answer.SLOW)
    scripted_smtp.slow_seconds = 0.3
    config = written(tmp_path, dovecot=dovecot, user=mailbox_user, smtp_port=scripted_smtp.port)
    settings = load(config, {})
    settings.data.folder.mkdir()
    await prepare(settings)
    async with opened(settings) as tools:
        for customer in CUSTOMERS:
            await ask.by_form(tools, mailbox=customer, language=Language.EN, rights=(Right.ACCESS,), words="")

    first = await a_desk(config)
    await scripted_smtp.arrived(6, within=30)
    await ended(first, config)
    had = len(scripted_smtp.accepted)
    assert had < len(CUSTOMERS)
    async with opened(settings) as tools:
        assert await tools.store.run(letters.waiting) == (len(CUSTOMERS) - had, 0)
        assert not await tools.store.run(letters.any_claimed)

    second = await a_desk(config)
    await scripted_smtp.arrived(len(CUSTOMERS), within=30)
    await ended(second, config)
    assert Counter(each.recipients[0] for each in scripted_smtp.accepted) == Counter(CUSTOMERS)
