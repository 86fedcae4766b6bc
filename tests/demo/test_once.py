"""The play of the sample mails: each ends as it must, and a play in which one does not says so."""

from __future__ import annotations

import random
import subprocess
import sys
from datetime import UTC, date, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from worker.demo.customers import customers
from worker.demo.ends import Ended, faults
from worker.demo.mails import Kind, samples
from worker.demo.table import Row, printed
from worker.demo.visit import Page, PageMissing
from worker.rules.model import Column, Language, MailState, RequestState, Right
from worker.store.look import SeenCase, SeenMail

PEOPLE = customers(7, date(2026, 3, 5))
MAILS = {each.kind: each for each in samples(PEOPLE, 7)}


def play(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the demo as ``make demo`` does, with its temporary files in ``folder``; it must end within a minute."""
    folder.mkdir()
    command = [sys.executable, "-m", "worker.demo", *options]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, env={"TMPDIR": str(folder), "PATH": ""})


def an_end(kind: Kind, *, state: MailState = MailState.CASE, request: RequestState = RequestState.FULFILLED, **otherwise: Any) -> Ended:
    """The end of a sample mail, wrong only in what is said."""
    sample = MAILS[kind]
    mail = SeenMail("m", "k", datetime(2026, 3, 5, tzinfo=UTC), state, (), (), Language.NL, "c", ruled=False)
    case = SeenCase(
        "c", "PD-2026-000001", date(2026, 4, 7), proved=True, held=None, requests=tuple((right, request) for right in sample.rights)
    )
    row = {"customer_number": "K-10001", **{column.value: "x" for column in Column}}
    values: dict[str, Any] = {"before": row, "after": row, "package": None, "letters": (), "suppressed": False, **otherwise}
    return Ended(sample=sample, mail=mail, case=case if state is MailState.CASE else None, **values)


def test_the_sample_mails_of_a_new_seed_end_as_they_must(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(10_000, 100_000)
    done = play(tmp_path / "tmp", "--once", "--seed", str(seed))
    assert done.returncode == 0, f"seed {seed}\n{done.stdout}\n{done.stderr}"
    assert f"--seed {seed}" in done.stdout
    assert "Each ended as it must." in done.stdout
    assert "none of the" in done.stdout
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_folder_of_somebody_elses_mails_is_played_to_its_end(tmp_path: Path) -> None:
    mails = tmp_path / "mails"
    (mails / "deeper").mkdir(parents=True)
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "joann@example.net", "info@company.example", "My data"
    message.set_content("Hello,\n\nplease send me a copy of all my personal data.\n\nJoann\n")
    (mails / "asks.eml").write_bytes(message.as_bytes())
    (mails / "deeper" / "again.eml").write_bytes(message.as_bytes())
    (mails / "noise.eml").write_bytes(random.Random(1).randbytes(4_000))
    (mails / "empty.eml").write_bytes(b"")
    (mails / "long.eml").write_bytes(b"From: a@example.net\nSubject: long\n\n" + b"x" * 5_000 + b"\n")
    done = play(tmp_path / "tmp", "--mails", str(mails))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All 5 mails came to an end." in done.stdout
    assert "nothing_held" in done.stdout
    assert "duplicate" in done.stdout


def test_a_folder_without_mails_is_said(tmp_path: Path) -> None:
    done = play(tmp_path / "tmp", "--mails", str(tmp_path))
    assert done.returncode == 1
    assert "no .eml" in done.stdout


@pytest.mark.parametrize(
    ("ended", "said"),
    [
        (an_end(Kind.DELETION, suppressed=True), "not erased"),
        (an_end(Kind.ACCESS), "no package"),
        (an_end(Kind.ACCESS, package={"tables": [{"rows": [{"values": {"customer_number": "K-10002"}}]}]}), "somebody else"),
        (an_end(Kind.CORRECTION), "on record otherwise"),
        (an_end(Kind.UNSUBSCRIBE), "newsletters go on"),
        (an_end(Kind.FORGED, request=RequestState.APPLYING), "not stopped"),
        (an_end(Kind.FORGED, request=RequestState.WITHDRAWN, after=None), "erased"),
        (an_end(Kind.NEGATED), "the mail is case"),
        (an_end(Kind.AUTOMATIC, state=MailState.MACHINE, letters=("confirm",)), "letters: confirm"),
        (an_end(Kind.SHARED), "not held"),
    ],
)
def test_an_end_that_is_not_as_it_must_be_is_named(ended: Ended, said: str) -> None:
    assert said in "; ".join(faults(ended))


def test_a_mail_that_was_never_read_is_named() -> None:
    ended = an_end(Kind.BROKEN)
    unread = Ended(ended.sample, None, None, None, None, None, (), suppressed=False)
    assert faults(unread) == ["the mail was not read"]


def test_the_rights_of_another_reading_are_named() -> None:
    ended = an_end(Kind.UNSUBSCRIBE, suppressed=True, letters=("unsubscribed",))
    assert faults(ended) == []
    other = SeenCase("c", "PD-2026-000001", date(2026, 4, 7), proved=True, held=None, requests=((Right.OBJECTION, RequestState.FULFILLED),))
    wrong = Ended(ended.sample, ended.mail, other, ended.before, ended.after, None, ended.letters, suppressed=True)
    assert "understood objection" in faults(wrong)


def test_a_long_cell_goes_on_in_the_next_line_and_an_empty_column_is_left_out() -> None:
    table = printed([Row("access nl", "", "access", "link", "nothing", "confirm, package_ready, and then some more of them", "")])
    lines = table.splitlines()
    assert "its subject" not in lines[0]
    assert len(lines) == 4
    assert max(map(len, lines)) < 160


def test_a_page_without_the_form_that_is_looked_for_says_so() -> None:
    page = Page("http://127.0.0.1/c/token", 200, "<form action='/r/x/not-me'><input name='code'></form>")
    assert page.form(ending="/not-me").action == "http://127.0.0.1/r/x/not-me"
    with pytest.raises(PageMissing, match="/c/"):
        page.form(having="right")
