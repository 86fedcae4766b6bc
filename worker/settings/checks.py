"""What only several settings together, or the world, can show to be wrong."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from worker.errors import ConfigurationError
from worker.mail.imap_settings import PROCESSED, is_processed
from worker.settings.kinds import duration_text
from worker.settings.tree import After, MailboxSection, RelaySection, Sections, SmtpSection, Tls

#: Whether what stands at these dotted names was meant; what stands in for a wrong setting says nothing about another one.
Sound = Callable[..., bool]


def problems(tree: Sections, sound: Sound) -> Iterator[ConfigurationError]:
    """Every fault that the tree has as a whole, as far as its settings are ``sound`` by themselves."""
    yield from _desk(tree, sound)
    yield from _mailboxes(tree, sound)
    yield from _connection("smtp", tree.smtp, sound)
    yield from _relays(tree, sound)
    yield from _places(tree)
    yield from _pages(tree, sound)
    yield from _policy(tree, sound)
    if tree.lmtp.listen is not None or tree.lmtp.peers:
        yield ConfigurationError(
            "lmtp", "delivery by LMTP is not part of this release yet", "Remove [lmtp] and let the desk read a [[mailbox]]."
        )


def _desk(tree: Sections, sound: Sound) -> Iterator[ConfigurationError]:
    desk = tree.desk
    url = urlsplit(desk.base_url)
    if sound("desk.base_url") and url.scheme == "http" and not is_this_machine(url.hostname or ""):
        yield ConfigurationError(
            "desk.base_url", f"with {desk.base_url!r} links in letters would open without TLS", f"Write https://{url.netloc}{url.path}."
        )
    if sound("desk.languages") and (not desk.languages or len(set(desk.languages)) != len(desk.languages)):
        named = ", ".join(desk.languages)
        yield ConfigurationError(
            "desk.languages", f"[{named}] names no language, or one twice", 'Write for example ["nl", "fr", "en", "de"].'
        )
    if not _is_zone(desk.timezone):
        yield ConfigurationError(
            "desk.timezone",
            f"{desk.timezone!r} is no time zone of this machine",
            'Write an IANA name such as "Europe/Brussels", or install tzdata.',
        )
    yield from _folder("desk.templates", desk.templates, "Make it, or remove the setting to use our wording alone.")


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError; a folder's name raises an OSError
        return False
    return True


def _mailboxes(tree: Sections, sound: Sound) -> Iterator[ConfigurationError]:
    if not tree.mailbox and sound("mailbox"):
        yield ConfigurationError("mailbox", "there is none to read", "Write a section [[mailbox]] with name, host and user.")
    names = [mailbox.name for mailbox in tree.mailbox]
    for number, mailbox in enumerate(tree.mailbox):
        at = f"mailbox.{number}"
        if names.index(mailbox.name) != number and sound(f"{at}.name", f"mailbox.{names.index(mailbox.name)}.name"):
            yield ConfigurationError(f"{at}.name", f"{mailbox.name!r} stands twice", "Give each mailbox a name of its own.")
        if not mailbox.folders or not all(folder.strip() for folder in mailbox.folders):
            yield ConfigurationError(
                f"{at}.folders", f"{list(mailbox.folders)} names no folder, or one without a name", 'Write ["INBOX", "Junk"].'
            )
        if mailbox.after is After.MOVE and any(is_processed(folder) for folder in mailbox.folders):
            yield ConfigurationError(
                f"{at}.folders",
                f"names {PROCESSED}, where each stored mail is moved: it would be fetched from there for ever",
                'Leave it out, or write after = "keep".',
            )
        yield from _connection(at, mailbox, sound)


def _connection(name: str, section: MailboxSection | SmtpSection | RelaySection, sound: Sound) -> Iterator[ConfigurationError]:
    if section.tls is Tls.NONE and sound(f"{name}.tls", f"{name}.host") and not is_this_machine(section.host):
        yield ConfigurationError(
            f"{name}.tls", f'"none" to {section.host}: password and mails would travel in the clear', 'Write "implicit" or "starttls".'
        )
    secrets = (f"{name}.user", f"{name}.password", f"{name}.password_file")
    if section.user and section.password_file is None and not section.password and sound(*secrets):
        mend = f"Name the file that holds it, or set PRIVACY_DESK__{name.replace('.', '__').upper()}__PASSWORD."
        yield ConfigurationError(f"{name}.password_file", "is missing", mend)
    yield from _file(f"{name}.ca_file", section.ca_file, "Write the certificates there, or remove the setting to trust the system's.")


def _relays(tree: Sections, sound: Sound) -> Iterator[ConfigurationError]:
    relays = tree.newsletter.relay
    for number, relay in enumerate(relays):
        yield from _connection(f"newsletter.relay.{number}", relay, sound)
    if len(relays) > 1:
        yield ConfigurationError(
            "newsletter.relay", f"{len(relays)} of them: more than one is not part of this release yet", "Keep one [[newsletter.relay]]."
        )


def _places(tree: Sections) -> Iterator[ConfigurationError]:
    data = tree.data.folder
    outside = {"keys.master_file": tree.keys.master_file, "keys.index_file": tree.keys.index_file, "ledger.file": tree.ledger.file}
    for name, path in outside.items():
        if path.is_relative_to(data):
            yield ConfigurationError(name, f"lies in the data folder {data}", "Put it elsewhere: a copy of the data must not hold it.")
    if tree.keys.master_file == tree.keys.index_file:
        yield ConfigurationError("keys.index_file", "is the master key's file", "Give each key a file of its own.")
    yield from _file("register.file", tree.register.file, "Write it, or remove the setting to use the built-in register alone.")
    yield from _folder("web.policy_folder", tree.web.policy_folder, "Make it, with one Markdown file per language.")


def _file(name: str, path: Path | None, mend: str) -> Iterator[ConfigurationError]:
    if path is not None and not path.is_file():
        yield ConfigurationError(name, f"{path} is no file", mend)


def _folder(name: str, path: Path | None, mend: str) -> Iterator[ConfigurationError]:
    if path is not None and not path.is_dir():
        yield ConfigurationError(name, f"{path} is no folder", mend)


def _pages(tree: Sections, sound: Sound) -> Iterator[ConfigurationError]:
    web = tree.web
    if web.staff_listen == web.listen and web.listen.port and sound("web.listen", "web.staff_listen"):
        yield ConfigurationError(
            "web.staff_listen",
            f"{web.listen} is that of the public pages",
            "Give it a port of its own, or remove it: then staff are at /desk.",
        )


def _policy(tree: Sections, sound: Sound) -> Iterator[ConfigurationError]:
    days = tree.policy.reminders
    if sound("policy.reminders") and (list(days) != sorted(set(days)) or timedelta(0) in days):
        written = ", ".join(duration_text(each) for each in days)
        yield ConfigurationError(
            "policy.reminders", f"[{written}] is not in order", 'Write each later than the one before: ["3 days", "7 days"].'
        )


def is_this_machine(host: str) -> bool:
    """True for localhost and the loopback addresses."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
