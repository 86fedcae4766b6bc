"""``privacy-desk register ...``: the declaration of the customers' data, checked and shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from worker.rules.audit import Event
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
