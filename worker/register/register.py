"""The register as the desk uses it: every call runs in a thread of its own and never blocks the loop.

Every call raises RegisterUnavailable while a database does not answer, RegisterRefused when one refuses for good.
"""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import AsyncGenerator, Callable, Collection, Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from itertools import groupby
from pathlib import Path
from threading import Lock
from typing import Any, Final, ParamSpec, TypeVar

from worker.errors import ConfigurationError, RegisterRefused
from worker.register import check, eraser, erasure, exchange, reading, rectification
from worker.register.database import Database, Open
from worker.register.declaration import Declaration
from worker.register.journal import AlreadyDoneError, Journal, Result
from worker.register.model import Erased, ErasurePlan, Finding, HeldTable, Holdings, Imported, Match, PersonKey, Rectified
from worker.register.settings import RegisterSettings
from worker.rules.letters import Reason
from worker.rules.model import Change, Column, Language

_P = ParamSpec("_P")
_T = TypeVar("_T")
_THREADS: Final = 4  # calls under way at once; each holds one connection per database


class Register:
    """The declared databases, opened. Make one with :meth:`open`."""

    def __init__(self, declaration: Declaration, databases: Sequence[Database]) -> None:
        self.declaration = declaration
        self._databases: Mapping[str, Database] = {d.name: d for d in databases}
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="register")

    @classmethod
    def open(cls, settings: RegisterSettings) -> Register:
        """The register that ``settings`` name; nothing is connected yet. ConfigurationError if the declaration is wrong."""
        declaration = Declaration.from_data(_toml(settings.file)) if settings.file else Declaration.builtin()
        folder = settings.file.parent if settings.file else Path()
        databases = []
        for declared in declaration.databases:
            setting = "register.url" if declared.builtin else f"databases.{declared.name}.url"
            url = settings.url if declared.builtin else declared.url or _secret(folder / declared.url_file, f"{setting}_file")
            databases.append(Database(declared, url, setting))
        return cls(declaration, databases)

    def close(self) -> None:
        """Finish what runs and close every connection."""
        self._threads.shutdown()
        for database in self._databases.values():
            database.close()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the declared databases."""
        return tuple(self._databases)

    async def ask(self, database: str) -> None:
        """See whether a database answers; :meth:`problem` says it."""
        await self._run(self._database(database).ask)

    def problem(self, database: str) -> str | None:
        """What the last attempt on a database said: empty if it answered, None before the first one."""
        return self._database(database).problem

    async def create(self) -> None:
        """Make the built-in database and the register's own tables where they are missing, and look at every declared table."""
        for database in self._databases.values():
            await self._run(database.create)

    async def find(self, address: str) -> tuple[Match, ...]:
        """Every person on record under exactly ``address``; upper and lower case do not matter."""
        return await self._run(self._find, address)

    async def current(self, person: PersonKey, columns: Sequence[Column]) -> dict[Column, str]:
        """The present values of those ``columns`` that a person may correct; empty text for an empty value."""
        return await self._run(self._reading, person.database, rectification.current, person, columns)

    async def read(self, persons: Sequence[PersonKey], *, as_of: datetime, language: Language = Language.EN) -> Holdings:
        """Everything held about ``persons``, with the facts of GDPR 15(1) in ``language``; all of it in memory."""
        return self.gathered(await self._run(self._read, persons, language), as_of=as_of, language=language)

    async def slices(self, persons: Sequence[PersonKey], *, language: Language = Language.EN) -> AsyncGenerator[HeldTable]:
        """The same, a bounded number of rows at a time: a long table comes in several slices, one right after the other.

        What comes of one database is its state at one moment: its read transaction stays open meanwhile. Close the generator if you leave early.
        """
        async with aclosing(self._stepwise(self._slices(persons, language))) as steps:
            async for held in steps:
                yield held

    def gathered(self, tables: Iterable[HeldTable], *, as_of: datetime, language: Language) -> Holdings:
        """These tables, with those to whom their data is disclosed."""
        found = tuple(tables)
        named = {name for t in found for c in t.columns for name in c.recipients}
        return Holdings(as_of, language, found, tuple(r for r in self.declaration.recipients.values() if r.name in named))

    async def rectify(self, effect_id: str, person: PersonKey, changes: Sequence[Change]) -> Rectified:
        """Apply ``changes`` if every value still is the ``old`` that the person was shown; else nothing of them.

        A second call with the same id and person changes nothing and returns what the first returned.
        """
        return await self._run(self._rectify, effect_id, person, changes)

    async def rectified(self, effect_id: str) -> Rectified | None:
        """What an earlier :meth:`rectify` with this id did, without values; None if there was none.

        Ask before looking the person up again: a corrected address no longer finds him.
        """
        return await self._run(self._rectified, effect_id)

    async def plan_erasure(self, persons: Sequence[PersonKey], *, today: date) -> ErasurePlan:
        """What :meth:`erase` would do on ``today``; changes nothing."""
        return await self._run(self._plan, persons, today)

    async def erase(self, effect_id: str, persons: Sequence[PersonKey], *, today: date) -> Erased:
        """Plan and carry out an erasure, in one transaction per database, and read it back.

        A second call with the same id changes nothing more and returns what the first returned, also when it
        names no persons because they are no longer found.
        """
        return await self._run(self._erase, effect_id, persons, today)

    async def sweep(self, *, today: date) -> int:
        """Erase what earlier erasures kept and no rule keeps any longer; the number of rows deleted or emptied."""
        return await self._run(self._sweep, today)

    async def add(self, table: str, rows: Sequence[Mapping[str, object]], *, database: str = "") -> int:
        """Insert many rows into a declared table, of the first database if none is named; their number."""
        return await self._run(self._add, table, rows, database)

    async def import_rows(
        self,
        rows: Sequence[Mapping[str, str]],
        *,
        is_erased: Callable[[str], bool],
        origin: str,
        recorded_at: datetime,
        dry_run: bool = False,
    ) -> Imported:
        """Add customers to the built-in database, all or (in a dry run) none; whoever was erased does not come back.

        ``is_erased`` is asked for each address, in the register's thread.
        """
        at = partial(exchange.take_in, rows=rows, is_erased=is_erased, origin=origin, recorded_at=recorded_at, dry_run=dry_run)
        return await self._run(self._writing, self._builtin().name, at)

    async def export_rows(self) -> tuple[dict[str, str], ...]:
        """Every customer of the built-in database, in the form that :meth:`import_rows` takes."""
        return await self._run(self._reading, self._builtin().name, exchange.give_out)

    async def show(self, address: str, *, as_of: datetime, language: Language = Language.EN) -> dict[str, Any]:
        """What is held under ``address`` and what erasure would do to it, as plain data; changes nothing."""
        persons = [m.person for m in await self.find(address)]
        holdings, planned = await self.read(persons, as_of=as_of, language=language), await self.plan_erasure(persons, today=as_of.date())
        return {**holdings.to_json(), "erasure": exchange.plain_plan(planned)}

    async def check(self) -> tuple[Finding, ...]:
        """Everything in which the declaration and the databases do not fit together."""
        found = [await self._run(check.findings, database) for database in self._databases.values()]
        return tuple(f for each in found for f in each)

    async def _run(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(work, *args, **kwargs))

    async def _stepwise(self, work: Generator[_T]) -> AsyncGenerator[_T]:
        """What ``work`` yields; every step of it runs in the register's threads."""
        # A caller that is cancelled leaves a step under way in its thread: that one ends before the work is closed.
        one_at_a_time = Lock()

        def step() -> _T | None:
            with one_at_a_time:
                return next(work, None)

        def close() -> None:
            with one_at_a_time:
                work.close()

        try:
            while (found := await self._run(step)) is not None:
                yield found
        finally:
            await self._run(close)

    def _database(self, name: str) -> Database:
        if name not in self._databases:
            raise RegisterRefused("a person's database is no longer declared")
        return self._databases[name]

    def _builtin(self) -> Database:
        found = next((d for d in self._databases.values() if d.declared.builtin), None)
        if found is None:
            raise ConfigurationError(
                "databases", "none is builtin", "Import and export are for the built-in database; add [databases.customers] builtin = true"
            )
        return found

    def _notebook(self, database: Database) -> Database | None:
        """Where the journal of ``database`` is: in itself, or else in the first database that may hold one."""
        able = (d for d in self._databases.values() if d.declared.own_tables)
        return database if database.declared.own_tables else next(able, None)

    def _reading(self, database: str, work: Callable[..., _T], *args: Any) -> _T:
        with self._database(database).reading() as at:
            return work(at, *args)

    def _writing(self, database: str, work: Callable[[Open], _T]) -> _T:
        with self._database(database).writing() as at:
            return work(at)

    def _by_database(self, persons: Sequence[PersonKey]) -> list[tuple[Database, list[PersonKey]]]:
        names = dict.fromkeys(p.database for p in persons)
        return [(self._database(name), sorted({p for p in persons if p.database == name})) for name in names]

    def _find(self, address: str) -> tuple[Match, ...]:
        return tuple(m for name in self._databases for m in self._reading(name, lambda at: tuple(reading.find(at, address))))

    def _slices(self, persons: Sequence[PersonKey], language: Language) -> Generator[HeldTable]:
        for database, mine in self._by_database(persons):
            with database.reading() as at:
                journal = Journal(at.connection, database.name) if database.declared.own_tables else None
                yield from reading.slices(at, journal, self.declaration, mine, language)

    def _read(self, persons: Sequence[PersonKey], language: Language) -> list[HeldTable]:
        by_table = [list(slices) for _, slices in groupby(self._slices(persons, language), key=lambda held: (held.database, held.table))]
        return [replace(slices[0], rows=tuple(row for held in slices for row in held.rows)) for slices in by_table]

    def _names(self, recipients: Collection[str]) -> list[str]:
        return [r.name for key, r in self.declaration.recipients.items() if key in recipients]

    def _rectify(self, effect_id: str, person: PersonKey, changes: Sequence[Change]) -> Rectified:
        database = self._database(person.database)
        result = self._once(database, f"{effect_id}/{person.table}/{person.key}", partial(self._rectify_in, person, changes))
        current = self._reading(database.name, rectification.current, person, [c.column for c in changes])
        return replace(_as_rectified(result), current=current)

    def _rectified(self, effect_id: str) -> Rectified | None:
        for database in self._databases.values():
            if database.declared.own_tables:
                with database.reading() as at:
                    found = Journal(at.connection, database.name).result_below(f"{effect_id}/")
                if found is not None:
                    return _as_rectified(found)
        return None

    def _rectify_in(self, person: PersonKey, changes: Sequence[Change], at: Open, journal: Journal | None) -> Result:
        done = rectification.rectify(at, person, changes)
        if journal:
            journal.corrected(person.table, person.key, done.written)
        refused, recipients = list(done.rectified.refused), self._names(done.rectified.recipients)
        return {"changed": list(done.rectified.changed), "refused": refused, "outdated": done.rectified.outdated, "recipients": recipients}

    def _once(self, database: Database, effect_id: str, work: Callable[[Open, Journal | None], Result]) -> Result:
        """``work`` in one transaction with its result; a database without a journal repeats it, which changes nothing twice."""
        if not database.declared.own_tables:
            with database.writing() as at:
                return work(at, None)
        try:
            with database.writing() as at:
                journal = Journal(at.connection, database.name)
                return journal.once(effect_id, lambda: work(at, journal))
        except AlreadyDoneError:
            with database.reading() as at:
                return Journal(at.connection, database.name).result(effect_id) or {}

    def _plan(self, persons: Sequence[PersonKey], today: date) -> ErasurePlan:
        plans = [erasure.overview(d.name, self._reading(d.name, eraser.plans_of, mine, today)) for d, mine in self._by_database(persons)]
        return ErasurePlan(
            tables=tuple(t for p in plans for t in p.tables),
            erased=tuple(i for p in plans for i in p.erased),
            kept=tuple(i for p in plans for i in p.kept),
        )

    def _erase(self, effect_id: str, persons: Sequence[PersonKey], today: date) -> Erased:
        found = {d.name: mine for d, mine in self._by_database(persons)}
        results = [self._erase_in(d, effect_id, found.get(d.name, ()), today) for d in self._databases.values()]
        recipients = {key for r in results for key in r["recipients"]}
        return Erased(
            erased=tuple(eraser.item_of(i) for r in results for i in r["erased"]),
            kept=tuple(eraser.item_of(i) for r in results for i in r["kept"]),
            recipients=tuple(self._names(recipients)),
            due=tuple(sorted({date.fromisoformat(d) for r in results for d in r["due"]})),
        )

    def _erase_in(self, database: Database, effect_id: str, persons: Sequence[PersonKey], today: date) -> Result:
        """A database without persons is asked too: they may be gone because an earlier call with this id was killed after its commit."""
        notebook = self._notebook(database)
        if persons or notebook is None:
            return eraser.erase(database, notebook, effect_id, persons, today)
        with notebook.reading() as at:
            return Journal(at.connection, database.name).result(effect_id) or eraser.result_of(())

    def _sweep(self, today: date) -> int:
        noted = [(d, notebook) for d in self._databases.values() if (notebook := self._notebook(d)) is not None]
        return sum(eraser.sweep(database, notebook, today) for database, notebook in noted)

    def _add(self, table: str, rows: Sequence[Mapping[str, object]], database: str) -> int:
        with self._database(database or next(iter(self._databases))).writing() as at:
            if rows:
                at.add(table, rows)
        return len(rows)


def _as_rectified(result: Result) -> Rectified:
    return Rectified(
        changed=tuple(Column(c) for c in result["changed"]),
        refused=tuple((Column(c), Reason(r)) for c, r in result["refused"]),
        outdated=result["outdated"],
        recipients=tuple(result["recipients"]),
    )


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigurationError(
            "register.file", f"cannot be read ({type(error).__name__})", "Name the declaration of the register, or remove the setting"
        ) from None
    except ValueError as error:
        raise ConfigurationError("register.file", f"is not valid TOML: {error}", "Mend that line") from None


def _secret(file: Path, setting: str) -> str:
    try:
        return file.read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        raise ConfigurationError(setting, f"cannot be read ({type(error).__name__})", "Name a file that holds the URL") from None
