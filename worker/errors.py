"""Every error that Privacy Desk raises itself.

::

    PrivacyDeskError
    ├── ConfigurationError      a setting is wrong: the start stops, exit 2
    ├── NotBuiltYet             a command of a later release, exit 2
    ├── LockHeld                another process holds the engine, exit 75
    ├── TemporaryError          the same call may succeed later
    │   ├── MailboxUnavailable
    │   ├── RelayUnavailable
    │   ├── StoreUnavailable
    │   └── RegisterUnavailable
    ├── PermanentError          the same call will fail again
    │   ├── UnreadableMail
    │   ├── RelayRefused
    │   └── RegisterRefused
    └── EvidenceError           what we kept does not fit together
        ├── AuditBroken
        ├── SealBroken
        └── StoreRestored

Messages name settings, references and ids, never personal data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class PrivacyDeskError(Exception):
    """Base of every error of this package."""


class ConfigurationError(PrivacyDeskError):
    """A setting is unknown, missing or wrong.

    ``setting`` is its dotted name, ``problem`` what is wrong (without the value if that is secret),
    ``mend`` what to type instead. ``also`` holds the other faults that were found at the same time; the message is
    one line for each.
    """

    def __init__(self, setting: str, problem: str, mend: str, also: tuple[ConfigurationError, ...] = ()) -> None:
        super().__init__("\n".join([f"{setting}: {problem}. {mend}", *(str(other) for other in also)]))
        self.setting = setting
        self.problem = problem
        self.mend = mend
        self.also = also

    @classmethod
    def of(cls, faults: Sequence[ConfigurationError]) -> ConfigurationError:
        """One error for all of them, of which there is at least one."""
        every = {(one.setting, one.problem, one.mend): None for fault in faults for one in (fault, *fault.also)}
        first, *others = (cls(*one) for one in every)
        return cls(first.setting, first.problem, first.mend, tuple(others))


def together(*makes: Callable[[], Any]) -> tuple[Any, ...]:
    """What each of them makes. Raises one ConfigurationError for all that is wrong, not for the first fault alone."""
    made: list[Any] = []
    faults: list[ConfigurationError] = []
    for make in makes:
        try:
            made.append(make())
        except ConfigurationError as error:
            faults.append(error)
    if faults:
        raise ConfigurationError.of(faults)
    return tuple(made)


class NotBuiltYet(PrivacyDeskError):
    """A documented command that this release does not carry out."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is not part of this release yet")
        self.what = what


class LockHeld(PrivacyDeskError):
    """Another process holds the engine lock; ``holder`` says which."""

    def __init__(self, holder: str) -> None:
        super().__init__(f"the engine is held by {holder}")
        self.holder = holder


class TemporaryError(PrivacyDeskError):
    """The same call may succeed later."""


class MailboxUnavailable(TemporaryError):
    """The IMAP server did not answer, closed the connection or refused the login for now."""


class RelayUnavailable(TemporaryError):
    """The SMTP server could not be reached, or answered 4xx. ``answered``: it is well, and only does not want this message now."""

    def __init__(self, problem: str, *, answered: bool = False) -> None:
        super().__init__(problem)
        self.answered = answered


class StoreUnavailable(TemporaryError):
    """The desk's own database did not answer."""


class RegisterUnavailable(TemporaryError):
    """A database of the register did not answer."""


class PermanentError(PrivacyDeskError):
    """The same call will fail again."""


class UnreadableMail(PermanentError):
    """A mail is beyond the bounds of the parser; ``reason`` is a stable code such as ``too-deep``."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"unreadable mail: {reason}")
        self.reason = reason


class RelayRefused(PermanentError):
    """The SMTP server answered 5xx; ``code`` is the reply code, ``enhanced`` such as ``5.1.1`` or empty.

    ``words`` are the server's own, which may name the recipient: they are no part of the message.
    """

    def __init__(self, code: int, enhanced: str = "", words: str = "") -> None:
        super().__init__(f"relay refused: {code} {enhanced}".rstrip())
        self.code = code
        self.enhanced = enhanced
        self.words = words or enhanced


class RegisterRefused(PermanentError):
    """A database of the register refused a change (a constraint, a missing right)."""


class EvidenceError(PrivacyDeskError):
    """What was kept does not fit together."""


class AuditBroken(EvidenceError):
    """The audit chain has a changed, missing or added entry; the message says where."""


class SealBroken(EvidenceError):
    """A sealed value cannot be opened: its key was destroyed, or the bytes were changed."""


class StoreRestored(EvidenceError):
    """The store is behind its ledger: it was restored from a backup."""
