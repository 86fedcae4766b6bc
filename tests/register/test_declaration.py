from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from copy import deepcopy
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from worker.errors import ConfigurationError, RegisterRefused
from worker.register.declaration import Declaration, Ground
from worker.register.register import Register
from worker.register.retention import Keep, Retention, Text
from worker.register.settings import RegisterSettings
from worker.rules.letters import Reason
from worker.rules.model import Column, Language

EXAMPLE = Path(__file__).parents[2] / "config/register.example.toml"
SHOP = (
    "CREATE TABLE account (id INTEGER PRIMARY KEY, full_name TEXT, email TEXT, nickname TEXT NOT NULL, came_by TEXT, created_at TEXT, login_count INTEGER)",
    'CREATE TABLE "order" (id INTEGER PRIMARY KEY, account_id INTEGER REFERENCES account (id), article TEXT, delivered_on DATE, remark TEXT)',
)


def example() -> dict[str, Any]:
    return tomllib.loads(EXAMPLE.read_text())


def test_the_builtin_declaration_has_every_contact_detail_and_each_can_be_corrected() -> None:
    (database,) = Declaration.builtin().databases
    assert [t.name for t in database.tables] == ["customer", "contract", "invoice"]
    assert set(database.by_name["customer"].correctable) == set(Column)


def test_the_builtin_declaration_speaks_every_language() -> None:
    for table in Declaration.builtin().databases[0].tables:
        for text in (table.title, *(t for c in table.columns for t in (c.title, c.purpose, c.retention.text))):
            assert all(text.wordings.get(language) for language in Language)


def test_a_file_says_otherwise_only_where_it_differs_from_the_builtin_database() -> None:
    customers = Declaration.from_data(example()).databases[0]
    assert {r for c in customers.by_name["invoice"].columns for r in c.recipients} == {"accountant"}
    assert {c.ground for c in customers.by_name["invoice"].columns} == {Ground.LEGAL_OBLIGATION}


async def test_the_example_fits_the_databases_that_it_describes(tmp_path: Path, opened: Callable[[RegisterSettings], Register]) -> None:
    _make(tmp_path / "shop.sqlite3", SHOP)
    register = _example_at(tmp_path, opened)
    assert await register.check() == ()


async def test_the_check_names_what_does_not_fit_and_the_mend(tmp_path: Path, opened: Callable[[RegisterSettings], Register]) -> None:
    account = (
        "CREATE TABLE account (nr INTEGER PRIMARY KEY, id INTEGER, full_name INTEGER, email TEXT, nickname TEXT,"
        " came_by TEXT, created_at TEXT, login_count INTEGER, iban TEXT)"
    )
    _make(tmp_path / "shop.sqlite3", (account,))
    found = {f.setting: f.problem for f in await _example_at(tmp_path, opened).check()}
    account = "databases.shop.tables.account"
    assert found == {
        f"{account}.columns.iban": "is not declared",
        f"{account}.columns.nr": "is not declared",
        f"{account}.columns.full_name.corrects": "is not a column of text",
        f"{account}.key": "is not the primary key of the table",
        "databases.shop.tables.order": "the database has no such table",
    }


async def test_a_table_that_is_not_there_refuses_every_question(tmp_path: Path, opened: Callable[[RegisterSettings], Register]) -> None:
    _make(tmp_path / "shop.sqlite3", SHOP[:1])
    with pytest.raises(RegisterRefused, match=r"databases\.shop\.tables\.order: the database has no such table"):
        await _example_at(tmp_path, opened).find("ann@example.com")


def _make(file: Path, statements: tuple[str, ...]) -> None:
    engine = sa.create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    engine.dispose()


def _example_at(folder: Path, opened: Callable[[RegisterSettings], Register]) -> Register:
    file = folder / "register.toml"
    file.write_text(EXAMPLE.read_text().replace("sqlite:///shop", f"sqlite:///{folder}/shop"))
    return opened(RegisterSettings(f"sqlite:///{folder}/customers.sqlite3", file))


ACCOUNT = ("databases", "shop", "tables", "account")
WRONG: Mapping[str, tuple[tuple[str, ...], Any]] = {
    "databases.shop.colour": (("databases", "shop", "colour"), "blue"),
    "databases.shop.url": (("databases", "shop", "url"), ""),
    "databases.customers.builtin": (("databases", "customers", "url"), "sqlite://"),
    "databases.shop.own_tables": (("databases", "shop", "own_tables"), "yes"),
    "databases.shop.tables": (("databases", "shop", "tables"), {}),
    "databases.shop.tables.account.key": ((*ACCOUNT, "key"), 3),
    "databases.shop.tables.account.address": ((*ACCOUNT, "address"), []),
    "databases.shop.tables.account.technical": ((*ACCOUNT, "technical"), "login_count"),
    "databases.shop.tables.account.columns.email": ((*ACCOUNT, "columns", "email"), "text"),
    "databases.shop.tables.account.columns.email.ground": ((*ACCOUNT, "columns", "email", "ground"), "because"),
    "databases.shop.tables.account.columns.email.purpose": ((*ACCOUNT, "columns", "email", "purpose"), {"es": "correo"}),
    "databases.shop.tables.account.columns.email.corrects": ((*ACCOUNT, "columns", "email", "corrects"), "shoe size"),
    "databases.shop.tables.account.columns.email.recipients": ((*ACCOUNT, "columns", "email", "recipients"), ["nobody"]),
    "databases.shop.tables.account.columns.email.retention": ((*ACCOUNT, "columns", "email", "retention"), "long"),
    "databases.shop.tables.account.columns.email.erasure": ((*ACCOUNT, "columns", "email", "erasure"), "keep until relation"),
    "databases.shop.tables.account.columns.email.replacement": ((*ACCOUNT, "columns", "email", "erasure"), "replace"),
    "databases.shop.tables.account.columns.email.kept_with": ((*ACCOUNT, "columns", "email", "kept_with"), ["invoice"]),
    "databases.shop.tables.order.parent": (("databases", "shop", "tables", "order", "parent"), "order"),
    "databases.shop.tables.order.columns.remark.corrects": (
        ("databases", "shop", "tables", "order", "columns", "remark", "corrects"),
        "office",
    ),
    "retention.guarantee.rule": (("retention", "guarantee", "rule"), "a while"),
    "retention.guarantee.reason": (("retention", "guarantee", "reason"), None),
    "recipients.accountant.name": (("recipients", "accountant", "name"), ""),
    "databases": (("databases",), {}),
    "colour": (("colour",), "blue"),
}


@pytest.mark.parametrize("setting", WRONG)
def test_a_wrong_setting_is_named_with_its_mend(setting: str) -> None:
    path, value = WRONG[setting]
    data = deepcopy(example())
    at = data
    for part in path[:-1]:
        at = at[part]
    at.update({path[-1]: value}) if value is not None else at.pop(path[-1])
    with pytest.raises(ConfigurationError) as wrong:
        Declaration.from_data(data)
    assert wrong.value.setting == setting
    assert wrong.value.mend


@pytest.mark.parametrize(("url", "why"), [("no url", "ArgumentError"), ("oracle+nothing://x", "NoSuchModuleError")])
def test_an_url_that_opens_nothing_stops_the_start_without_being_shown(url: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why) as wrong:
        Register.open(RegisterSettings(url))
    assert wrong.value.setting == "register.url"
    assert url not in str(wrong.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("[databases\n")
    for file, problem in (("none.toml", "cannot be read"), ("bad.toml", "not valid TOML")):
        with pytest.raises(ConfigurationError, match=problem):
            Register.open(RegisterSettings("sqlite://", tmp_path / file))


def rule(text: str) -> Retention:
    found = Retention.parse("rule", text, Reason.LEGAL_CLAIM, Text({}))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "value", "today", "until"),
    [
        ("10 years after day", date(2016, 2, 29), date(2026, 2, 28), date(2026, 2, 28)),
        ("10 years after day", date(2016, 2, 29), date(2026, 3, 1), "gone"),
        ("10 years after day", None, date(2026, 3, 1), None),
        ("10 years after day", "2020-05-01T10:00:00", date(2026, 3, 1), date(2030, 5, 1)),
        ("10 years after day", datetime(2020, 5, 1, 10), date(2026, 3, 1), date(2030, 5, 1)),  # noqa: DTZ001 - as some databases give it
        ("until day", None, date(2026, 3, 1), None),
        ("until day", date(2026, 2, 28), date(2026, 3, 1), "gone"),
        ("forever", None, date(2099, 1, 1), None),
        ("invoice day", date(2021, 6, 10), date(2028, 12, 31), date(2028, 12, 31)),
        ("invoice day", date(2021, 6, 10), date(2029, 1, 1), "gone"),
        ("until asked", None, date(2026, 3, 1), "gone"),
    ],
)
def test_a_rule_keeps_up_to_and_with_its_last_day(text: str, value: object, today: date, until: date | str | None) -> None:
    expected = None if until == "gone" else Keep(Reason.LEGAL_CLAIM, until if isinstance(until, date) else None)
    assert rule(text).keeps({"day": value}, today) == expected


@pytest.mark.parametrize("value", ["yesterday", 20200101])
def test_a_rule_that_counts_from_no_date_is_refused(value: object) -> None:
    with pytest.raises(RegisterRefused):
        rule("until day").keeps({"day": value}, date(2026, 1, 1))
