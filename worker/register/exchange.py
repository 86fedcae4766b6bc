"""Customers in and out of the built-in database, as flat rows of text."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import func, insert, or_, select

from worker.errors import RegisterRefused
from worker.register.database import Open
from worker.register.model import ErasurePlan, Imported
from worker.register.rectification import shown
from worker.register.tables import customer
from worker.register.values import normalise
from worker.rules.letters import Item
from worker.rules.model import Column

#: The columns of an exchanged row, in the order of the file.
FIELDS: Final = ("customer_number", *Column)


class Format(StrEnum):
    """How customers stand in a file."""

    CSV = "csv"  # with a first line of column names, UTF-8, comma or semicolon
    JSON = "json"  # a list of objects


def parse(text: str, kind: Format) -> list[dict[str, str]]:
    """The rows of a file; RegisterRefused if it is not of that kind or has an unknown column."""
    rows = _csv(text) if kind is Format.CSV else _json(text)
    unknown = {name for row in rows for name in row} - set(FIELDS)
    if unknown:
        raise RegisterRefused(f"the file has {len(unknown)} columns that are none of {', '.join(FIELDS)}")
    return rows


def _csv(text: str) -> list[dict[str, str]]:
    text = text.removeprefix("\ufeff")
    first = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=";" if first.count(";") > first.count(",") else ",", strict=True)
    try:
        rows = list(reader)
    except csv.Error:
        raise RegisterRefused(f"line {reader.line_num} of the file is not CSV") from None
    if ragged := next((n for n, row in enumerate(rows, 2) if None in row), None):
        raise RegisterRefused(f"line {ragged} of the file has more values than there are columns")
    return [{name: value or "" for name, value in row.items()} for row in rows]


def _json(text: str) -> list[dict[str, str]]:
    try:
        rows = json.loads(text)
    except ValueError:
        raise RegisterRefused("the file is not JSON") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise RegisterRefused("the file is not a JSON list of objects")
    return [{name: shown(value) for name, value in row.items()} for row in rows]


def written(rows: Iterable[Mapping[str, str]], kind: Format) -> str:
    """Rows as the text of a file."""
    if kind is Format.JSON:
        return json.dumps(list(rows), ensure_ascii=False, indent=1) + "\n"
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def give_out(at: Open) -> tuple[dict[str, str], ...]:
    """Every customer who still has an address or a name; rows that only hold invoices together are no customers."""
    query = select(customer).where(or_(customer.c.email.is_not(None), customer.c.name.is_not(None))).order_by(customer.c.id)
    return tuple({name: shown(row[name]) for name in FIELDS} for row in at.connection.execute(query).mappings())


def take_in(
    at: Open, *, rows: Sequence[Mapping[str, str]], is_erased: Callable[[str], bool], origin: str, recorded_at: datetime, dry_run: bool
) -> Imported:
    """Add the customers that are new and were not erased; with a refused row or in a dry run none is added."""
    counted: Counter[str] = Counter()
    refused: list[tuple[int, str, str]] = []
    new: dict[tuple[str, str], dict[str, Any]] = {}
    for number, row in enumerate(rows, 1):
        values, problems = _customer(row)
        refused.extend((number, column, problem) for column, problem in problems)
        same = (values["email"].lower(), values["customer_number"] or values["name"])
        fate = (
            "refused"
            if problems
            else "erased"
            if is_erased(values["email"])
            else "known"
            if same in new or _is_known(at, values)
            else "added"
        )
        counted[fate] += 1
        if fate == "added":
            new[same] = {name: value or None for name, value in values.items()} | {"origin": origin, "recorded_at": recorded_at}
    if new and not dry_run and not refused:
        at.connection.execute(insert(customer), list(new.values()))
    return Imported(counted["added"], counted["known"], counted["erased"], tuple(refused))


def _customer(row: Mapping[str, str]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """The row in the form in which it is kept, and what is wrong with it."""
    values = {"customer_number": row.get("customer_number", "").strip()}
    problems = []
    for column in Column:
        value = normalise(column, row.get(column, ""), row.get(Column.COUNTRY, ""))
        values[column] = value or ""
        if value is None:
            problems.append((str(column), "is missing" if not row.get(column, "").strip() else "cannot be used"))
    longest = {name: getattr(customer.c[name].type, "length", None) for name in FIELDS}
    problems.extend((name, "is too long") for name in FIELDS if len(values[name]) > (longest[name] or 0))
    return values, problems


def _is_known(at: Open, values: Mapping[str, str]) -> bool:
    """The customer number is on record, or the same name under the same address."""
    same = (func.lower(customer.c.email) == values["email"].lower()) & (customer.c.name == values["name"])
    if values["customer_number"]:
        same = same | (customer.c.customer_number == values["customer_number"])
    return at.connection.execute(select(customer.c.id).where(same).limit(1)).first() is not None


def plain_plan(plan: ErasurePlan) -> dict[str, Any]:
    """A plan as plain data."""
    tables = [{"database": t.database, "table": t.table, "delete": t.deleted, "empty": t.emptied, "keep": t.kept} for t in plan.tables]
    return {"tables": tables, "erased": [_plain_item(i) for i in plan.erased], "kept": [_plain_item(i) for i in plan.kept]}


def _plain_item(item: Item) -> dict[str, Any]:
    until = item.until.isoformat() if item.until else None
    return {"what": item.what, "count": item.count, "reason": item.reason, "until": until}
