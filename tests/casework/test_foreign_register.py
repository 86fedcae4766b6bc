"""A customer database in which the desk may make no tables: nothing there says what an earlier attempt did."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.desks import ANN, a_house
from worker import apply
from worker.casework import confirm
from worker.casework.applied import begin
from worker.register.register import Register
from worker.register.settings import RegisterSettings
from worker.rules.model import Right
from worker.store import effects


async def _foreign(folder: Path) -> Path:
    made = Register.open(RegisterSettings(f"sqlite:///{folder}/other.sqlite3"))
    await made.create()
    await made.add("customer", [ANN])
    made.close()
    builtin = (Path(__file__).parents[2] / "worker/register/customers.toml").read_text()
    file = folder / "register.toml"
    header = f'[databases.other]\nurl = "sqlite:///{folder}/other.sqlite3"\nown_tables = false\n'
    file.write_text(header + builtin.replace("[tables.", "[databases.other.tables."))
    return file


async def test_a_death_after_a_changed_address_still_tells_that_it_was_changed(tmp_path: Path) -> None:
    async with a_house(f"sqlite:///{tmp_path}/store.sqlite3", tmp_path, declared=await _foreign(tmp_path)) as house:
        await house.write("Please change my e-mail address from ann@example.com to ann.new@example.org.")
        letter, choices = await house.last("confirm", "ann@example.com"), (Right.CORRECTION,)
        shown = await confirm.click(house.desk, letter.link("c"), code=letter.code, choices=choices)
        await confirm.click(house.desk, letter.link("c"), code=letter.code, choices=choices, fingerprint=shown.fingerprint)
        new = await house.last("confirm_new_address", "ann.new@example.org")
        await confirm.click(house.desk, new.link("c"), code=new.code, choices=choices)
        (effect,) = await house.desk.store.run(effects.claim, 20, timedelta(minutes=5))
        case = await begin(house.desk, effect)
        assert case is not None
        await apply._changed(house.desk, effect, case)  # and the process dies before it reports
        assert len(await house.desk.register.find("ann.new@example.org")) == 1
        house.clock.pass_(minutes=6)
        await house.carry_out()
        told = [each for each in await house.letters() if each.name in ("corrected", "nothing_held")]
        assert [each.name for each in told] == ["corrected"]
