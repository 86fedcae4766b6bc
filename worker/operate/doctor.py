"""``privacy-desk doctor``: looks at everything the desk needs and says, line by line, what is wrong and how to mend it. Changes nothing."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from worker.errors import ConfigurationError, PrivacyDeskError, StoreUnavailable
from worker.mail.imap_folders import comes_by_itself
from worker.rules.deadline import HOLIDAYS
from worker.settings.checks import is_this_machine
from worker.settings.written import without_effect

if TYPE_CHECKING:
    from worker.mail.imap_folders import Folders
    from worker.mail.imap_settings import MailboxSettings
    from worker.mail.smtp_settings import SmtpSettings
    from worker.settings import Settings

_PATIENCE: Final = 20.0  # seconds for one server


@dataclass(frozen=True, slots=True)
class Line:
    """One thing looked at. ``mend`` is empty if it is right."""

    what: str
    said: str
    mend: str = ""

    def __str__(self) -> str:
        if not self.mend:
            return f"ok     {self.what}: {self.said}"
        return f"wrong  {self.what}: {self.said}. {self.mend}"


async def doctor(settings: Settings) -> int:
    """Print every line; exit code 1 if anything is wrong."""
    print(f"ok     settings: {settings.file or 'from the environment'}")
    wrong = 0
    async for line in _lines(settings):
        print(line)
        wrong += bool(line.mend)
    print("All is well." if not wrong else f"{wrong} to mend.")
    return 1 if wrong else 0


async def _lines(settings: Settings) -> AsyncIterator[Line]:
    for line in (*_later(settings), *_desk(settings), *_keys(settings), *_ledger(settings), *_policy(settings), *_letters(settings)):
        yield line
    for line in await asyncio.to_thread(_store, settings):
        yield line
    for line in await _register(settings):
        yield line
    for number in range(len(settings.mailbox)):
        yield await _mailbox(settings, number)
    yield await _relay("smtp", settings.smtp_settings)
    for number in range(len(settings.newsletter.relay)):
        yield await _relay(f"newsletter.relay.{number}", lambda: settings.relay_settings()[0])


def _later(settings: Settings) -> Iterator[Line]:
    for name in without_effect(settings):
        yield Line(name, "is not in this release: it changes nothing yet", "Remove it, and do not count on it.")
    stop = settings.newsletter.unsubscribe_mailbox
    if stop.lower() not in {settings.smtp.from_.lower(), *(mailbox.user.lower() for mailbox in settings.mailbox)}:
        yield Line(
            "newsletter.unsubscribe_mailbox",
            f"{stop} is the login of no mailbox above",
            "Read it with a [[mailbox]], or remove it: then mails saying stop come to the address of [smtp].",
        )


def _desk(settings: Settings) -> Iterator[Line]:
    desk = settings.desk
    now = datetime.now(UTC).astimezone(ZoneInfo(desk.timezone))
    yield Line("clock", f"{now:%Y-%m-%d %H:%M} in {desk.timezone}")
    if desk.country in HOLIDAYS:
        yield Line("holidays", f"those of {desk.country}")
    else:
        yield Line(
            "holidays",
            f"those of {desk.country} are not known",
            f"Only Saturdays and Sundays move a last day. Known: {', '.join(HOLIDAYS)}.",
        )
    host = desk.base_url.split("//", 1)[1].partition("/")[0].partition(":")[0]
    if is_this_machine(host) and not all(is_this_machine(m.host) for m in settings.mailbox):
        yield Line("links", f"{desk.base_url} opens on this machine only", "Set desk.base_url to the public address: customers follow it.")
    else:
        yield Line("links", f"begin with {desk.base_url}")


def _keys(settings: Settings) -> Iterator[Line]:
    from worker.store import read_key

    for name, path in (("keys.master_file", settings.keys.master_file), ("keys.index_file", settings.keys.index_file)):
        try:
            read_key(path, name)
        except ConfigurationError as error:
            yield Line(name, error.problem, error.mend)
            continue
        except OSError as error:
            yield Line(name, f"{path} cannot be read ({type(error).__name__})", "Give it to the desk's user.")
            continue
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield Line(name, f"{path} can be read by others", f"Type: chmod 600 {path}")
        else:
            yield Line(name, str(path))


def _ledger(settings: Settings) -> Iterator[Line]:
    from worker.store import Ledger

    path = settings.ledger.file
    if not path.parent.is_dir():
        yield Line("ledger", f"the folder {path.parent} does not exist", "Run `privacy-desk init`, or make it.")
        return
    try:
        lines = Ledger(path).last_number()
    except (PrivacyDeskError, OSError) as error:
        yield Line("ledger", str(error), "Restore the file from where it was last known to be whole.")
        return
    yield Line("ledger", f"{path}, {lines} lines")


def _policy(settings: Settings) -> Iterator[Line]:
    folder = settings.web.policy_folder or Path()
    missing = [str(folder / f"{language}.md") for language in settings.desk.languages if not (folder / f"{language}.md").is_file()]
    if missing:
        yield Line("privacy policy", f"missing: {', '.join(missing)}", "Write it: /privacy shows it, and every letter names it.")
    else:
        yield Line("privacy policy", f"{folder}, version {settings.web.policy_version}")


def _letters(settings: Settings) -> Iterator[Line]:
    from worker.mail.letters import Letters

    try:
        Letters(settings.card(), settings.desk.templates)
    except ConfigurationError as error:
        yield Line("letters", f"{error.setting}: {error.problem}", error.mend)
        return
    yield Line("letters", "complete in every language")


def _store(settings: Settings) -> Iterator[Line]:
    from worker import assembly

    try:
        store = assembly.open_store(settings, assembly.SystemClock())
    except ConfigurationError as error:
        return iter([Line("store", f"{error.setting} is wrong", error.mend)])
    try:
        store.require_current()
    except ConfigurationError as error:
        return iter([Line("store", error.problem, error.mend)])
    except StoreUnavailable as error:
        return iter([Line("store", str(error), "Start the database, or mend store.url.")])
    finally:
        store.close()
    return iter([Line("store", "answers, with this release's tables")])


async def _register(settings: Settings) -> list[Line]:
    from worker.register.register import Register

    try:
        register = Register.open(settings.register_settings())
    except ConfigurationError as error:
        return [Line(error.setting, error.problem, error.mend)]
    try:
        found = await register.check()
    except PrivacyDeskError as error:
        return [Line("register", str(error), "Start the database, or mend its URL.")]
    finally:
        register.close()
    return [Line(f.setting, f.problem, f.mend) for f in found] or [Line("register", "the declaration and the databases fit together")]


async def _mailbox(settings: Settings, number: int) -> Line:
    what = f"mailbox {settings.mailbox[number].name}"
    try:
        return _readable(what, number, await _folders(settings.mailbox_settings()[number]))
    except ConfigurationError as error:
        return Line(what, f"{error.setting}: {error.problem}", error.mend)
    except (PrivacyDeskError, OSError, TimeoutError) as error:
        return Line(what, str(error) or "does not answer", f"Look at mailbox.{number}: host, port, tls, user, password_file.")


def _readable(what: str, number: int, folders: Folders) -> Line:
    """A missing Junk is no fault: servers make it with the first spam, and it is read from then on."""
    absent = [name for name in folders.missing if not comes_by_itself(name)]
    said = f"logged in, folders {', '.join(folders.found) or 'none'}"
    if absent or not folders.found:
        mend = f"Make it on the server, or mend mailbox.{number}.folders: until it is there, no mail of it is read."
        return Line(what, f"{said}; not there: {', '.join(folders.missing)}", mend)
    return Line(what, said + (f"; not there yet, read as soon as it is: {', '.join(folders.missing)}" if folders.missing else ""))


async def _folders(mailbox: MailboxSettings) -> Folders:
    from worker.mail.imap import Mailbox

    box = Mailbox(mailbox)
    async with asyncio.timeout(_PATIENCE):
        await box.connect()
        try:
            return await box.folders()
        finally:
            await box.close()


async def _relay(name: str, settings: Callable[[], SmtpSettings]) -> Line:
    import ssl

    from worker.mail.smtp_connection import Connection, SmtpError

    try:
        smtp = settings()
        context = None if smtp.tls == "none" else ssl.create_default_context(cafile=smtp.ca_file)
        async with asyncio.timeout(_PATIENCE):
            connection = await Connection.open(smtp, context)
            await connection.quit()
    except ConfigurationError as error:
        return Line(name, f"{error.setting}: {error.problem}", error.mend)
    except (PrivacyDeskError, SmtpError, OSError, TimeoutError) as error:
        return Line(name, str(error) or "does not answer", f"Look at {name}: host, port, tls, ca_file, user, password_file.")
    return Line(name, f"{smtp.host} takes our greeting")
