"""Every setting: its name, kind, default, meaning and unit. The example file and the documentation are made from this."""

# ruff: noqa: RUF009 - _setting is dataclasses.field with the meaning beside it
from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from worker.rules.decision import Mode
from worker.rules.model import Language
from worker.rules.policy import Policy
from worker.settings.kinds import Bytes, Count, Country, DatabaseUrl, EmailAddress, HostName, Listen, Network, Port, WebAddress, Words

#: What is said of a setting that this release does nothing with.
LATER: Final = "Not in this release: it changes nothing yet."


@dataclass(frozen=True, slots=True)
class About:
    """What is said of one setting. ``example`` stands in the example file where there is no default.

    ``secret`` values are never shown. ``only_environment`` ones may not stand in the file. ``usual`` ones have no
    default, but nearly everybody gives them: the example file does. ``least`` and ``most`` bound the value. ``later``:
    this release does nothing with it yet.
    """

    meaning: str
    example: str = ""
    secret: bool = False
    only_environment: bool = False
    usual: bool = False
    least: Any = None
    most: Any = None
    later: bool = False

    @property
    def said(self) -> str:
        """The meaning, for the example file and the documentation."""
        return f"{self.meaning} {LATER}" if self.later else self.meaning


def _setting(meaning: str, **about: Any) -> Any:
    """A setting; without ``default`` it must be given."""
    given = {key: about.pop(key) for key in ("default",) if key in about}
    return field(**given, repr=not about.get("secret", False), metadata={"about": About(meaning, **about)})


class Tls(StrEnum):
    """How a connection is protected."""

    IMPLICIT = "implicit"  # TLS from the first byte
    STARTTLS = "starttls"  # begun in the clear, then TLS; refused if the server does not offer it
    NONE = "none"  # in the clear: this machine only


class Login(StrEnum):
    """How to log in."""

    PASSWORD = "password"  # noqa: S105 - the name of a method
    XOAUTH2 = "xoauth2"  # the password is an access token


class After(StrEnum):
    """What becomes of a mail in its mailbox once it is stored."""

    MOVE = "move"
    KEEP = "keep"


class Purge(StrEnum):
    """Whether the mailbox's copy goes when its retention ends."""

    RETENTION = "retention"
    NEVER = "never"


_D: Final = Policy()
_TLS: Final = 'How the connection is protected: "implicit" (TLS from the first byte), "starttls", or "none" (this machine only).'
_CA: Final = "The certificates to trust instead of the system's (PEM), for a server with its own authority."
_CA_EXAMPLE: Final = "/etc/ssl/certs/company.pem"
_PASSWORD_FILE: Final = "The file that holds the password (its first line), readable by the desk's user only."  # noqa: S105 - words about it
_PASSWORD: Final = "The password itself, for those who keep secrets in the environment."  # noqa: S105 - words about it


class Section:
    """A group of settings under one header."""


@dataclass(frozen=True, kw_only=True)
class DeskSection(Section):
    """Who the desk speaks for."""

    name: str = _setting("The name before the address in the From of every letter.", default="Privacy Desk")
    company: Words = _setting(
        "The controller (GDPR 4(7)): the company's legal name, on every letter and page.", example="Example Company BV"
    )
    address: Words = _setting("Its postal address, on one line.", example="Voorbeeldstraat 1, 9000 Gent, Belgium")
    contact: Words = _setting(
        "How a person reaches a person: an e-mail address or telephone number, on every letter.", example="privacy@example.com"
    )
    authority: str = _setting(
        "The supervisory authority that complaints go to (GDPR 77); Belgium's is named in the language of each letter.",
        default="Data Protection Authority (GBA/APD)",
    )
    authority_url: WebAddress = _setting("Its web address.", default="https://www.dataprotectionauthority.be")
    responsible: str = _setting(
        "The person responsible (data protection officer), with how to reach him or her, on every letter and page; may be empty.",
        default="",
    )
    base_url: WebAddress = _setting(
        "The public address of the desk's pages; every link in a letter begins with it. https, except on this machine.",
        example="https://privacy.example.com",
    )
    languages: tuple[Language, ...] = _setting(
        "The languages that letters are written in; the first one answers a mail in any other language.",
        default=(Language.NL, Language.FR, Language.EN, Language.DE),
    )
    timezone: str = _setting("The time zone (IANA) in which days begin and end.", default="Europe/Brussels")
    country: Country = _setting(
        "The country (ISO 3166-1) whose public holidays move a legal last day; where we know none, Saturdays and Sundays do.", default="BE"
    )
    templates: Path | None = _setting(
        "A folder with your own wording of letters, which wins over ours (docs/letters.md).", default=None, example="letters"
    )
    mode: Mode = _setting(
        'How much the desk does by itself: "shadow" (reads and proposes), "assist" (sends confirmation letters, staff carry out), "on".',
        default=Mode.ON,
    )


@dataclass(frozen=True, kw_only=True)
class MailboxSection(Section):
    """A mailbox to read (IMAP). Repeat the section for each one."""

    name: Words = _setting(
        "A short name for it in status, log and store. Do not change it later: it names what was read already.", example="privacy"
    )
    host: HostName = _setting("The IMAP server.", example="imap.example.com")
    port: Port = _setting("Its port: 993, with starttls 143.", default=993)
    tls: Tls = _setting(_TLS, default=Tls.IMPLICIT)
    ca_file: Path | None = _setting(_CA, default=None, example=_CA_EXAMPLE)
    user: Words = _setting("The login.", example="privacy@example.com")
    auth: Login = _setting('How to log in: "password", or "xoauth2" (the password is then an access token).', default=Login.PASSWORD)
    password_file: Path | None = _setting(_PASSWORD_FILE, default=None, example="../secrets/mailbox", usual=True)
    password: str = _setting(_PASSWORD, default="", secret=True, only_environment=True)
    folders: tuple[str, ...] = _setting(
        "The folders that are read. Look into Junk as well: a request there counts too. One that appears later is read from then on.",
        default=("INBOX", "Junk"),
    )
    since: date | None = _setting(
        "The first day whose mails are requests; older ones are history and get no answer. Without it: the moment of the first connection.",
        default=None,
        example="2026-01-01",
    )
    after: After = _setting(
        'What becomes of a mail there once it is stored: "move" (to the folder Processed) or "keep".', default=After.MOVE
    )
    purge: Purge = _setting(
        'Whether the copy in Processed is removed when its retention ends: "retention" or "never".', default=Purge.NEVER, later=True
    )
    authserv_id: str = _setting(
        "The name of the server whose Authentication-Results header is trusted; empty: none is.", default="", later=True
    )
    poll: timedelta = _setting(
        "How often to look when the server does not announce new mail (IDLE).", default=timedelta(seconds=60), least=timedelta(seconds=1)
    )


@dataclass(frozen=True, kw_only=True)
class SmtpSection(Section):
    """The server that sends the letters."""

    host: HostName = _setting("The SMTP server.", example="smtp.example.com")
    port: Port = _setting("Its port: 465, with starttls 587.", default=465)
    tls: Tls = _setting(_TLS, default=Tls.IMPLICIT)
    ca_file: Path | None = _setting(_CA, default=None, example=_CA_EXAMPLE)
    user: str = _setting("The login; empty: none.", default="")
    auth: Login = _setting('How to log in: "password" or "xoauth2".', default=Login.PASSWORD)
    password_file: Path | None = _setting(_PASSWORD_FILE, default=None, example="../secrets/smtp")
    password: str = _setting(_PASSWORD, default="", secret=True, only_environment=True)
    from_: EmailAddress = _setting("The address that letters come from: the one in your privacy policy.", example="privacy@example.com")


@dataclass(frozen=True, kw_only=True)
class RelaySection(Section):
    """A server that newsletters leave by, instead of [smtp]. Several of them are not in this release."""

    host: HostName = _setting("The SMTP server.", example="bulk.example.com")
    port: Port = _setting("Its port: 465, with starttls 587.", default=465)
    tls: Tls = _setting(_TLS, default=Tls.IMPLICIT)
    ca_file: Path | None = _setting(_CA, default=None, example=_CA_EXAMPLE)
    user: str = _setting("The login; empty: none.", default="")
    auth: Login = _setting('How to log in: "password" or "xoauth2".', default=Login.PASSWORD)
    password_file: Path | None = _setting(_PASSWORD_FILE, default=None, example="../secrets/relay")
    password: str = _setting(_PASSWORD, default="", secret=True, only_environment=True)


@dataclass(frozen=True, kw_only=True)
class NewsletterSection(Section):
    """Newsletters."""

    from_: EmailAddress = _setting("The address that newsletters come from; empty: that of [smtp].", default="")
    unsubscribe_mailbox: EmailAddress = _setting(
        "The mailbox that takes a mail saying stop; one of those read above. Empty: the address of [smtp].", default=""
    )
    give_up: timedelta = _setting(
        "A newsletter that could not leave so long after its time is news no more.", default=timedelta(days=2), least=timedelta(hours=1)
    )
    relay: tuple[RelaySection, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LmtpSection(Section):
    """A door by which a mail server hands mails over directly. Not in this release: leave it out."""

    listen: Listen | None = _setting("Where to listen.", default=None, example="127.0.0.1:2424")
    peers: tuple[Network, ...] = _setting("The addresses that may deliver.", default=())


@dataclass(frozen=True, kw_only=True)
class DataSection(Section):
    """Where the desk keeps its files."""

    folder: Path = _setting("The folder of the databases and the engine's lock. Back it up.", default=Path("../var/data"))


@dataclass(frozen=True, kw_only=True)
class StoreSection(Section):
    """The desk's own memory."""

    url: DatabaseUrl = _setting(
        "sqlite:///PATH, or postgresql://USER:PASSWORD@HOST/DATABASE; empty: a SQLite file in the data folder.", default="", secret=True
    )


@dataclass(frozen=True, kw_only=True)
class KeysSection(Section):
    """The keys that everything stored is sealed with. Outside the data folder, with a backup of their own: without them the store cannot be read."""

    master_file: Path = _setting("The master key (made by `privacy-desk init`).", default=Path("../var/keys/master.key"))
    index_file: Path = _setting("The key of the hashes by which a person's address is found.", default=Path("../var/keys/index.key"))


@dataclass(frozen=True, kw_only=True)
class LedgerSection(Section):
    """What a restored backup must not forget."""

    file: Path = _setting(
        "The append-only ledger of erasures. Outside the data folder; never restored from a backup.",
        default=Path("../var/ledger/ledger.jsonl"),
    )


@dataclass(frozen=True, kw_only=True)
class RegisterSection(Section):
    """The customers' data."""

    file: Path | None = _setting(
        "The declaration of your databases; without it there is the built-in one alone.", default=None, example="register.toml"
    )
    url: DatabaseUrl = _setting(
        "The built-in database `customers`, as [store] url; empty: a SQLite file in the data folder.", default="", secret=True
    )


@dataclass(frozen=True, kw_only=True)
class WebSection(Section):
    """The pages."""

    listen: Listen = _setting(
        "Where the public pages listen; a reverse proxy with TLS stands before it.", default=Listen("127.0.0.1", 8080)
    )
    staff_listen: Listen | None = _setting(
        "Another address for the pages of staff; without it they are at /desk of the public one.", default=None, example="127.0.0.1:8081"
    )
    trusted_proxies: tuple[Network, ...] = _setting("The addresses of reverse proxies whose X-Forwarded-For is believed.", default=())
    policy_folder: Path | None = _setting(
        "The privacy policy that /privacy shows: one Markdown file per language (nl.md, fr.md, ...). Without it: the folder policy beside this file.",
        default=None,
        example="policy",
    )
    policy_version: Words = _setting("The version of that policy, named in every answer.", default="1")


@dataclass(frozen=True, kw_only=True)
class PolicySection(Section):
    """The controller's choices within the law."""

    deletion_grace: timedelta = _setting(
        "From the confirmation of a deletion to the erasure; the person may cancel meanwhile.", default=_D.deletion_grace
    )
    stale_after: timedelta = _setting(
        "A mail that was older when it arrived goes to a person.", default=_D.stale_after, least=timedelta(days=1)
    )
    reminders: tuple[timedelta, ...] = _setting(
        "When, after the first letter, an unconfirmed request is reminded of.", default=_D.reminders
    )
    staff_notice: timedelta = _setting(
        "When staff see a request that is still unconfirmed.", default=_D.staff_notice, least=timedelta(days=1)
    )
    download_expires: timedelta = _setting(
        "How long an access package stays behind its link.", default=_D.download_expires, least=timedelta(hours=1)
    )
    opt_in_expires: timedelta = _setting(
        "How long the link that confirms a newsletter's sign-up works.", default=_D.opt_in_expires, least=timedelta(hours=1)
    )
    grace_margin_days: int = _setting(
        "Erasure ends at the latest so many working days before the legal last day.", default=_D.grace_margin_days, most=15
    )
    alarm_days: int = _setting(
        "What waits for a person is marked, logged and counted so many working days before its legal last day.",
        default=_D.alarm_days,
        most=15,
    )
    letters_per_day: Count = _setting("Confirmation letters to one address in one day.", default=_D.letters_per_day)
    notes_per_day: int = _setting("Acknowledgements to one address in one day.", default=_D.notes_per_day)
    letters_per_hour: Count = _setting(
        "Letters of the whole desk in one hour; with more, none leaves until the hour is over, and /desk/health and status say so.",
        default=_D.letters_per_hour,
    )
    request_file: timedelta = _setting(
        "How long the file of a request is kept; then the evidence without identity stays.",
        default=_D.request_file,
        least=timedelta(days=30),
    )
    max_attempts_per_letter: Count = _setting("How often a letter is tried before staff see it.", default=_D.max_attempts_per_letter)


@dataclass(frozen=True, kw_only=True)
class LimitsSection(Section):
    """Bounds on what strangers can make the desk do."""

    mail_size: Bytes = _setting(
        "A larger mail is not read: its beginning goes to quarantine, the whole mail stays in the mailbox.",
        default=Bytes(25 * 1024 * 1024),
        least=Bytes(64 * 1024),
    )
    form_per_network_hour: Count = _setting(
        "Requests by the web form from one network (an IPv4 address, an IPv6 /64) in one hour.", default=20
    )
    logins_per_network: Count = _setting("Tries of one network to log in as staff in a quarter of an hour.", default=30)


@dataclass(frozen=True, kw_only=True)
class Sections(Section):
    """The whole tree."""

    desk: DeskSection
    mailbox: tuple[MailboxSection, ...]
    smtp: SmtpSection
    newsletter: NewsletterSection = NewsletterSection()
    lmtp: LmtpSection = LmtpSection()
    data: DataSection = DataSection()
    store: StoreSection = StoreSection()
    keys: KeysSection = KeysSection()
    ledger: LedgerSection = LedgerSection()
    register: RegisterSection = RegisterSection()
    web: WebSection = WebSection()
    policy: PolicySection = PolicySection()
    limits: LimitsSection = LimitsSection()


def key_of(attribute: str) -> str:
    """The name of a setting as it is typed: ``from_`` is ``from``, which is a word of Python's."""
    return attribute.removesuffix("_")
