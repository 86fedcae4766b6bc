"""How each kind of sample mail must end; looked up in the register, the store and the letters, not in what the desk says of itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from worker.demo.mails import Kind, SampleMail
from worker.register.values import normalise
from worker.rules.model import Column, MailState, RequestState, Right
from worker.store.look import SeenCase, SeenMail

_DONE: Final = frozenset({RequestState.FULFILLED, RequestState.PARTLY_REFUSED})
#: What nothing makes a company keep: gone after every erasure. The rest of a row may stay with a contract.
_GONE: Final = (Column.TELEPHONE, Column.MOBILE, Column.FAX, Column.FUNCTION, Column.OFFICE)
#: The state in which a mail of these kinds ends; all others open a case.
_STATE: Final[Mapping[Kind, MailState]] = {
    Kind.UNCLEAR: MailState.HELD, Kind.NEGATED: MailState.HELD, Kind.AUTOMATIC: MailState.MACHINE, Kind.BROKEN: MailState.QUARANTINED,
}  # fmt: skip
_LETTERS: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.ACCESS: ("confirm", "package_ready"), Kind.CORRECTION: ("confirm", "corrected"), Kind.DELETION: ("confirm", "erasure_planned", "erased"),
    Kind.UNSUBSCRIBE: ("unsubscribed",), Kind.UNCLEAR: ("held_note",), Kind.NEGATED: ("held_note",), Kind.STRANGER: ("confirm", "nothing_held"),
    Kind.AUTOMATIC: (), Kind.BROKEN: (),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of one sample mail. ``before`` and ``after`` are the customer's row in the register; None: there is none."""

    sample: SampleMail
    mail: SeenMail | None
    case: SeenCase | None
    before: Mapping[str, str] | None = field(repr=False)
    after: Mapping[str, str] | None = field(repr=False)
    package: Mapping[str, Any] | None = field(repr=False)
    letters: tuple[str, ...]
    suppressed: bool

    def state(self, right: Right) -> RequestState | None:
        """Where the request for ``right`` ended."""
        return dict(self.case.requests).get(right) if self.case else None


def changed(ended: Ended) -> str:
    """What changed for the customer, in words."""
    parts: list[str] = []
    if ended.before is not None and ended.before != ended.after:
        columns = [name for name, value in ended.before.items() if (ended.after or {}).get(name) != value]
        parts.append("erased" if ended.after is None else ", ".join(f"{name} {'new' if ended.after[name] else 'gone'}" for name in columns))
    if ended.package is not None:
        parts.append(f"package of {sum(len(table['rows']) for table in ended.package['tables'])} rows")
    if ended.suppressed:
        parts.append("no newsletters")
    return "; ".join(parts) or "nothing"


def faults(ended: Ended) -> list[str]:
    """In what the end is not as it must be; empty if all is well."""
    return list(_faults(ended))


def _faults(ended: Ended) -> Iterator[str]:
    sample = ended.sample
    wanted = _STATE.get(sample.kind, MailState.CASE)
    if ended.mail is None:
        yield "the mail was not read"
        return
    if ended.mail.state is not wanted:
        yield f"the mail is {ended.mail.state} ({', '.join(ended.mail.reasons)}), not {wanted}"
        return
    rights = sample.rights if wanted is MailState.CASE else ()
    if ended.case is not None and {right for right, _ in ended.case.requests} != set(rights):
        yield f"understood {', '.join(right for right, _ in ended.case.requests)}"
    names = _LETTERS.get(sample.kind)
    if names is not None and ended.letters != names:
        yield f"letters: {', '.join(ended.letters) or 'none'}"
    yield from _consequences(ended, frozenset(rights) if sample.kind not in {Kind.FORGED, Kind.SHARED, Kind.STRANGER} else frozenset())


def _consequences(ended: Ended, rights: frozenset[Right]) -> Iterator[str]:
    """What the rights must have brought about, and that nothing else happened."""
    for right in rights:
        if ended.state(right) not in _DONE:
            yield f"{right} is {ended.state(right)}"
    yield from _record_faults(ended, rights)
    if (Right.ACCESS in rights) is not (ended.package is not None):
        yield "a package that nobody may have" if ended.package else "no package"
    if Right.ACCESS in rights and ended.package is not None:
        yield from _package_faults(ended.package, ended.before or {})
    if bool(rights & {Right.UNSUBSCRIBE, Right.DELETION}) is not ended.suppressed:
        yield "newsletters stopped" if ended.suppressed else "newsletters go on"
    match ended.sample.kind:
        case Kind.FORGED if ended.state(Right.DELETION) is not RequestState.WITHDRAWN:
            yield "not stopped by its owner"
        case Kind.SHARED if ended.case is None or ended.case.held is None:
            yield "not held for a person"
        case Kind.NEW_ADDRESS if ended.letters.count("confirm_new_address") != 1:
            yield "the new address was not asked"
        case _:
            pass


def _record_faults(ended: Ended, rights: frozenset[Right]) -> Iterator[str]:
    before, after = ended.before, ended.after
    if before is None:
        return
    if Right.DELETION in rights:
        runs = ended.sample.customer is not None and any(row["ended_on"] is None for row in ended.sample.customer.contracts)
        if after is not None and (not runs or any(after[column] for column in _GONE)):
            yield "not erased"
        return
    changes = (
        {column.value: normalise(column, value) for column, value in ended.sample.changes.items()} if Right.CORRECTION in rights else {}
    )
    if after is None:
        yield "erased"
        return
    wrong = [name for name, value in {**before, **changes}.items() if after.get(name) != value]
    if wrong:
        yield f"on record otherwise: {', '.join(wrong)}"


def _package_faults(package: Mapping[str, Any], before: Mapping[str, str]) -> Iterator[str]:
    """Everything on record stands in the package, and nobody else's number."""
    held = json.dumps(package, ensure_ascii=False)
    missing = [
        name
        for name, value in before.items()
        if value and name in {c.value for c in Column} and json.dumps(value, ensure_ascii=False) not in held
    ]
    if missing:
        yield f"the package lacks {', '.join(missing)}"
    if not before.get("customer_number") or held.count('"K-') != held.count(f'"{before["customer_number"]}"'):
        yield "the package shows somebody else"
