"""A process that dies while it changes the register: SIGKILL before each commit, and after the last one."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from tests.register.conftest import ANN, a_contract, an_invoice, person
from worker.register.model import PersonKey
from worker.register.register import Register
from worker.register.settings import RegisterSettings
from worker.rules.letters import Item, Reason
from worker.rules.model import Change, Column

TODAY = date(2026, 11, 22)

#: Arguments: URL, file or nothing, what to do, before which commit to die (0: after the call has returned).
VICTIM = """
import asyncio, os, signal, sys
from datetime import date
from pathlib import Path
from sqlalchemy import Engine, event
from worker.register.model import PersonKey
from worker.register.register import Register
from worker.register.settings import RegisterSettings
from worker.rules.model import Change, Column

url, file, what, at = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
ann, commits = PersonKey(sys.argv[5], "customer", "1"), 0

def die():
    os.kill(os.getpid(), signal.SIGKILL)

async def main():
    register = Register.open(RegisterSettings(url, Path(file) if file else None))
    await register.create()

    @event.listens_for(Engine, "commit")
    def commit(connection):
        global commits
        commits += 1
        if commits == at:
            die()

    if what == "rectify":
        await register.rectify("e1", ann, [Change(Column.TOWN, "Brugge", "Gent")])
    else:
        await register.erase("e1", [ann], today=date(2026, 11, 22))
    if at == 0:
        die()

asyncio.run(main())
"""


def killed(settings: RegisterSettings, what: str, at: int, database: str = "customers") -> bool:
    """Whether the process reached the point where it dies."""
    arguments = [settings.url, str(settings.file or ""), what, str(at), database]
    done = subprocess.run([sys.executable, "-c", VICTIM, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in {0, -signal.SIGKILL}, done.stderr
    return done.returncode != 0


@pytest.mark.parametrize("at", [0, 1])
async def test_a_killed_correction_is_repeated_and_happens_once(
    database_url: str, opened: Callable[[RegisterSettings], Register], at: int
) -> None:
    settings = RegisterSettings(database_url)
    register = opened(settings)
    await register.add("customer", [ANN])
    assert killed(settings, "rectify", at)
    assert await register.current(person(1), [Column.TOWN]) == {Column.TOWN: "Gent" if at else "Brugge"}
    if not at:
        await register.rectify("e2", person(1), [Change(Column.TOWN, "Aalst", "Brugge")])
    done = await register.rectify("e1", person(1), [Change(Column.TOWN, "Brugge", "Gent")])
    assert (done.changed, done.outdated) == ((Column.TOWN,), False)
    assert await register.current(person(1), [Column.TOWN]) == {Column.TOWN: "Brugge" if at else "Aalst"}


@pytest.mark.parametrize("at", [0, 1])
async def test_a_killed_erasure_is_repeated_and_answers_what_was_really_done(
    database_url: str, opened: Callable[[RegisterSettings], Register], at: int
) -> None:
    settings = RegisterSettings(database_url)
    register = opened(settings)
    await register.add("customer", [ANN])
    await register.add("invoice", [an_invoice(1, 1, date(2024, 3, 15))])
    assert killed(settings, "erase", at)
    done = await register.erase("e1", [m.person for m in await register.find("ann@example.com")], today=TODAY)
    assert done.erased == (Item("customer"),)
    assert done.kept == (Item("invoice", 1, Reason.TAX_LAW, date(2034, 12, 31)),)
    assert await register.sweep(today=date(2035, 1, 1)) == 2


@pytest.mark.parametrize("at", [0, 1, 2])
async def test_a_killed_erasure_in_a_database_without_a_journal_answers_the_same(
    tmp_path: Path, opened: Callable[[RegisterSettings], Register], at: int
) -> None:
    settings = _two_databases(tmp_path, opened)
    register = opened(settings)
    assert killed(settings, "erase", at, "other")
    done = await register.erase("e1", [m.person for m in await register.find("ann@example.com")], today=TODAY)
    assert done.erased == (Item("customer"),)
    assert [i.what for i in done.kept] == ["invoice"]
    assert await register.find("ann@example.com") == ()
    assert await register.sweep(today=date(2035, 1, 1)) == 2


async def test_a_sweep_after_a_killed_erasure_that_was_only_planned_erases_nothing_early(
    tmp_path: Path, opened: Callable[[RegisterSettings], Register]
) -> None:
    settings = _two_databases(tmp_path, opened)
    register = opened(settings)
    await register.add("contract", [a_contract(1, 1, None)], database="other")
    assert killed(settings, "erase", 2, "other")
    await register.sweep(today=TODAY)
    done = await register.erase("e1", [PersonKey("other", "customer", "1")], today=TODAY)
    assert Item("telephone") in done.erased
    assert {t.what for t in done.kept} >= {"contract", "invoice"}


def _two_databases(folder: Path, opened: Callable[[RegisterSettings], Register]) -> RegisterSettings:
    """The built-in database, and one of the same shape in which the desk may make no tables; Ann is in that one."""
    made = opened(RegisterSettings(f"sqlite:///{folder}/other.sqlite3"))
    made._add("customer", [ANN], "")
    made._add("invoice", [an_invoice(1, 1, date(2024, 3, 15))], "")
    builtin = (Path(__file__).parents[2] / "worker/register/customers.toml").read_text()
    file = folder / "register.toml"
    header = f'[databases.customers]\nbuiltin = true\n[databases.other]\nurl = "sqlite:///{folder}/other.sqlite3"\nown_tables = false\n'
    file.write_text(header + builtin.replace("[tables.", "[databases.other.tables."))
    return RegisterSettings(f"sqlite:///{folder}/home.sqlite3", file)
