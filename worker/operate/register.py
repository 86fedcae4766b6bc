"""``privacy-desk register ...``: the declaration of the customers' data, checked and shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from worker.errors import ConfigurationError
from worker.operate.files import private
from worker.register.exchange import Format, parse, written
from worker.rules.audit import Event
from worker.rules.mail import Address
from worker.store import audit

if TYPE_CHECKING:
    from worker.casework.desk import Desk
    from worker.rules.model import Language


async def check(desk: Desk) -> int:
    """Print every place where declaration and databases do not fit together; exit code 1 if there is one."""
    found = await desk.register.check()
    for finding in found:
        print(f"wrong  {finding.setting}: {finding.problem}. {finding.mend}")
    if not found:
        print("the declaration and the databases fit together")
    return 1 if found else 0


async def show(desk: Desk, address: str, language: Language) -> int:
    """Print as JSON what is held under ``address`` and what an erasure would do; the look is written to the audit log."""
    person = desk.store.vault.person(address)
    await desk.store.run(audit.record, audit.DESK, Event.DATA_READ, "command", {"person": person[:16], "by": "register show"})
    found = await desk.register.show(address, as_of=desk.clock.now(), language=language)
    print(json.dumps(found, ensure_ascii=False, indent=2, default=str))
    return 0


async def take_in(desk: Desk, path: Path, *, origin: str, yes: bool) -> int:
    """Add the customers of a CSV or JSON file, all or none; who was erased does not come back. Without ``yes`` it is only tried."""
    rows = parse(_text(path), _format(path))
    erased = {line["person"] for line in desk.store.ledger.entries() if line["what"] == "erased"}
    result = await desk.register.import_rows(
        rows,
        is_erased=lambda email: desk.store.vault.person(Address(email).key) in erased,
        origin=origin,
        recorded_at=desk.clock.now(),
        dry_run=not yes,
    )
    print(f"{result.added:>7} new\n{result.known:>7} on record already\n{result.erased:>7} erased before: left out")
    for number, column, problem in result.refused:
        print(f"refused  row {number}: {column} {problem}")
    if result.refused:
        print("nothing was changed: mend the file first")
    elif not yes:
        print("nothing was changed: add --yes to do it")
    return 1 if result.refused else 0


async def give_out(desk: Desk, path: Path) -> int:
    """Write every customer to a new CSV or JSON file that only its owner may read; the look is written to the audit log."""
    kind = _format(path)
    rows = await desk.register.export_rows()
    await desk.store.run(audit.record, audit.DESK, Event.DATA_READ, "command", {"count": len(rows), "by": "register export"})
    with private(path) as file:
        file.write(written(rows, kind))
    print(f"{len(rows)} customers are in {path}")
    return 0


def _format(path: Path) -> Format:
    for kind in Format:
        if path.suffix.lower() == f".{kind}":
            return kind
    raise ConfigurationError(str(path), "is of no known kind", f"Its name must end in {' or '.join(f'.{kind}' for kind in Format)}.")


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(str(path), f"cannot be read ({type(error).__name__})", "Name a file in UTF-8.") from None
