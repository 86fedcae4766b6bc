"""One typed tree of settings, from a TOML file, the environment and defaults; and each adapter's own settings made from it.

:func:`load` is the only way in. Unknown and wrong settings stop the start, all of them listed at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Final, Literal

from worker.errors import ConfigurationError, together
from worker.mail.imap_settings import MailboxSettings
from worker.mail.smtp_settings import SmtpSettings
from worker.newsletter.settings import NewsletterSettings
from worker.register.settings import RegisterSettings
from worker.rules.letters import DeskCard
from worker.rules.policy import Policy
from worker.settings.build import build
from worker.settings.checks import problems
from worker.settings.given import PREFIX, from_file, overlay
from worker.settings.kinds import DatabaseUrl, Listen
from worker.settings.tree import Login, MailboxSection, RelaySection, Section, Sections, SmtpSection, StoreSection
from worker.web.settings import WebSettings

__all__ = ["DEFAULT_FILE", "PREFIX", "Listen", "Settings", "load", "secret"]

#: Read when no other file is named.
DEFAULT_FILE: Final = Path("config/worker.toml")


@dataclass(frozen=True, kw_only=True)
class Settings(Sections):
    """The effective settings. ``origins`` says of each dotted name where its value came from."""

    file: Path | None = None
    origins: Mapping[str, str] = field(default_factory=dict)

    @property
    def store_url(self) -> str:
        """The URL of the desk's memory; it may hold a password."""
        return self.store.url

    @property
    def lock_file(self) -> Path:
        """The file whose lock the engine holds."""
        return self.data.folder / "engine.lock"

    @property
    def mail_domain(self) -> str:
        """The domain of our Message-IDs."""
        return self.smtp.from_.rpartition("@")[2]

    def card(self) -> DeskCard:
        """Who writes, for letters and pages."""
        desk = self.desk
        base_url = desk.base_url.rstrip("/")
        return DeskCard(
            company=desk.company,
            address=desk.address,
            contact=desk.contact,
            base_url=base_url,
            authority=desk.authority,
            authority_url=desk.authority_url,
            policy_version=self.web.policy_version,
            timezone=desk.timezone,
            country=desk.country,
            responsible=desk.responsible,
        )

    def web_settings(self) -> WebSettings:
        """What the pages are told."""
        web, limits = self.web, self.limits
        return WebSettings(
            listen=str(web.listen),
            staff_listen=str(web.staff_listen or ""),
            trusted_proxies=web.trusted_proxies,
            form_per_network_hour=limits.form_per_network_hour,
            logins_per_network=limits.logins_per_network,
        )

    def register_settings(self) -> RegisterSettings:
        """Where the customers' data is."""
        return RegisterSettings(url=self.register.url, file=self.register.file)

    def mailbox_settings(self) -> tuple[MailboxSettings, ...]:
        """The mailboxes to read, with their passwords; ConfigurationError if any cannot be read."""
        return together(*(partial(self._mailbox, number, box) for number, box in enumerate(self.mailbox)))

    def _mailbox(self, number: int, box: MailboxSection) -> MailboxSettings:
        return MailboxSettings(
            name=box.name,
            host=box.host,
            port=box.port,
            tls=box.tls.value,
            ca_file=box.ca_file,
            user=box.user,
            auth=_LOGIN[box.auth],
            password=secret(f"mailbox.{number}.password_file", box.password_file, box.password),
            folders=box.folders,
            since=box.since,
            after=box.after.value,
            purge=box.purge.value,
            authserv_id=box.authserv_id,
            poll=box.poll.total_seconds(),
            max_size=self.limits.mail_size.count,
        )

    def smtp_settings(self) -> SmtpSettings:
        """The server that letters leave by, with its password; ConfigurationError if that cannot be read."""
        return _relay("smtp", self.smtp)

    def relay_settings(self) -> tuple[SmtpSettings, ...]:
        """The servers that newsletters leave by; that of ``[smtp]`` if no other is named."""
        relays = tuple(_relay(f"newsletter.relay.{number}", relay) for number, relay in enumerate(self.newsletter.relay))
        return relays or (self.smtp_settings(),)

    def newsletter_settings(self) -> NewsletterSettings:
        """How newsletters leave."""
        section = self.newsletter
        return NewsletterSettings(sender=section.from_, unsubscribe_mailbox=section.unsubscribe_mailbox, give_up=section.give_up)

    def limits_by_law(self) -> Policy:
        """The controller's choices, as the rules take them."""
        return Policy(**{f.name: getattr(self.policy, f.name) for f in fields(self.policy)})


_LOGIN: Final[Mapping[Login, Literal["login", "xoauth2"]]] = {Login.PASSWORD: "login", Login.XOAUTH2: "xoauth2"}


def _relay(name: str, section: SmtpSection | RelaySection) -> SmtpSettings:
    return SmtpSettings(
        host=section.host,
        port=section.port,
        tls=section.tls.value,
        ca_file=section.ca_file,
        user=section.user,
        auth=_LOGIN[section.auth],
        password=secret(f"{name}.password_file", section.password_file, section.password),
    )


def load(path: Path | None, environment: Mapping[str, str]) -> Settings:
    """The settings in ``path`` (None: none) and in ``environment``, which wins.

    Raises ConfigurationError; its ``also`` holds every further fault.
    """
    tree = overlay(from_file(path) if path else {}, environment)
    base = path.absolute().parent if path else Path.cwd() / DEFAULT_FILE.parent
    sections, built = build(tree, base)
    if faults := [*built.problems, *problems(sections, built.sound)]:
        raise ConfigurationError.of(faults)
    complete = {f.name: getattr(sections, f.name) for f in fields(Sections)} | _derived(sections, base)
    return Settings(**complete, file=path, origins=built.origins)


def _derived(given: Sections, base: Path) -> dict[str, Section]:
    """The sections whose empty settings follow from others."""
    folder, newsletter = given.data.folder, given.newsletter
    return {
        "store": StoreSection(url=given.store.url or DatabaseUrl(f"sqlite:///{folder / 'desk.sqlite3'}")),
        "register": replace(given.register, url=given.register.url or DatabaseUrl(f"sqlite:///{folder / 'customers.sqlite3'}")),
        "web": replace(given.web, policy_folder=given.web.policy_folder or base / "policy"),
        "newsletter": replace(
            newsletter,
            from_=newsletter.from_ or given.smtp.from_,
            unsubscribe_mailbox=newsletter.unsubscribe_mailbox or given.smtp.from_,
        ),
    }


def secret(setting: str, file: Path | None, value: str) -> str:
    """The secret: ``value``, or the first line of ``file``. ConfigurationError names ``setting`` if it cannot be read."""
    if value or file is None:
        return value
    try:
        found = file.read_text("utf-8").partition("\n")[0].strip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            setting, f"{file} cannot be read ({type(error).__name__})", "Write the password into it, readable by the desk's user."
        ) from None
    if not found:
        raise ConfigurationError(setting, f"{file} is empty", "Write the password on its first line.")
    return found
