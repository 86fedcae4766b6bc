"""One or more samples of every letter: enough that each branch of each template is taken."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final

from worker.rules.letters import (
    Answer,
    AnyLetter,
    Confirm,
    ConfirmNewAddress,
    Corrected,
    CorrectionOutdated,
    DeskCard,
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
from worker.rules.model import Column, Right

CARD: Final = DeskCard(
    company="Voorbeeld IT",
    address="Voorbeeldstraat 1, 9000 Gent",
    contact="privacy@example.com",
    base_url="https://privacy.example.com",
    authority="Gegevensbeschermingsautoriteit",
    authority_url="https://www.gegevensbeschermingsautoriteit.be",
    policy_version="2026-01",
    timezone="Europe/Brussels",
    country="BE",
)
REFERENCE: Final = "PD-2026-000123"
CODE: Final = "7KQ2MX"
LINK: Final = f"{CARD.base_url}/c/Zq3-x_1kTTf8bD5nU0yV7wQ2mLrJhGc9sEaPoXiB4Kt"
NOT_ME: Final = f"{CARD.base_url}/r/aH7_v-2mQYt5cR9pW1kXzN4sLfUjEb8gDoIi6yBrTqM"
EXPIRES: Final = datetime(2026, 12, 1, 13, 30, tzinfo=UTC)  # 14:30 in Brussels
DUE: Final = date(2026, 12, 28)
TWO: Final = (Right.ACCESS, Right.CORRECTION)
ALL: Final = tuple(Right)
KEPT: Final = (
    Item("invoice", 3, Reason.TAX_LAW, date(2036, 12, 31)),
    Item("contract", 1, Reason.CONTRACT),
    Item("request_file", 1, Reason.REQUEST_FILE, date(2029, 12, 1)),
    Item("loyalty cards", 2, Reason.LEGAL_CLAIM, date(2027, 3, 1)),
)
GONE: Final = (Item("customer"), Item("subscription", 2), Item("mail", 1), Item("letter", 4))
RECIPIENTS: Final = ("Hosting Partner (example.org)", "Boekhoudkantoor Test")


def _confirm(*, rights: tuple[Right, ...] = TWO, code: str = CODE, reminder: int = 0, by_mail: bool = True) -> Confirm:
    changes = (Column.TELEPHONE, Column.STREET) if Right.CORRECTION in rights else ()
    return Confirm(
        REFERENCE,
        rights=rights,
        changes=changes,
        link=LINK,
        not_me=NOT_ME,
        code=code,
        expires=EXPIRES,
        legal_due=DUE,
        reminder=reminder,
        by_mail=by_mail,
    )


#: The first sample of each letter is the full one; the required elements are checked on it.
SAMPLES: Final[dict[str, tuple[AnyLetter, ...]]] = {
    "confirm": (
        _confirm(),
        _confirm(rights=(Right.ACCESS,), code=""),
        _confirm(rights=ALL, by_mail=False),
        *(_confirm(reminder=number, by_mail=number != 2) for number in (1, 2, 3)),
    ),
    "fresh_code": (FreshCode(REFERENCE, link=LINK, not_me=NOT_ME, code=CODE, expires=EXPIRES),),
    "confirm_new_address": (ConfirmNewAddress(REFERENCE, link=LINK, not_me=NOT_ME, code=CODE, expires=EXPIRES),),
    "unsubscribed": (Unsubscribed(REFERENCE, preferences=LINK),),
    "package_ready": (
        PackageReady(REFERENCE, link=LINK, code=CODE, expires=EXPIRES, deletion_follows=True),
        PackageReady(REFERENCE, link=LINK, code=CODE, expires=EXPIRES),
    ),
    "nothing_held": (NothingHeld(REFERENCE, rights=TWO),),
    "corrected": (
        Corrected(
            REFERENCE,
            changed=(Column.TELEPHONE, Column.TOWN),
            refused=((Column.FUNCTION, Reason.SENSITIVE), (Column.EMAIL, Reason.ADDRESS_TAKEN)),
            recipients=RECIPIENTS,
        ),
        Corrected(REFERENCE, changed=(Column.FAX,), refused=()),
        Corrected(REFERENCE, changed=(), refused=((Column.NAME, Reason.VALUE_REFUSED),)),
    ),
    "correction_outdated": (CorrectionOutdated(REFERENCE, link=LINK, not_me=NOT_ME, code=CODE, expires=EXPIRES),),
    "erasure_planned": (
        ErasurePlanned(REFERENCE, at=EXPIRES, cancel=LINK, after_package=True),
        ErasurePlanned(REFERENCE, at=EXPIRES, cancel=LINK),
    ),
    "erased": (
        Erased(REFERENCE, erased=GONE, kept=KEPT, recipients=RECIPIENTS),
        Erased(REFERENCE, erased=GONE, kept=()),
        Erased(REFERENCE, erased=(), kept=KEPT[:1]),
    ),
    "withdrawn": (Withdrawn(REFERENCE, rights=TWO, not_me=True), Withdrawn(REFERENCE, rights=TWO, not_me=False)),
    "expired": (Expired(REFERENCE, rights=TWO, link=LINK),),
    "refused": (
        Refused(REFERENCE, rights=(Right.DELETION,), reason=Reason.CONTRACT, explanation="2026/0042."),
        *(Refused(REFERENCE, rights=(Right.DELETION,), reason=reason, explanation="") for reason in Reason),
    ),
    "held_note": (HeldNote(REFERENCE, legal_due=DUE, needs_button=True), HeldNote(REFERENCE, legal_due=DUE)),
    "answer": (Answer(REFERENCE, words="0042.\n\n- 1\n- 2"),),
    "extended": (
        Extended(REFERENCE, rights=TWO, new_due=DUE, explanation="2026/0042."),
        Extended(REFERENCE, rights=TWO, new_due=DUE, explanation=""),
    ),
    "opt_in": (OptIn(REFERENCE, topics=("Hosting", "Software"), link=LINK, expires=EXPIRES),),
}
