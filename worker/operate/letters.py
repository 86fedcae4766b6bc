"""``privacy-desk letters preview``: every letter as it will look, with invented values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from worker.errors import ConfigurationError
from worker.mail.letters import Letters
from worker.rules.letters import (
    LETTERS,
    Answer,
    AnyLetter,
    Confirm,
    ConfirmNewAddress,
    Corrected,
    CorrectionOutdated,
    Erased,
    ErasurePlanned,
    Expired,
    Extended,
    FreshCode,
    HeldNote,
    Item,
    NothingHeld,
    OptIn,
    PackageReady,
    Reason,
    Refused,
    Unsubscribed,
    Withdrawn,
)
from worker.rules.mail import Address, OutboundMail
from worker.rules.model import Column, Language, Right

if TYPE_CHECKING:
    from worker.settings import Settings

_REFERENCE: Final = "PD-2026-000123"
_MOMENT: Final = datetime(2026, 12, 14, 9, 30, tzinfo=UTC)
_DAY: Final = date(2026, 12, 28)
_CODE: Final = "K7MP4R"


def samples(base_url: str) -> tuple[AnyLetter, ...]:
    """One of each letter."""
    link, not_me = f"{base_url}/c/example", f"{base_url}/r/example"
    linked: dict[str, Any] = {"link": link, "not_me": not_me, "code": _CODE, "expires": _MOMENT}
    kept = (Item("invoices", 3, Reason.TAX_LAW, date(2034, 12, 31)),)
    return (
        Confirm(_REFERENCE, rights=(Right.ACCESS, Right.CORRECTION), changes=(Column.TELEPHONE, Column.STREET), legal_due=_DAY, **linked),
        FreshCode(_REFERENCE, **linked),
        ConfirmNewAddress(_REFERENCE, **linked),
        Unsubscribed(_REFERENCE, preferences=f"{base_url}/p/example"),
        PackageReady(_REFERENCE, link=f"{base_url}/d/example", code=_CODE, expires=_MOMENT),
        NothingHeld(_REFERENCE, rights=(Right.ACCESS,)),
        Corrected(_REFERENCE, changed=(Column.TELEPHONE,), refused=((Column.FAX, Reason.VALUE_REFUSED),)),
        CorrectionOutdated(_REFERENCE, **linked),
        ErasurePlanned(_REFERENCE, at=_MOMENT, cancel=not_me),
        Erased(_REFERENCE, erased=(Item("customers"), Item("subscriptions", 2)), kept=kept),
        Withdrawn(_REFERENCE, rights=(Right.DELETION,), not_me=False),
        Expired(_REFERENCE, rights=(Right.ACCESS,), link=link),
        Refused(_REFERENCE, rights=(Right.DELETION,), reason=Reason.LEGAL_CLAIM, explanation="..."),
        HeldNote(_REFERENCE, legal_due=_DAY),
        HeldNote(_REFERENCE, legal_due=_DAY, needs_button=True),
        Answer(_REFERENCE, words="..."),
        Extended(_REFERENCE, rights=(Right.ACCESS,), new_due=date(2027, 2, 26), explanation="..."),
        OptIn(_REFERENCE, topics=("news",), link=f"{base_url}/o/example", expires=_MOMENT),
    )


def preview(settings: Settings, name: str, languages: Sequence[Language], folder: Path | None) -> int:
    """Print the letter ``name`` (empty: all), or write text and HTML of each to ``folder``."""
    known = [letter.name for letter in LETTERS]
    if name and name not in known:
        raise ConfigurationError(name, "is no letter", f"Known: {', '.join(known)}.")
    for path, mail in _rendered(settings, name, languages):
        if folder is None:
            print(f"=== {path}\nSubject: {mail.subject}\n\n{mail.text}")
            continue
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{path}.txt").write_text(f"Subject: {mail.subject}\n\n{mail.text}", "utf-8")
        (folder / f"{path}.html").write_text(mail.html, "utf-8")
        print(folder / f"{path}.html")
    return 0


def _rendered(settings: Settings, name: str, languages: Sequence[Language]) -> Iterator[tuple[str, OutboundMail]]:
    card = settings.card()
    letters = Letters(card, settings.desk.templates)
    for letter in samples(card.base_url):
        for language in languages if name in {"", letter.name} else ():
            to = Address("ann@example.com", "Ann Example")
            yield f"{letter.name}.{language}", letters.render(letter, language, to=to, message_id="<preview@example.com>")
