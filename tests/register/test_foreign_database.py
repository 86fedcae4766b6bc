"""A company's own database, with names of its own, declared in a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from worker.errors import RegisterRefused
from worker.register.model import PersonKey
from worker.register.register import Register
from worker.register.settings import RegisterSettings
from worker.rules.letters import Item, Reason
from worker.rules.model import Change, Column

NOW = datetime(2026, 11, 22, tzinfo=UTC)
TODAY = NOW.date()
MARY = PersonKey("crm", "relaties", "7")

DECLARATION = """
[databases.customers]
builtin = true

[databases.crm]
url_file = "crm.url"
OWN_TABLES

[recipients.accountant]
name = "Example Accountants"
purpose = "bookkeeping"

[recipients.registry]
name = "Example Registry"
purpose = "registration of domain names"

[retention.claim]
rule = "10 years after besteld_op"
reason = "legal-claim"
text = "ten years after the order"

[databases.crm.tables.relaties]
what = "customer"
key = "nr"
address = ["mail", "mail2"]
person_name = "naam"
category = "identity"
purpose = "orders"
ground = "contract"
retention = "relation"
origin = "our web shop"
erasure = "delete"
recipients = ["registry"]
technical = ["sorteer"]
[databases.crm.tables.relaties.columns]
naam = { corrects = "name", erasure = "replace", replacement = "erased {key}" }
mail = { category = "email", corrects = "email" }
mail2 = { category = "email" }
gsm = { category = "telephone", corrects = "mobile", recipients = [] }

[databases.crm.tables.bestellingen]
what = "order"
key = "id"
parent = "relaties"
parent_key = "relatie"
category = "order"
purpose = "to deliver what was ordered"
ground = "contract"
retention = "claim"
erasure = "keep until claim"
recipients = ["accountant"]
[databases.crm.tables.bestellingen.columns]
besteld_op = {}
artikel = {}
opmerking = { category = "remark", erasure = "delete" }
"""

SCHEMA = (
    "CREATE TABLE relaties (nr INTEGER PRIMARY KEY, naam VARCHAR(80) NOT NULL UNIQUE, mail VARCHAR(80), mail2 VARCHAR(80), gsm VARCHAR(20), sorteer INTEGER)",
    """CREATE TABLE bestellingen (id INTEGER PRIMARY KEY, relatie INTEGER NOT NULL REFERENCES relaties (nr),
    besteld_op DATE NOT NULL, artikel VARCHAR(80), opmerking TEXT)""",
    "INSERT INTO relaties VALUES (7, 'Mary Maes', 'mary@example.com', 'mm@example.com', '0470123456', 1), (8, 'Rik Maes', 'rik@example.com', NULL, NULL, 2)",
    "INSERT INTO bestellingen VALUES (1, 7, '2012-01-01', 'lamp', 'call first'), (2, 7, '2024-02-29', 'desk', 'third floor'), (3, 8, '2024-02-29', 'desk', 'none')",
)


@pytest.fixture
def crm_url(database_url: str) -> str:
    engine = sa.create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        for statement in SCHEMA:
            connection.execute(sa.text(statement))
    engine.dispose()
    return database_url


@pytest.fixture(params=["own_tables = true", "own_tables = false"], ids=["with journal", "untouched schema"])
def crm(request: pytest.FixtureRequest, crm_url: str, tmp_path: Path, opened: Callable[[RegisterSettings], Register]) -> Register:
    """The company's database beside the built-in one, with and without the right to make tables in it."""
    (tmp_path / "crm.url").write_text(crm_url + "\n")
    (tmp_path / "register.toml").write_text(DECLARATION.replace("OWN_TABLES", request.param))
    return opened(RegisterSettings(f"sqlite:///{tmp_path}/home.sqlite3", tmp_path / "register.toml"))


async def test_a_person_is_found_under_each_declared_address(crm: Register) -> None:
    found = [await crm.find(a) for a in ("MARY@example.com", "mm@example.com")]
    assert [[m.person for m in each] for each in found] == [[MARY], [MARY]]


async def test_everything_of_the_person_is_read_with_its_recipients_and_origin(crm: Register) -> None:
    held = await crm.read([MARY], as_of=NOW)
    assert [(t.table, len(t.rows)) for t in held.tables] == [("relaties", 1), ("bestellingen", 2)]
    assert [r.name for r in held.recipients] == ["Example Accountants", "Example Registry"]
    assert {c.origin for c in held.tables[0].columns} == {"our web shop"}
    assert "sorteer" not in json.dumps(held.to_json())


async def test_a_correction_names_who_must_be_told_and_can_be_repeated(crm: Register) -> None:
    change = [Change(Column.NAME, "Mary Smets", "Mary Maes"), Change(Column.MOBILE, "0470 65 43 21", "0470123456")]
    first = await crm.rectify("e1", MARY, change)
    assert first.changed == (Column.NAME, Column.MOBILE)
    assert first.recipients == ("Example Registry",)
    assert await crm.rectify("e1", MARY, change) == first


async def test_a_column_that_cannot_be_corrected_there_is_refused(crm: Register) -> None:
    done = await crm.rectify("e1", MARY, [Change(Column.TOWN, "Gent", "")])
    assert done.refused == ((Column.TOWN, Reason.VALUE_REFUSED),)


async def test_a_constraint_refuses_for_good_without_naming_the_value(crm: Register) -> None:
    with pytest.raises(RegisterRefused) as refused:
        await crm.rectify("e1", MARY, [Change(Column.NAME, "Rik Maes", "Mary Maes")])
    assert "Rik" not in str(refused.value)
    assert await crm.current(MARY, [Column.NAME]) == {Column.NAME: "Mary Maes"}


async def test_erasure_does_to_each_column_what_is_declared_and_can_be_repeated(crm: Register) -> None:
    done = await crm.erase("e1", [MARY], today=TODAY)
    until = date(2034, 2, 28)
    assert set(done.erased) == {Item("customer"), Item("order"), Item("remark")}
    assert done.kept == (Item("order", 1, Reason.LEGAL_CLAIM, until),)
    assert (done.recipients, done.due) == (("Example Accountants", "Example Registry"), (until,))
    held = {t.table: [r.values for r in t.rows] for t in (await crm.read([MARY], as_of=NOW)).tables}
    assert held["relaties"] == [("erased 7", None, None, None)]
    assert held["bestellingen"] == [("2024-02-29", "desk", None)]
    assert await crm.erase("e1", [MARY], today=TODAY) == done
    assert len(await crm.find("rik@example.com")) == 1


async def test_a_sweep_finishes_what_erasure_began_also_where_no_table_of_ours_may_stand(crm: Register) -> None:
    await crm.erase("e1", [MARY], today=TODAY)
    assert await crm.sweep(today=date(2034, 2, 28)) == 0
    assert await crm.sweep(today=date(2034, 3, 1)) == 1
    (relation,) = (await crm.read([MARY], as_of=NOW)).tables
    assert relation.rows[0].values == ("erased 7", None, None, None)


async def test_the_check_of_a_fitting_declaration_finds_nothing(crm: Register) -> None:
    assert [f.setting for f in await crm.check()] == []
