from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tests.register.conftest import person
from worker.errors import RegisterRefused
from worker.register.exchange import FIELDS, Format, parse, written
from worker.register.model import Imported
from worker.register.register import Register

NOW = datetime(2026, 11, 22, tzinfo=UTC)
CSV = """\
name;email;customer_number;mobile
Zoë Wouters;Zoe@Example.com;C-9;0470 11 22 33
Ann Peeters;ann@example.com;C-1;
Erased Person;gone@example.com;C-10;
Zoë Wouters;zoe@example.com;C-9;
"""


def nobody(_address: str) -> bool:
    return False


async def take(register: Register, text: str, *, is_erased: Callable[[str], bool] = nobody, dry_run: bool = False) -> Imported:
    return await register.import_rows(parse(text, Format.CSV), is_erased=is_erased, origin="import", recorded_at=NOW, dry_run=dry_run)


async def test_an_import_adds_the_new_knows_the_known_and_brings_nobody_back(register: Register) -> None:
    done = await take(register, CSV, is_erased=lambda address: address == "gone@example.com")
    assert done == Imported(added=1, known=2, erased=1)
    (zoe,) = await register.find("zoe@example.com")
    row = (await register.read([zoe.person], as_of=NOW)).tables[0].rows[0]
    assert (row.origin, row.recorded_at) == ("import", NOW)
    assert "+32 470 11 22 33" in row.values
    assert await register.find("gone@example.com") == ()


async def test_a_dry_run_counts_the_same_and_adds_nobody(register: Register) -> None:
    assert await take(register, CSV, dry_run=True) == Imported(added=2, known=2, erased=0)
    assert await register.find("zoe@example.com") == ()


async def test_one_refused_row_stops_the_whole_import_and_is_named_by_its_number(register: Register) -> None:
    done = await take(register, "name,email,postcode\nZoë Wouters,zoe@example.com,9000\nNo Mail,,\nBad Code,bad@example.com,1\n")
    assert done.refused == ((2, "email", "is missing"), (3, "postcode", "cannot be used"))
    assert await register.find("zoe@example.com") == ()


@pytest.mark.parametrize("kind", Format)
async def test_what_is_exported_is_known_when_it_is_imported(register: Register, kind: Format) -> None:
    rows = await register.export_rows()
    assert tuple(rows[0]) == FIELDS
    assert [row["email"] for row in rows][:2] == ["Ann@example.com", "joann@example.com"]
    again = parse(written(rows, kind), kind)
    assert await register.import_rows(again, is_erased=nobody, origin="import", recorded_at=NOW) == Imported(added=0, known=4, erased=0)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("name,shoe size\nAnn,38\n", Format.CSV),
        ("name,email\nAnn,ann@example.com,more\n", Format.CSV),
        ('name,email\n"Ann,ann@example.com\n', Format.CSV),
        ("{", Format.JSON),
        ('{"name": "Ann"}', Format.JSON),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_refused_without_quoting_it(text: str, kind: Format) -> None:
    with pytest.raises(RegisterRefused) as refused:
        parse(text, kind)
    assert "Ann" not in str(refused.value)


async def test_show_tells_what_is_held_and_what_erasure_would_do(register: Register) -> None:
    shown = await register.show("ann@example.com", as_of=NOW)
    assert shown["tables"][0]["rows"][0]["values"]["name"] == "Ann Peeters"
    assert shown["erasure"]["erased"] == [{"what": "customer", "count": 1, "reason": None, "until": None}]
    assert len(await register.find("ann@example.com")) == 1
    assert (await register.current(person(1), [])) == {}
