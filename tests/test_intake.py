"""What comes in by a mailbox: from when on, once, and let go only when it is recorded."""

from __future__ import annotations

import asyncio
import email
import email.policy
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from tests.desks import a_house, a_mail
from tests.journeys.running import a_journey, written
from tests.servers.dovecot import Dovecot
from tests.servers.smtp import ScriptedSmtp
from worker.casework import health, rule
from worker.intake import Intake
from worker.mail.imap import Mailbox
from worker.mail.imap_settings import MailboxSettings
from worker.operate.status import status
from worker.rules.model import HoldReason
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
        async with asyncio.timeout(20):  # the answered one is moved, the early one stays
            while dovecot.count(mailbox_user) != 1:
                await asyncio.sleep(0.05)


async def test_mails_from_before_the_first_connection_are_counted_and_not_fetched(
    config: Path, dovecot: Dovecot, mailbox_user: str, scripted_smtp: ScriptedSmtp, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(3):
        dovecot.deliver(mailbox_user, a_mail(ASKING, uid=number))
    async with a_journey(config, dovecot, mailbox_user, scripted_smtp) as journey:
        facts = await health.facts(journey.running.desk)
        assert (facts["history_not_fetched"], facts["history_up_to_uid"]) == ({"privacy/INBOX": 3}, {"privacy/INBOX": 3})
        assert facts["mails"] == {}
        await status(journey.running.desk, as_json=False)
    assert "privacy/INBOX 3" in capsys.readouterr().out


async def test_mails_from_before_the_first_day_of_the_settings_are_counted_too(
    config: Path, dovecot: Dovecot, mailbox_user: str, scripted_smtp: ScriptedSmtp
) -> None:
    now = datetime.now(UTC)
    for number, days in enumerate((40, 30, 0)):
        dovecot.deliver(mailbox_user, a_mail(ASKING, uid=number), received=now - timedelta(days=days))
    config.write_text(config.read_text().replace('name = "privacy"', f'name = "privacy"\nsince = {now.date() - timedelta(days=1)}'))
    async with a_journey(config, dovecot, mailbox_user, scripted_smtp) as journey:
        await journey.letter("ann@example.com")
        facts = await health.facts(journey.running.desk)
        assert (facts["history_not_fetched"], facts["history_up_to_uid"]) == ({"privacy/INBOX": 2}, {"privacy/INBOX": 2})


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


@pytest.fixture
def two_folders(config: Path) -> Path:
    """The settings name a folder that the mailbox does not have yet."""
    named = 'name = "privacy"\nfolders = ["INBOX", "Requests"]'
    config.write_text(config.read_text().replace('name = "privacy"', named).replace('poll = "1min"', 'poll = "1s"'))
    return config


async def test_a_folder_that_the_server_makes_later_is_read_like_the_others(
    two_folders: Path, dovecot: Dovecot, mailbox_user: str, scripted_smtp: ScriptedSmtp
) -> None:
    async with a_journey(two_folders, dovecot, mailbox_user, scripted_smtp) as journey:
        dovecot.create(mailbox_user, "Requests")
        journey.deliver(ASKING, folder="Requests")
        await journey.letter("ann@example.com")


async def test_a_folder_that_appeared_in_the_night_is_read_from_its_first_mail_but_what_is_older_than_the_desk_is_history(
    two_folders: Path, dovecot: Dovecot, mailbox_user: str, scripted_smtp: ScriptedSmtp
) -> None:
    async with a_journey(two_folders, dovecot, mailbox_user, scripted_smtp):
        pass
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    dovecot.deliver(mailbox_user, a_mail(ASKING, sender="early@example.com"), folder="Requests", received=long_ago)
    dovecot.deliver(mailbox_user, a_mail(ASKING, uid=1), folder="Requests", received=datetime.now(UTC) + timedelta(seconds=1))
    async with a_journey(two_folders, dovecot, mailbox_user, scripted_smtp) as journey:
        await journey.letter("ann@example.com")
        assert scripted_smtp.to("early@example.com") == []


async def test_a_folder_that_is_not_there_is_told_in_the_log_once(
    two_folders: Path, dovecot: Dovecot, mailbox_user: str, scripted_smtp: ScriptedSmtp
) -> None:
    with capture_logs() as lines:
        async with a_journey(two_folders, dovecot, mailbox_user, scripted_smtp):
            await asyncio.sleep(2.5)
    told = [line for line in lines if line["event"] == "a folder of the settings is not there"]
    assert [(line["mailbox"], line["folder"]) for line in told] == [("privacy", "Requests")]


def too_big(text: str, size: int = 2_200_000) -> bytes:
    """A mail with an attachment that makes it larger than ``size`` bytes."""
    message = email.message_from_bytes(a_mail(text), policy=email.policy.SMTP)
    assert isinstance(message, EmailMessage)
    message.add_attachment(b"0" * (size * 3 // 4), maintype="application", subtype="octet-stream")
    return message.as_bytes()


async def test_a_mail_over_the_limit_is_not_acted_upon_and_stays_whole_in_its_mailbox(
    config: Path, dovecot: Dovecot, mailbox_user: str, scripted_smtp: ScriptedSmtp
) -> None:
    config.write_text(config.read_text().replace('poll = "1min"', 'poll = "1s"') + '\n[limits]\nmail_size = "1 MB"\n')
    async with a_journey(config, dovecot, mailbox_user, scripted_smtp) as journey:
        journey.drop(too_big("Please delete all my personal data."))
        journey.deliver(ASKING, sender="ben@example.com")
        await journey.letter("ben@example.com")
        await journey.settled(2)
        await asyncio.sleep(2.5)  # further rounds leave it alone too
        assert sorted(await journey.mail_states()) == ["case", "quarantined"]
        assert scripted_smtp.to("ann@example.com") == []
        assert [len(raw) > 2_000_000 for raw in dovecot.mails(mailbox_user)] == [True]
        (line,) = await rule.queue(journey.running.desk, "staff:1")
        page = await rule.look(journey.running.desk, "staff:1", line.id)
        assert line.reasons == (HoldReason.TOO_BIG,)
        assert page is not None
        assert (page.sender, page.left_in) == ("ann@example.com", "privacy/INBOX")
        assert page.text.startswith("Please delete")


async def test_a_larger_limit_is_the_parsers_limit_too(
    config: Path, dovecot: Dovecot, mailbox_user: str, scripted_smtp: ScriptedSmtp
) -> None:
    config.write_text(config.read_text() + '\n[limits]\nmail_size = "40 MB"\n')
    async with a_journey(config, dovecot, mailbox_user, scripted_smtp) as journey:
        journey.drop(too_big(ASKING, 27_000_000))
        await journey.letter("ann@example.com")


async def test_a_mail_that_was_too_big_comes_whole_when_the_limit_is_raised_and_it_is_put_back(
    config: Path, dovecot: Dovecot, mailbox_user: str, scripted_smtp: ScriptedSmtp
) -> None:
    """In a program for mail: out of the folder, and back. It has a new number then, and is not taken for a duplicate of its own beginning."""
    small, large = config.read_text() + '\n[limits]\nmail_size = "1 MB"\n', config.read_text()
    config.write_text(small)
    async with a_journey(config, dovecot, mailbox_user, scripted_smtp) as journey:
        journey.drop(too_big(ASKING))
        await journey.settled(1)
    config.write_text(large)
    async with a_journey(config, dovecot, mailbox_user, scripted_smtp) as journey:
        journey.drop(dovecot.take_out(mailbox_user))
        await journey.letter("ann@example.com")
        assert sorted(await journey.mail_states()) == ["case", "quarantined"]
