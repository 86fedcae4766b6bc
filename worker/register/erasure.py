"""Erasure that knows what must stay: planned row by row from the declaration, carried out, read back (GDPR 17).

A row goes if nothing of it must be kept and nothing that stays hangs from it; otherwise it stays and its other columns are
emptied. A later sweep looks only at what an erasure kept: what was recorded about the person since then is left alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from sqlalchemy import delete, update

from worker.errors import RegisterRefused
from worker.register.database import Open, is_text
from worker.register.declaration import ColumnDeclaration, Erasure, TableDeclaration
from worker.register.journal import Journal, Note
from worker.register.model import ErasurePlan, PersonKey, TablePlan
from worker.register.reading import tree
from worker.register.retention import Keep
from worker.rules.letters import Item, Reason

#: What is counted in an answer: the key of the wording, why it is kept, until when.
Kind = tuple[str, Reason | None, date | None]
#: Columns per row (table, key) that a sweep may erase; None stands for everything.
Scope = Mapping[tuple[str, str], frozenset[str]] | None
_NOTHING: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Action:
    """One row to delete, or to write ``values`` into. ``key`` is the database's own value."""

    table: str
    key: Any = field(repr=False)
    delete: bool
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(slots=True)
class Plan:
    """What is to be done about one person, children before parents, and what the answer says of it."""

    person: PersonKey
    actions: list[Action] = field(default_factory=list)
    erased: Counter[Kind] = field(default_factory=Counter)
    kept: Counter[Kind] = field(default_factory=Counter)
    kept_rows: Counter[str] = field(default_factory=Counter)
    notes: list[Note] = field(default_factory=list)
    recipients: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class _RowView:
    """One row while it is judged: what keeps which column, which columns go, what nobody asked to erase."""

    table: TableDeclaration
    key: Any
    kept: dict[str, Keep] = field(default_factory=dict)
    gone: dict[str, Any] = field(default_factory=dict)
    live: bool = False
    anonymous: bool = False


def plan(at: Open, person: PersonKey, today: date, scope: Scope = None) -> Plan:
    """What an erasure of ``person`` (or, with a scope, a sweep) does on ``today``. Nothing for a person no longer on record."""
    rows = tree(at, person)
    planner = _Planner(at, today, scope, Plan(person))
    for name in reversed(rows):
        for row in rows[name]:
            planner.judge(at.declared.by_name[name], row)
    return planner.plan


@dataclass(slots=True)
class _Planner:
    at: Open
    today: date
    scope: Scope
    plan: Plan
    #: Per row: what is kept in which table below it.
    below: dict[tuple[str, str], dict[str, Keep]] = field(default_factory=dict)
    #: Rows from which something hangs that stays.
    needed: set[tuple[str, str]] = field(default_factory=set)

    def judge(self, table: TableDeclaration, row: Mapping[str, Any]) -> None:
        """Decide about one row, after everything that hangs from it."""
        here = (table.name, str(row[table.key]))
        below = self.below.pop(here, {})
        view = self._view(table, row, below)
        stays = bool(view.kept or view.live or view.anonymous or here in self.needed)
        keep = latest([*view.kept.values(), *below.values()])
        if stays and table.parent:
            self._tell_parent(table, row, below, latest(view.kept.values()))
        self._act(view, stays=stays)
        if self.scope is None or here in self.scope:
            self._count(view, stays=stays)
            if stays and keep:
                self.plan.notes.append(Note(*here, frozenset(view.kept) & self._scope(here, view.kept), keep.until))

    def _scope(self, here: tuple[str, str], every: Iterable[str]) -> frozenset[str]:
        return frozenset(every) if self.scope is None else self.scope.get(here, _NOTHING)

    def _view(self, table: TableDeclaration, row: Mapping[str, Any], below: Mapping[str, Keep]) -> _RowView:
        view = _RowView(table, row[table.key])
        asked = self._scope((table.name, str(row[table.key])), table.by_name)
        for column in table.columns:
            value, nothing = row[column.name], self._nothing(table, column, row)
            keep = (column.rule.keeps(row, self.today) if column.rule else None) or latest(below[t] for t in column.kept_with if t in below)
            is_empty = value in (None, "", nothing)  # a tuple: values need not be hashable
            if keep and not is_empty:
                view.kept[column.name] = keep
            elif column.name not in asked:
                view.live = view.live or not is_empty
            elif not is_empty:
                view.gone[column.name] = nothing
            view.anonymous = view.anonymous or column.erasure in {Erasure.NULL, Erasure.REPLACE}
        return view

    def _nothing(self, table: TableDeclaration, column: ColumnDeclaration, row: Mapping[str, Any]) -> Any:
        """What stands in an emptied column."""
        if column.replacement is not None:
            return column.replacement.replace("{key}", str(row[table.key]))
        real = self.at.tables[table.name].c[column.name]
        return "" if is_text(real) and not real.nullable else None

    def _tell_parent(self, table: TableDeclaration, row: Mapping[str, Any], below: Mapping[str, Keep], own: Keep | None) -> None:
        parent = (table.parent, str(row[table.parent_key]))
        self.needed.add(parent)
        known = self.below.setdefault(parent, {})
        for name, keep in {**below, **({table.name: own} if own else {})}.items():
            known[name] = latest([keep, *([known[name]] if name in known else [])]) or keep

    def _act(self, view: _RowView, *, stays: bool) -> None:
        if not stays:
            self.plan.actions.append(Action(view.table.name, view.key, delete=True))
        elif view.gone:
            self.plan.actions.append(Action(view.table.name, view.key, delete=False, values=view.gone))
        self.plan.recipients.update(dict.fromkeys(r for name in view.gone for r in view.table.by_name[name].recipients))

    def _count(self, view: _RowView, *, stays: bool) -> None:
        """As one item where the row has one fate, by category where it has two."""
        table, whole = view.table, latest(view.kept.values())
        if whole is None:
            self.plan.erased[table.what, None, None] += bool(view.gone) or not stays
            return
        self.plan.kept_rows[table.name] += 1
        if not view.gone:
            self.plan.kept[table.what, whole.reason, whole.until] += 1
            return
        self.plan.erased.update({(table.by_name[name].category, None, None) for name in view.gone})
        self.plan.kept.update({(table.by_name[name].category, k.reason, k.until) for name, k in view.kept.items()})


def latest(keeps: Iterable[Keep]) -> Keep | None:
    """The one that keeps longest; no date yet is longer than any date."""
    return max(keeps, key=lambda k: k.until or date.max, default=None)


def carry_out(at: Open, journal: Journal | None, plan_: Plan, today: date, scope: Scope = None) -> None:
    """Do what the plan says in this transaction, and read back that nothing is left to do."""
    for action in plan_.actions:
        declared, table = at.table(action.table)
        mine = table.c[declared.key] == action.key
        at.connection.execute(delete(table).where(mine) if action.delete else update(table).where(mine).values(**action.values))
        if journal:
            journal.uncorrected(action.table, str(action.key))
    if plan(at, plan_.person, today, scope).actions:
        raise RegisterRefused(f"databases.{at.declared.name}: something that was erased is still there; look for triggers")


def items(counted: Iterable[Counter[Kind]]) -> tuple[Item, ...]:
    """Counters as the items of a letter, in the order in which they were counted; parents were counted last, so turned round."""
    total: Counter[Kind] = Counter()
    for each in counted:
        total.update(each)
    return tuple(Item(what, count, reason, until) for (what, reason, until), count in reversed(total.items()) if count)


def overview(database: str, plans: Sequence[Plan]) -> ErasurePlan:
    """Plans of one database for a person to read."""
    deleted = Counter(a.table for p in plans for a in p.actions if a.delete)
    emptied = Counter(a.table for p in plans for a in p.actions if not a.delete)
    kept = sum((p.kept_rows for p in plans), Counter[str]())
    names = sorted({*deleted, *emptied, *kept})
    tables = tuple(TablePlan(database, name, deleted[name], emptied[name], kept[name]) for name in names)
    return ErasurePlan(tables, items(p.erased for p in plans), items(p.kept for p in plans))
