"""What only several settings together, or the world, can show to be wrong."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from worker.errors import ConfigurationError
from worker.mail.imap_settings import PROCESSED, is_processed
from worker.settings.tree import After, MailboxSection, RelaySection, Sections, SmtpSection, Tls


def problems(tree: Sections) -> Iterator[ConfigurationError]:
    """Every fault that the tree has as a whole."""
    yield from _desk(tree)
    yield from _mailboxes(tree)
    yield from _connection("smtp", tree.smtp)
    for number, relay in enumerate(tree.newsletter.relay):
        yield from _connection(f"newsletter.relay.{number}", relay)
    yield from _places(tree)
    if tree.lmtp.listen is not None or tree.lmtp.peers:
        yield ConfigurationError(
            "lmtp", "delivery by LMTP is not part of this release yet", "Remove [lmtp] and let the desk read a [[mailbox]]."
        )


def _desk(tree: Sections) -> Iterator[ConfigurationError]:
    desk = tree.desk
    url = urlsplit(desk.base_url)
    if url.scheme not in {"http", "https"} or not url.hostname:
        yield ConfigurationError(
            "desk.base_url", f"{desk.base_url!r} is no web address", "Write https://, the name of the host, and nothing behind it."
        )
    elif url.scheme == "http" and not is_this_machine(url.hostname):
        yield ConfigurationError("desk.base_url", "links in letters would open without TLS", f"Write https://{url.netloc}{url.path}.")
    if not desk.languages or len(set(desk.languages)) != len(desk.languages):
        yield ConfigurationError("desk.languages", "names no language, or one twice", 'Write for example ["nl", "fr", "en", "de"].')
    try:
        ZoneInfo(desk.timezone)
    except (ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError on some systems, hence the next clause
        yield _zone(desk.timezone)
    except KeyError:
        yield _zone(desk.timezone)
    for name in ("company", "address", "contact"):
        if not getattr(desk, name).strip():
            yield ConfigurationError(f"desk.{name}", "is empty", "It stands on every letter: write it.")


def _zone(name: str) -> ConfigurationError:
    return ConfigurationError(
        "desk.timezone", f"{name!r} is no time zone of this machine", 'Write an IANA name such as "Europe/Brussels", or install tzdata.'
    )


def _mailboxes(tree: Sections) -> Iterator[ConfigurationError]:
    if not tree.mailbox:
        yield ConfigurationError("mailbox", "there is none to read", "Write a section [[mailbox]] with name, host and user.")
    names = [mailbox.name for mailbox in tree.mailbox]
    for number, mailbox in enumerate(tree.mailbox):
        if names.index(mailbox.name) != number:
            yield ConfigurationError(f"mailbox.{number}.name", f"{mailbox.name!r} stands twice", "Give each mailbox a name of its own.")
        if not mailbox.folders:
            yield ConfigurationError(f"mailbox.{number}.folders", "names no folder", 'Write ["INBOX", "Junk"].')
        if mailbox.after is After.MOVE and any(is_processed(folder) for folder in mailbox.folders):
            yield ConfigurationError(
                f"mailbox.{number}.folders",
                f"names {PROCESSED}, where each stored mail is moved: it would be fetched from there for ever",
                'Leave it out, or write after = "keep".',
            )
        yield from _connection(f"mailbox.{number}", mailbox)


def _connection(name: str, section: MailboxSection | SmtpSection | RelaySection) -> Iterator[ConfigurationError]:
    if section.tls is Tls.NONE and not is_this_machine(section.host):
        yield ConfigurationError(
            f"{name}.tls", "the password and the mails would travel in the clear", 'Write tls = "implicit" or "starttls".'
        )
    if section.user and section.password_file is None and not section.password:
        mend = f"Name the file that holds it, or set PRIVACY_DESK__{name.replace('.', '__').upper()}__PASSWORD."
        yield ConfigurationError(f"{name}.password_file", "is missing", mend)


def _places(tree: Sections) -> Iterator[ConfigurationError]:
    data = tree.data.folder
    outside = {"keys.master_file": tree.keys.master_file, "keys.index_file": tree.keys.index_file, "ledger.file": tree.ledger.file}
    for name, path in outside.items():
        if path.is_relative_to(data):
            yield ConfigurationError(name, f"lies in the data folder {data}", "Put it elsewhere: a copy of the data must not hold it.")
    if tree.keys.master_file == tree.keys.index_file:
        yield ConfigurationError("keys.index_file", "is the master key's file", "Give each key a file of its own.")
    if tree.register.file is not None and not tree.register.file.is_file():
        yield ConfigurationError(
            "register.file", f"{tree.register.file} does not exist", "Write it, or remove the setting to use the built-in register alone."
        )
    if tree.web.policy_folder is not None and not tree.web.policy_folder.is_dir():
        yield ConfigurationError(
            "web.policy_folder", f"{tree.web.policy_folder} is no folder", "Make it, with one Markdown file per language."
        )


def is_this_machine(host: str) -> bool:
    """True for localhost and the loopback addresses."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
