"""``privacy-desk init``: a settings file, keys, ledger and databases. Run it again at will: what exists is left as it is."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from worker.errors import ConfigurationError, LockHeld
from worker.settings import load
from worker.settings.kinds import quoted
from worker.settings.written import example, required

if TYPE_CHECKING:
    from worker.settings import Settings

_PASSWORDS: Final[Mapping[str, str]] = {"mailbox.password_file": "../secrets/mailbox", "smtp.password_file": "../secrets/smtp"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the new settings file shall hold: dotted name to value; ``interactive`` asks for what is missing."""

    path: Path
    given: Mapping[str, str]
    interactive: bool


async def init(asked: Asked, environment: Mapping[str, str]) -> int:
    """Make what is missing and say what was made and what is left to do. Returns the exit code."""
    if asked.path.exists():
        print(f"kept     {asked.path}")
    else:
        _write_settings(asked)
    settings = load(asked.path, environment)
    _make_keys(settings)
    _make_passwords(settings, interactive=asked.interactive)
    await _make_databases(settings)
    print(
        f"Next: `privacy-desk doctor --config {asked.path}` says what is still missing; `privacy-desk staff add` makes the first account."
    )
    return 0


def _write_settings(asked: Asked) -> None:
    values = dict(asked.given)
    for name, about in required().items():
        if name not in values:
            values[name] = _ask(name, about.meaning, about.example) if asked.interactive else ""
    if missing := [name for name, value in values.items() if not value]:
        wrong = [ConfigurationError(name, "is not known yet", f"Give {flag(name)}.") for name in missing]
        raise ConfigurationError(wrong[0].setting, wrong[0].problem, wrong[0].mend, tuple(wrong[1:]))
    values = {"smtp.user": values["mailbox.user"], **values, **_PASSWORDS}
    text = example({name: quoted(value) for name, value in values.items()})
    asked.path.parent.mkdir(parents=True, exist_ok=True)
    with asked.path.open("x", encoding="utf-8") as file:
        file.write(text)
    print(f"written  {asked.path}")


def flag(name: str) -> str:
    """The flag of ``init`` that gives the setting ``name``."""
    return "--" + name.replace(".", "-").replace("_", "-")


def _ask(name: str, meaning: str, shown: str) -> str:
    print(f"\n{meaning}\n  for example: {shown}")
    return input(f"{name}: ").strip()


def _make_keys(settings: Settings) -> None:
    from worker.store import make_key

    for path in (settings.keys.master_file, settings.keys.index_file):
        existed = path.exists()
        _folder(path.parent)
        make_key(path)
        print(f"{'kept    ' if existed else 'made    '} {path}")
    _folder(settings.ledger.file.parent)
    settings.ledger.file.touch(0o600)
    _folder(settings.data.folder)


def _folder(path: Path) -> None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(str(path), f"the folder cannot be made ({error.strerror})", "Make it for the desk's user.") from None


def _make_passwords(settings: Settings, *, interactive: bool) -> None:
    named = {f"mailbox {mailbox.name}": mailbox.password_file for mailbox in settings.mailbox}
    for name, path in (named | {"smtp": settings.smtp.password_file}).items():
        if path is None or path.exists():
            continue
        if interactive and sys.stdin.isatty():
            _folder(path.parent)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(getpass.getpass(f"Password of {name}: ") + "\n")
            print(f"written  {path}")
        else:
            print(f"missing  {path}: write the password of {name} into it, readable by the desk's user only")


async def _make_databases(settings: Settings) -> None:
    from worker import assembly

    try:
        await assembly.prepare(settings)
        print("ready    store and register")
    except LockHeld as held:
        async with assembly.opened(settings):
            print(f"kept     store and register: {held.holder} works on them")
