"""Erasing and sweeping one database, so that being killed at any moment loses nothing and does nothing twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from worker.errors import RegisterRefused
from worker.register import erasure
from worker.register.database import Database, Open
from worker.register.journal import AlreadyDoneError, Journal, Result
from worker.register.model import PersonKey
from worker.rules.letters import Item, Reason


def plans_of(at: Open, persons: Sequence[PersonKey], today: date) -> list[erasure.Plan]:
    """One plan per person still on record; their rows are held where the database can."""
    return [erasure.plan(at, person, today) for person in persons if at.row(person, lock=at.writes)]


def erase(database: Database, notebook: Database | None, effect_id: str, persons: Sequence[PersonKey], today: date) -> Result:
    """Erase ``persons`` in ``database``. Its journal is in ``notebook``; where there is none, a repeated call finds less to do.

    In a database of somebody else the result and what is kept are written down in the notebook first: a call that was
    killed in between is repeated, and reports what it set out to do; one that was refused has left nothing noted.
    """
    if notebook is database:
        return _erase_here(database, effect_id, persons, today)
    with database.reading() as at:
        intended = plans_of(at, persons, today)
    result = _written_down(database, notebook, effect_id, intended) if notebook else result_of(intended)
    try:
        with database.writing() as at:
            for each in plans_of(at, persons, today):
                erasure.carry_out(at, None, each, today)
    except RegisterRefused:
        # Nothing of it was done, and by the time it is tried again there may be more to erase: that is what must be told then.
        if notebook and result == result_of(intended):
            _taken_back(database, notebook, effect_id)
        raise
    database.forget()
    return result


def _erase_here(database: Database, effect_id: str, persons: Sequence[PersonKey], today: date) -> Result:
    try:
        with database.writing() as at:
            journal = Journal(at.connection, database.name)
            result = journal.once(effect_id, lambda: _erase_in(at, journal, persons, today))
    except AlreadyDoneError:
        with database.reading() as at:
            result = Journal(at.connection, database.name).result(effect_id) or {}
    database.forget()
    return result


def _erase_in(at: Open, journal: Journal, persons: Sequence[PersonKey], today: date) -> Result:
    plans = plans_of(at, persons, today)
    for each in plans:
        erasure.carry_out(at, journal, each, today)
        journal.replace(each.person.table, each.person.key, each.notes)
    return result_of(plans)


def _written_down(database: Database, notebook: Database, effect_id: str, plans: Sequence[erasure.Plan]) -> Result:
    def remember(journal: Journal) -> Result:
        for each in plans:
            journal.replace(each.person.table, each.person.key, each.notes)
        return result_of(plans)

    with notebook.writing() as at:
        journal = Journal(at.connection, database.name)
        return journal.once(effect_id, lambda: remember(journal))


def _taken_back(database: Database, notebook: Database, effect_id: str) -> None:
    with notebook.writing() as at:
        Journal(at.connection, database.name).take_back(effect_id)


def sweep(database: Database, notebook: Database, today: date) -> int:
    """Erase what was kept and no longer must be; the number of rows deleted or emptied."""
    with notebook.reading() as at:
        roots = list(Journal(at.connection, database.name).roots_due(today))
    persons = [PersonKey(database.name, table, key) for table, key in roots if table in database.declared.by_name]
    done = sum(_sweep_person(database, notebook, person, today) for person in persons)
    if done:
        database.forget()
    return done


def _sweep_person(database: Database, notebook: Database, person: PersonKey, today: date) -> int:
    """The notes are renewed after the rows: killed in between, the next sweep finds nothing to do and renews them."""
    with notebook.reading() as at:
        scope = {(n.table, n.key): n.columns for n in Journal(at.connection, database.name).notes(person.table, person.key)}
    with database.writing() as at:
        at.row(person, lock=True)
        plan = erasure.plan(at, person, today, scope)
        erasure.carry_out(at, Journal(at.connection, database.name) if notebook is database else None, plan, today, scope)
    with notebook.writing() as at:
        Journal(at.connection, database.name).replace(person.table, person.key, plan.notes)
    return len(plan.actions)


def result_of(plans: Sequence[erasure.Plan]) -> Result:
    """What an answer needs to know of an erasure, without personal data."""
    due = sorted({n.until for p in plans for n in p.notes if n.until})
    return {
        "erased": [_plain(i) for i in erasure.items(p.erased for p in plans)],
        "kept": [_plain(i) for i in erasure.items(p.kept for p in plans)],
        "recipients": list(dict.fromkeys(r for p in plans for r in p.recipients)),
        "due": [d.isoformat() for d in due],
    }


def _plain(item: Item) -> list[Any]:
    return [item.what, item.count, item.reason, item.until.isoformat() if item.until else None]


def item_of(plain: Sequence[Any]) -> Item:
    """An item as :func:`result_of` wrote it."""
    what, count, reason, until = plain
    return Item(what, count, Reason(reason) if reason else None, date.fromisoformat(until) if until else None)
