"""The doctor against real servers: silent about what is right, clear about what is not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from worker import app
from worker.demo.mailserver import USER, ImapServer
from worker.demo.postoffice import PostOffice
from worker.mail.imap_folders import Folders
from worker.operate.doctor import _readable, doctor
from worker.settings import Settings, load
from worker.store import make_key

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
async def servers() -> AsyncIterator[tuple[ImapServer, PostOffice]]:
    imap = ImapServer()
    await imap.start()
    office = PostOffice(imap, "privacy@example.org")
    await office.start()
    yield imap, office
    await office.stop()
    await imap.stop()


@pytest.fixture
def environment(tmp_path: Path, servers: tuple[ImapServer, PostOffice]) -> dict[str, str]:
    """The settings of a desk that has everything, as environment variables."""
    imap, office = servers
    for name in ("master.key", "index.key"):
        make_key(tmp_path / name)
    given = {
        "DESK__COMPANY": "Example BV", "DESK__ADDRESS": "Straat 1", "DESK__CONTACT": "privacy@example.org", "DESK__BASE_URL": "http://127.0.0.1:8080",
        "MAILBOX__0__NAME": "privacy", "MAILBOX__0__HOST": "127.0.0.1", "MAILBOX__0__PORT": str(imap.port), "MAILBOX__0__TLS": "none",
        "MAILBOX__0__USER": USER, "MAILBOX__0__PASSWORD": imap.password, "SMTP__HOST": "127.0.0.1", "SMTP__PORT": str(office.port), "SMTP__TLS": "none",
        "SMTP__FROM": "privacy@example.org", "DATA__FOLDER": str(tmp_path / "data"), "KEYS__MASTER_FILE": str(tmp_path / "master.key"),
        "KEYS__INDEX_FILE": str(tmp_path / "index.key"), "LEDGER__FILE": str(tmp_path / "ledger.jsonl"), "WEB__POLICY_FOLDER": str(ROOT / "config/policy"),
    }  # fmt: skip
    return {f"PRIVACY_DESK__{name}": value for name, value in given.items()}


async def ready(environment: Mapping[str, str]) -> Settings:
    settings = load(None, environment)
    await app.prepare(settings)
    return settings


async def wrong_lines(environment: Mapping[str, str], capsys: pytest.CaptureFixture[str]) -> list[str]:
    settings = await ready(environment)
    capsys.readouterr()
    code = await doctor(settings)
    wrong = [line for line in capsys.readouterr().out.splitlines() if line.startswith("wrong")]
    assert code == (1 if wrong else 0)
    return wrong


async def test_a_desk_that_has_everything_is_well(environment: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert await wrong_lines(environment, capsys) == []


@pytest.mark.parametrize(
    ("setting", "value", "what"),
    [
        ("MAILBOX__0__PASSWORD", "not this one", "wrong  mailbox privacy"),
        ("MAILBOX__0__PORT", "1", "wrong  mailbox privacy"),
        ("MAILBOX__0__FOLDERS", "INBOX, Requests", "wrong  mailbox privacy: logged in, folders INBOX; not there: Requests."),
        ("SMTP__PORT", "1", "wrong  smtp"),
        ("DESK__COUNTRY", "XX", "wrong  holidays"),
        ("WEB__POLICY_FOLDER", "/", "wrong  privacy policy"),
        ("MAILBOX__0__PURGE", "retention", "wrong  mailbox.0.purge: is not in this release"),
        ("MAILBOX__0__AUTHSERV_ID", "mx.example.org", "wrong  mailbox.0.authserv_id: is not in this release"),
        ("NEWSLETTER__UNSUBSCRIBE_MAILBOX", "stop@example.org", "wrong  newsletter.unsubscribe_mailbox"),
    ],
)
async def test_one_thing_that_is_wrong_is_named_alone(
    environment: dict[str, str], capsys: pytest.CaptureFixture[str], setting: str, value: str, what: str
) -> None:
    (line,) = await wrong_lines({**environment, f"PRIVACY_DESK__{setting}": value}, capsys)
    assert line.startswith(what)
    assert "not this one" not in line


async def test_the_relay_of_newsletters_is_looked_at_too(environment: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    bulk = {"HOST": "127.0.0.1", "PORT": "1", "TLS": "none"}
    given = {f"PRIVACY_DESK__NEWSLETTER__RELAY__0__{name}": value for name, value in bulk.items()}
    (line,) = await wrong_lines({**environment, **given}, capsys)
    assert line.startswith("wrong  newsletter.relay.0: 127.0.0.1:1: Connection refused")


async def test_a_store_that_was_never_migrated_is_told(
    environment: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = load(None, {**environment, "PRIVACY_DESK__STORE__URL": f"sqlite:///{tmp_path / 'empty.sqlite3'}"})
    settings.data.folder.mkdir()
    assert await doctor(settings) == 1
    assert "privacy-desk init" in capsys.readouterr().out


async def test_a_key_that_others_can_read_is_told(environment: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "index.key").chmod(0o640)
    (line,) = await wrong_lines(environment, capsys)
    assert "chmod 600" in line


def test_a_junk_folder_that_no_spam_has_made_yet_is_no_fault() -> None:
    line = _readable("mailbox privacy", 0, Folders(("INBOX",), ("Junk",)))
    assert str(line) == "ok     mailbox privacy: logged in, folders INBOX; not there yet, read as soon as it is: Junk"
