"""One mail in, one letter out, through real servers."""

from __future__ import annotations

from pathlib import Path

from tests.journeys.running import a_journey, written
from tests.servers.dovecot import Dovecot
from tests.servers.smtp import ScriptedSmtp


async def test_a_mail_in_the_mailbox_is_answered_and_let_go(
    dovecot: Dovecot, mailbox_user: str, scripted_smtp: ScriptedSmtp, tmp_path: Path
) -> None:
    config = written(tmp_path, dovecot=dovecot, user=mailbox_user, smtp_port=scripted_smtp.port)
    async with a_journey(config, dovecot, mailbox_user, scripted_smtp) as journey:
        journey.deliver("Hello, what data do you have about me? Kind regards, Ann Peeters")
        letter = await journey.letter("ann@example.com")
        assert letter.path("c")
        assert letter.message["Auto-Submitted"] == "auto-replied"
        await journey.until(lambda tx: dovecot.count(mailbox_user, "Processed") == 1)
        assert dovecot.count(mailbox_user) == 0
        assert await journey.mail_states() == ["case"]
