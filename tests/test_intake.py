"""What comes in by a mailbox: from when on, once, and let go only when it is recorded."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.desks import a_house, a_mail
from tests.journeys.running import a_journey, written
from tests.servers.dovecot import Dovecot
from tests.servers.smtp import ScriptedSmtp
from worker.intake import Intake
from worker.mail.imap import Mailbox
from worker.mail.imap_settings import MailboxSettings
from worker.store.tables import mail

ASKING = "What data do you have about me?"


@pytest.fixture
def config(dovecot: Dovecot, mailbox_user: str, scripted_smtp: ScriptedSmtp, tmp_path: Path) -> Path:
    """A company's settings."""
    return written(tmp_path, dovecot=dovecot, user=mailbox_user, smtp_port=scripted_smtp.port)


async def test_a_mail_from_before_the_first_connection_is_answered_by_nothing(
    config: Path, dovecot: Dovecot, mailbox_user: str, scripted_smtp: ScriptedSmtp
) -> None:
    dovecot.deliver(mailbox_user, a_mail(ASKING, sender="early@example.com"))
    async with a_journey(config, dovecot, mailbox_user, scripted_smtp) as journey:
        journey.deliver(ASKING)
        await journey.letter("ann@example.com")
        assert scripted_smtp.to("early@example.com") == []
        assert dovecot.count(mailbox_user) == 1


async def test_a_first_day_in_the_settings_brings_the_mails_since_then(
    config: Path, dovecot: Dovecot, mailbox_user: str, scripted_smtp: ScriptedSmtp
) -> None:
    dovecot.deliver(mailbox_user, a_mail(ASKING, sender="early@example.com"))
    config.write_text(config.read_text().replace('name = "privacy"', 'name = "privacy"\nsince = 2020-01-01'))
    async with a_journey(config, dovecot, mailbox_user, scripted_smtp) as journey:
        await journey.letter("early@example.com")


async def test_mails_of_a_night_without_the_desk_are_answered_in_the_morning(
    config: Path, dovecot: Dovecot, mailbox_user: str, scripted_smtp: ScriptedSmtp
) -> None:
    async with a_journey(config, dovecot, mailbox_user, scripted_smtp):
        pass
    dovecot.deliver(mailbox_user, a_mail(ASKING), folder="Junk")
    async with a_journey(config, dovecot, mailbox_user, scripted_smtp) as journey:
        await journey.letter("ann@example.com")


async def test_a_mailbox_that_numbers_anew_answers_nobody_twice(
    config: Path, dovecot: Dovecot, mailbox_user: str, scripted_smtp: ScriptedSmtp
) -> None:
    config.write_text(config.read_text().replace('name = "privacy"', 'name = "privacy"\nafter = "keep"'))
    async with a_journey(config, dovecot, mailbox_user, scripted_smtp) as journey:
        journey.deliver(ASKING)
        await journey.letter("ann@example.com")
    dovecot.renumber(mailbox_user)
    async with a_journey(config, dovecot, mailbox_user, scripted_smtp) as journey:
        journey.deliver(ASKING + " Thank you.", sender="ben@example.com")
        await journey.letter("ben@example.com")
        await journey.until(lambda tx: True)
        assert sorted(await journey.mail_states()) == ["case", "case", "duplicate"]
        assert len(scripted_smtp.to("ann@example.com")) == 1


async def test_an_announced_mail_is_fetched_within_moments(
    config: Path, dovecot: Dovecot, mailbox_user: str, scripted_smtp: ScriptedSmtp
) -> None:
    async with a_journey(config, dovecot, mailbox_user, scripted_smtp) as journey:
        await asyncio.sleep(1)
        journey.deliver(ASKING)
        async with asyncio.timeout(5):
            await journey.letter("ann@example.com")


async def test_a_stop_does_not_leave_a_mail_in_both_folders_of_a_server_that_only_copies(
    dovecot: Dovecot, mailbox_user: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied, into = asyncio.Event(), Mailbox._into

    async def slow(box: Mailbox, command: str, lot: str, folder: str) -> None:
        await into(box, command, lot, folder)
        copied.set()
        await asyncio.sleep(0.2)

    async def copying(box: Mailbox, lot: str, folder: str) -> None:
        box._protocol.capabilities.discard("MOVE")
        await moved(box, lot, folder)

    moved = Mailbox._move_lot
    monkeypatch.setattr(Mailbox, "_into", slow)
    monkeypatch.setattr(Mailbox, "_move_lot", copying)
    dovecot.deliver(mailbox_user, a_mail(ASKING))
    async with a_house(f"sqlite:///{tmp_path}/desk.sqlite3", tmp_path) as house:
        settings = MailboxSettings(
            "privacy", "127.0.0.1", dovecot.port, tls="none", user=mailbox_user, password=dovecot.password, since=date(2020, 1, 1)
        )
        going = asyncio.create_task(Intake(house.desk, settings).run())
        await asyncio.wait_for(copied.wait(), 20)
        going.cancel()
        await asyncio.gather(going, return_exceptions=True)
        assert (dovecot.count(mailbox_user), dovecot.count(mailbox_user, "Processed")) == (0, 1)
        (moved_at,) = await house.desk.store.run(lambda tx: tx.connection.execute(select(mail.c.moved_at)).scalars().all())
        assert moved_at is not None
