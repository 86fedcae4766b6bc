"""The command line: what it prints, and the exit codes that scripts rely on."""

from __future__ import annotations

import io
import json
import mailbox
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from worker.app import SystemClock, open_store
from worker.cli import ASKED, main
from worker.settings import load
from worker.settings.written import required
from worker.store.store import _MIGRATIONS

ROOT = Path(__file__).parent.parent
MAIL = b"""\
From: Ann Peeters <ann@example.com>
To: privacy@example.org
Subject: Mijn gegevens
Date: Mon, 16 Nov 2026 09:00:00 +0100
Message-ID: <one@example.com>
Content-Type: text/plain; charset=utf-8

Goedendag,

Graag had ik een kopie ontvangen van alle persoonsgegevens die u over mij bewaart.

Ann Peeters
"""
INIT = (
    "init", "--yes", "--desk-company", "Example BV", "--desk-address", "Straat 1, 9000 Gent", "--desk-contact", "privacy@example.com",
    "--desk-base-url", "http://127.0.0.1:8080", "--mailbox-name", "privacy", "--mailbox-host", "127.0.0.1", "--mailbox-user", "privacy",
    "--smtp-host", "127.0.0.1", "--smtp-from", "privacy@example.com",
)  # fmt: skip
LATER = (
    "reconcile", "pause", "resume", "backup there", "restore there", "replay-erasures", "migrate-store", "keys rotate", "intake history",
    "audit export", "register draft",
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, worked in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def desk(folder: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A folder with a desk that was just set up."""
    assert main(INIT) == 0
    capsys.readouterr()
    return folder


def exits(*argv: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(argv)
    return int(caught.value.code or 0)


# Usage ------------------------------------------------------------------------------------------------------------


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert exits("--version") == 0
    assert re.fullmatch(r"privacy-desk \d+\.\d+\.\d+\n", capsys.readouterr().out)


def test_an_unknown_command_exits_2() -> None:
    assert exits("frobnicate") == 2


@pytest.mark.parametrize("command", LATER)
def test_a_command_of_a_later_release_says_so_and_exits_2(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command.split()) == 2
    assert "not part of this release yet" in capsys.readouterr().err


def test_without_settings_it_says_how_to_make_them(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == 2
    assert "privacy-desk init" in capsys.readouterr().err


def test_faults_in_the_settings_come_one_a_line_without_a_traceback(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "w.toml").write_text("[desk]\ncompany = 5\n")
    assert main(["run", "--config", "w.toml"]) == 2
    said = capsys.readouterr().err
    assert "desk.company: 5 is not a text" in said
    assert len(said.splitlines()) > 5
    assert "Traceback" not in said


#: What a short command must not pay for: it has a budget of 400 ms in all.
HEAVY = ("alembic", "aioimaplib", "asyncio", "apscheduler", "cryptography", "jinja2", "sqlalchemy", "starlette", "structlog", "uvicorn")


@pytest.mark.parametrize("argv", [("--version",), ("classify", "--json", "MAIL")])
def test_a_small_command_imports_nothing_heavy(argv: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "one.eml").write_bytes(MAIL)
    words = [str(tmp_path / "one.eml") if part == "MAIL" else part for part in argv]
    ran = subprocess.run([sys.executable, "-X", "importtime", "-m", "worker", *words], cwd=ROOT, check=True, capture_output=True, text=True)
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in ran.stderr.splitlines()}
    assert "worker" in imported
    assert imported.isdisjoint(HEAVY)


# The goal is 0.4 seconds of CPU on an idle machine; tests share theirs, where the same work counts for up to twice as much.
BUDGET = 0.8  # seconds of CPU


@pytest.mark.parametrize("argv", [("--version",), ("classify", "--json", "MAIL")])
def test_a_small_command_needs_little_time(argv: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "one.eml").write_bytes(MAIL)
    words = [str(tmp_path / "one.eml") if part == "MAIL" else part for part in argv]

    def cpu() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "worker", *words], cwd=ROOT, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(cpu() for _ in range(3)) <= BUDGET


# Setting up -------------------------------------------------------------------------------------------------------


def test_init_asks_for_what_has_no_default() -> None:
    assert set(ASKED) == set(required())


def test_init_makes_everything_and_a_second_run_changes_nothing(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in desk.rglob("*") if path.suffix in {".toml", ".key", ".jsonl"}}
    assert len(before) == 4
    assert main(INIT) == 0
    assert {path: path.read_bytes() for path in before} == before
    assert "kept" in capsys.readouterr().out


def test_the_keys_are_for_their_owner_alone(desk: Path) -> None:
    assert {oct(path.stat().st_mode & 0o777) for path in (desk / "var/keys").iterdir()} == {"0o600"}


def test_init_without_answers_names_every_flag(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--yes"]) == 2
    said = capsys.readouterr().err
    assert "--desk-company" in said
    assert "--smtp-from" in said
    assert not (folder / "config").exists()


def test_config_show_prints_values_and_origins(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "show"]) == 0
    assert re.search(r'^company = "Example BV"  # config/worker\.toml:\d+$', capsys.readouterr().out, re.MULTILINE)


def test_doctor_names_each_thing_that_is_wrong_and_its_mend(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (desk / "var/keys/master.key").chmod(0o644)
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "chmod 600" in said
    assert "wrong  mailbox privacy: mailbox.0.password_file" in said
    assert "wrong  smtp: smtp.password_file" in said
    assert "ok     store" in said


def test_doctor_says_that_a_server_does_not_answer(desk: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MAILBOX__0", "SMTP"):
        monkeypatch.setenv(f"PRIVACY_DESK__{name}__PASSWORD", "secret")
        monkeypatch.setenv(f"PRIVACY_DESK__{name}__PORT", "1")
    assert main(["doctor"]) == 1
    said = capsys.readouterr().out
    assert "Look at mailbox.0" in said
    assert "Look at smtp" in said


def test_a_desk_that_runs_makes_migrate_try_again_later(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from worker.engine.embedded import EngineLock

    assert main(["migrate"]) == 0
    lock = EngineLock(desk / "var/data/engine.lock")
    lock.acquire()
    try:
        assert main(["migrate"]) == 75
    finally:
        lock.release()
    assert str(os.getpid()) in capsys.readouterr().err


# The start ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but what a test makes wrong is wrong."""
    for name in ("MAILBOX__0", "SMTP"):
        monkeypatch.setenv(f"PRIVACY_DESK__{name}__PASSWORD", "secret")


def test_a_desk_without_passwords_names_them_all_and_does_not_start(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (desk / "var/keys/index.key").unlink()
    assert main(["run"]) == 2
    said = capsys.readouterr().err
    for setting in ("mailbox.0.password_file", "smtp.password_file", "keys.index_file"):
        assert setting in said
    assert len(said.splitlines()) == 3


def test_a_port_that_is_taken_or_foreign_is_named(
    desk: Path, passwords: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("PRIVACY_DESK__WEB__LISTEN", f"127.0.0.1:{taken.getsockname()[1]}")
        monkeypatch.setenv("PRIVACY_DESK__WEB__STAFF_LISTEN", "192.0.2.1:8080")
        assert main(["run"]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert "web.listen: the desk cannot listen on 127.0.0.1:" in first
    assert "web.staff_listen: the desk cannot listen on 192.0.2.1:8080" in second


@pytest.mark.parametrize("command", [["run"], ["migrate"], ["init"]])
def test_a_data_folder_that_cannot_be_made_is_named(
    desk: Path, passwords: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setenv("PRIVACY_DESK__DATA__FOLDER", str(desk / "config/worker.toml/data"))
    assert main(command) == 2
    assert "worker.toml/data" in capsys.readouterr().err


def test_a_ledger_whose_folder_is_missing_is_named(
    desk: Path, passwords: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRIVACY_DESK__LEDGER__FILE", str(desk / "nowhere/ledger.jsonl"))
    assert main(["run"]) == 2
    assert "ledger.file" in capsys.readouterr().err


@pytest.mark.parametrize("role", ["intake", "worker", "sender", "scheduler"])
def test_a_part_of_the_work_is_refused_until_it_can_work_apart(
    desk: Path, passwords: None, capsys: pytest.CaptureFixture[str], role: str
) -> None:
    assert main(["run", "--role", role]) == 2
    assert f"--role: {role} cannot work apart from the others in this release" in capsys.readouterr().err


# The tables -------------------------------------------------------------------------------------------------------


@pytest.fixture
def later_release(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on, this is a release with one more migration."""
    folder = tmp_path_factory.mktemp("later") / "migrations"
    shutil.copytree(_MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    newest = max(path.name[:4] for path in (_MIGRATIONS / "versions").glob("0*.py"))
    body = f'from alembic import op\nimport sqlalchemy as sa\nrevision = "9999"\ndown_revision = "{newest}"\n'
    body += 'def upgrade():\n    op.add_column("meta", sa.Column("more", sa.Text(), nullable=True))\n'
    (folder / "versions/9999_more.py").write_text(body)
    return lambda: monkeypatch.setattr("worker.store.store._MIGRATIONS", folder)


SHORT = (["status"], ["staff", "add", "ann"], ["newsletter", "list"], ["audit", "verify"])


@pytest.mark.parametrize("command", SHORT)
def test_a_short_command_leaves_the_tables_alone_and_says_what_to_do(
    desk: Path, capsys: pytest.CaptureFixture[str], later_release: Callable[[], None], monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("correct horse battery staple\n"))
    later_release()
    assert main(command) == 2
    assert "Run `privacy-desk migrate`" in capsys.readouterr().err
    assert main(["migrate"]) == 0
    assert main(command) == 0
    monkeypatch.undo()
    assert main([*command, "--config", str(desk / "config/worker.toml")]) == 2
    assert "later release" in capsys.readouterr().err


@pytest.mark.parametrize("command", SHORT)
def test_a_short_command_on_a_desk_that_was_never_set_up_makes_nothing(
    desk: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("correct horse battery staple\n"))
    (desk / "var/data/desk.sqlite3").unlink()
    assert main(command) == 2
    assert "Run `privacy-desk init`" in capsys.readouterr().err
    assert not (desk / "var/data/desk.sqlite3").exists()


def test_a_command_whose_database_is_down_is_to_be_tried_again(
    desk: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRIVACY_DESK__STORE__URL", "postgresql://desk:hush@127.0.0.1:1/desk")
    for command in (["status"], ["migrate"]):
        assert main(command) == 75
    said = capsys.readouterr().err
    assert "Connection refused" in said
    assert "hush" not in said


def test_init_beside_a_desk_at_work_changes_nothing(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from worker.engine.embedded import EngineLock

    lock = EngineLock(desk / "var/data/engine.lock")
    lock.acquire()
    try:
        assert main(INIT) == 0
    finally:
        lock.release()
    assert "works on them" in capsys.readouterr().out


# Work -------------------------------------------------------------------------------------------------------------


def test_status_counts_what_waits(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["open_cases"] == 0


def test_a_member_of_staff_is_added_and_the_log_stays_whole(
    desk: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("correct horse battery staple\n"))
    assert main(["staff", "add", "ann", "--role", "approver"]) == 0
    assert main(["audit", "verify"]) == 0
    assert "1 entries fit together" in capsys.readouterr().out


def test_a_short_password_is_refused(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("short\n"))
    assert main(["staff", "add", "ann"]) == 2


def test_the_look_at_a_persons_data_is_logged(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["register", "show", "ann@example.com"]) == 0
    assert json.loads(capsys.readouterr().out)["tables"] == []
    assert main(["audit", "verify"]) == 0
    assert "1 entries" in capsys.readouterr().out


def test_customers_are_imported_only_when_told_so_and_exported_again(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (desk / "in.csv").write_text("customer_number,name,email,telephone,country\nK-1,Ann Peeters,ann@example.com,02 555 01 12,BE\n")
    assert main(["register", "import", "in.csv"]) == 0
    assert "add --yes" in capsys.readouterr().out
    assert main(["register", "import", "in.csv", "--yes", "--origin", "contract"]) == 0
    assert main(["register", "import", "in.csv", "--yes"]) == 0
    assert "1 on record already" in capsys.readouterr().out
    assert main(["register", "export", "out.csv"]) == 0
    assert "ann@example.com" in (desk / "out.csv").read_text()
    assert (desk / "out.csv").stat().st_mode & 0o077 == 0
    assert main(["register", "export", "out.csv"]) == 2


def test_who_was_erased_does_not_come_back_by_an_import(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = load(desk / "config/worker.toml", {})
    store = open_store(settings, SystemClock())
    store.ledger.append("erased", store.clock.now(), {"person": store.vault.person("ann@example.com"), "effect": "x"})
    store.close()
    (desk / "in.csv").write_text("name,email\nAnn Peeters,Ann@Example.com\nBob Maes,bob@example.com\n")
    assert main(["register", "import", "in.csv", "--yes"]) == 0
    said = capsys.readouterr().out
    assert "1 new" in said
    assert "1 erased before" in said


def test_an_unknown_mail_cannot_be_replayed(desk: Path) -> None:
    assert main(["replay-mail", "0" * 32]) == 1


@pytest.mark.parametrize("language", ["nl", "fr", "en", "de"])
def test_every_letter_can_be_previewed(desk: Path, language: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["letters", "preview", "--language", language, "--folder", "out"]) == 0
    assert len(list((desk / "out").glob("*.html"))) == 17
    assert main(["letters", "preview", "nonsense"]) == 2


def test_newsletter_topics_are_added_and_listed(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["newsletter", "topic", "add", "news", "--title-nl", "Nieuws"]) == 0
    assert main(["newsletter", "topic", "list"]) == 0
    assert "news" in capsys.readouterr().out


# Classify ---------------------------------------------------------------------------------------------------------


def classified(capsys: pytest.CaptureFixture[str], *paths: Path) -> list[dict[str, object]]:
    assert main(["classify", "--json", *map(str, paths)]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_classify_prints_the_record_of_the_contract(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "one.eml"
    file.write_bytes(MAIL)
    (found,) = classified(capsys, file)
    assert set(found) == {"id", "exit", "labels", "flagged", "reasons", "lang", "fields", "because", "versions"}
    assert (found["id"], found["exit"], found["labels"], found["flagged"], found["lang"]) == (
        str(file),
        "automatic",
        ["access"],
        False,
        "nl",
    )
    text = MAIL.decode().partition("\n\n")[2]
    for because in found["because"]:  # type: ignore[attr-defined]
        start, end = because["span"]
        assert because["part"] == "subject" or text[start:end] == because["text"]


def test_classify_reads_folders_mboxes_and_maildirs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = tmp_path / "plain"
    (plain / "below").mkdir(parents=True)
    (plain / "below/a.eml").write_bytes(MAIL)
    maildir = mailbox.Maildir(tmp_path / "maildir", create=True)
    maildir.add(MAIL)
    box = mailbox.mbox(tmp_path / "box")
    box.add(MAIL.replace(b"Ann Peeters\n", b"From here on: thanks\n"))
    box.add(MAIL)
    box.close()
    found = classified(capsys, plain, tmp_path / "maildir", tmp_path / "box")
    assert [each["labels"] for each in found] == [["access"]] * 4
    assert [str(each["id"]).rpartition("box")[2] for each in found[2:]] == ["#1", "#2"]


def test_classify_says_that_a_mail_is_unreadable_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.eml").write_bytes(b"\x00\xff\xfe nothing here")
    (tmp_path / "b.eml").write_bytes(MAIL)
    broken, good = classified(capsys, tmp_path)
    assert broken["labels"] == []
    assert "unreadable" in broken["reasons"]  # type: ignore[operator]
    assert good["labels"] == ["access"]


def test_classify_of_a_path_that_does_not_exist_exits_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["classify", "/nowhere/at/all.eml"]) == 2
    assert "does not exist" in capsys.readouterr().err
