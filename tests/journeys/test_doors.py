"""Mail's ways in: several mailboxes over TLS, a server that is down, a mail that cannot be read; and letters through Postfix."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from tests.journeys import words
from tests.journeys.running import WITHIN, Ahead, Box, Journey, a_journey, letter_of, written
from tests.servers.dovecot import Dovecot, run_dovecot
from tests.servers.postfix import Postfix
from tests.servers.smtp import ScriptedSmtp
from worker.app import running
from worker.casework import rule
from worker.operate import mails as replaying
from worker.rules.audit import Event
from worker.rules.model import Language
from worker.settings import load
from worker.store import Tx, audit, mails, tables


async def status(journey: Journey, path: str) -> int:
    """What a page answers."""
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.get(journey.url + path)).status_code


async def answers(journey: Journey, path: str, wanted: int) -> None:
    """Wait until a page answers so."""
    async with asyncio.timeout(WITHIN):
        while await status(journey, path) != wanted:
            await asyncio.sleep(0.05)


async def test_one_mail_in_two_mailboxes_over_tls_and_in_junk_is_one_case_and_one_letter(
    dovecot: Dovecot, scripted_smtp: ScriptedSmtp, tmp_path: Path
) -> None:
    boxes = (Box(f"box{secrets.token_hex(6)}", "privacy", "implicit", "1s"), Box(f"box{secrets.token_hex(6)}", "info", "starttls"))
    config = written(tmp_path, dovecot=dovecot, user="", smtp_port=scripted_smtp.port, boxes=boxes)
    async with a_journey(config, dovecot, boxes[0].user, scripted_smtp) as journey:
        raw = journey.deliver(words.ACCESS[Language.EN])
        journey.drop(b"Received: from elsewhere.example by mx.example\r\n" + raw, user=boxes[1].user)
        journey.drop(b"X-Spam-Flag: YES\r\n" + raw, folder="Junk")
        await journey.settled(3)
        assert sorted(await journey.mail_states()) == ["case", "duplicate", "duplicate"]
        assert await journey.names("ann@example.com") == ["confirm"]
        assert await journey.requests("ann@example.com") == {"access": "awaiting_confirmation"}
        await journey.until(lambda tx: [dovecot.count(box.user, "Processed") for box in boxes] == [2, 1])
    for box in boxes:
        dovecot.forget(box.user)


async def test_a_mailbox_that_goes_down_and_comes_back_loses_nothing(scripted_smtp: ScriptedSmtp, tmp_path: Path) -> None:
    with run_dovecot() as dovecot:
        config = written(tmp_path, dovecot=dovecot, user="privacy", smtp_port=scripted_smtp.port)
        async with a_journey(config, dovecot, "privacy", scripted_smtp) as journey:
            assert await status(journey, "/readyz") == 200
            dovecot.stop()
            await answers(journey, "/readyz", 503)
            assert await status(journey, "/healthz") == 200
            journey.deliver(words.ACCESS[Language.EN])
            dovecot.start()
            await answers(journey, "/readyz", 200)
            await journey.letter("ann@example.com")


async def test_a_mailbox_that_is_down_at_the_start_is_waited_for(scripted_smtp: ScriptedSmtp, tmp_path: Path) -> None:
    with run_dovecot() as dovecot:
        config = written(tmp_path, dovecot=dovecot, user="privacy", smtp_port=scripted_smtp.port)
        async with a_journey(config, dovecot, "privacy", scripted_smtp):
            pass
        dovecot.stop()
        settings = load(config, {})
        async with running(settings, clock=Ahead()) as desk:
            journey = Journey(desk, settings, dovecot, "privacy", scripted_smtp, Ahead())
            assert await status(journey, "/readyz") == 503
            journey.deliver(words.ACCESS[Language.EN])
            await journey.until(lambda tx: "connected" not in str(mails.doors(tx)))
            dovecot.start()
            await answers(journey, "/readyz", 200)
            await journey.letter("ann@example.com")
            assert await journey.mail_states() == ["case"]


async def test_a_mail_that_cannot_be_read_is_kept_shown_and_read_again_when_asked(
    dovecot: Dovecot, mailbox_user: str, scripted_smtp: ScriptedSmtp, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = written(tmp_path, dovecot=dovecot, user=mailbox_user, smtp_port=scripted_smtp.port)
    async with a_journey(config, dovecot, mailbox_user, scripted_smtp) as journey:
        desk = journey.running.desk
        raw = b"From: ann@example.com\n" + b"X-Many: 1\n" * 20_000 + b"\nDelete my data\n"
        journey.drop(raw)
        journey.deliver(words.ACCESS[Language.EN])
        await journey.letter("ann@example.com")
        assert await journey.mail_states() == ["quarantined", "case"]
        (line,) = await rule.queue(desk, "staff:test")
        shown = await rule.look(desk, "staff:test", line.id)
        assert shown is not None
        assert "X-Many" in shown.text
        kept = await desk.store.run(mails.load, line.id)
        assert kept is not None
        assert kept.raw.replace(b"\r\n", b"\n") == raw

        assert await replaying.replay(desk, [line.id]) == 0
        assert "will be read again" in capsys.readouterr().out
        await journey.later()
        await journey.until(lambda tx: _held_events(tx) == 2)
        assert await journey.mail_states() == ["quarantined", "case"]


def _held_events(tx: Tx) -> int:
    held = tables.audit.c.event == Event.MAIL_HELD.value
    return tx.connection.execute(select(func.count()).select_from(tables.audit).where(held)).scalar_one()


async def test_a_letter_that_leaves_through_postfix_can_be_clicked(
    dovecot: Dovecot, mailbox_user: str, postfix: Postfix, scripted_smtp: ScriptedSmtp, tmp_path: Path
) -> None:
    address = f"ann-{secrets.token_hex(4)}@example.com"
    config = written(tmp_path, dovecot=dovecot, user=mailbox_user, smtp_port=postfix.port)
    async with a_journey(config, dovecot, mailbox_user, scripted_smtp) as journey, httpx.AsyncClient(trust_env=False) as client:
        await journey.customer(9, address)
        journey.deliver(words.ACCESS[Language.FR], sender=address)
        (raw,) = await postfix.arrived(1, recipient=address, within=WITHIN)
        letter = letter_of(raw)
        assert letter.language == "fr"
        await client.post(letter.link("c"), data={"right": "access"})
        _, raw = await postfix.arrived(2, recipient=address, within=WITHIN)
        ready = letter_of(raw)
        package = await client.post(ready.link("d"), data={"code": ready.code, "as": "json"})
        assert address in package.text
        assert ready.message["In-Reply-To"] == letter.message["In-Reply-To"], "both letters stand under the customer's mail"
        assert await journey.verified() > 0
        assert await journey.running.desk.store.run(audit.verify, {}) > 0
