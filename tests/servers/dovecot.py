"""A private Dovecot: any user name with one password, a Maildir for each, plain and TLS listeners."""

from __future__ import annotations

import imaplib
import itertools
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tests.servers import process
from tests.servers.certificates import Certificates, make_certificates

PACKAGE = "dovecot-imapd"
PASSWORD = "box-password"

# What changed its name between Dovecot 2.3 (Debian 12, Ubuntu 24.04) and 2.4 (Debian 13).
DIALECT_2_3 = """
ssl_cert = <{certificate}
ssl_key = <{key}
disable_plaintext_auth = no
mail_location = maildir:~/Maildir
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={root}/mail/%u
}}
"""
DIALECT_2_4 = """
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
ssl_server_cert_file = {certificate}
ssl_server_key_file = {key}
auth_allow_cleartext = yes
mail_driver = maildir
mail_path = ~/Maildir
passdb static {{
  password = {password}
}}
userdb static {{
  fields {{
    uid = {uid}
    gid = {gid}
    home = {root}/mail/%{{user}}
  }}
}}
"""
CONFIGURATION = """
base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/log
protocols = imap
listen = 127.0.0.1
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
ssl = yes
auth_mechanisms = plain login
first_valid_uid = 1
mail_fsync = never
mail_max_userip_connections = 100
# A mail that a test drops into the Maildir has no connection that tells the others: look often.
mailbox_idle_check_interval = 1 secs
namespace inbox {{
  inbox = yes
  mailbox Junk {{
    auto = subscribe
    special_use = \\Junk
  }}
}}
service imap-login {{
  chroot =
  {serve_many}
  process_min_avail = 1
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service imap {{
  process_limit = 200
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


@dataclass(slots=True)
class Dovecot:
    """A server on 127.0.0.1: ``port`` plain, ``tls_port`` TLS with a certificate of ``certificates.authority``."""

    root: Path
    port: int
    tls_port: int
    owner: process.Account
    certificates: Certificates
    password: str = PASSWORD
    _serial: Iterator[int] = field(default_factory=itertools.count, repr=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        """Start on the same ports, with the mails that are there."""
        command = [process.program("dovecot", PACKAGE), "-F", "-c", str(self.root / "dovecot.conf")]
        log = self.root / "log"
        self._process = process.spawn(command, owner=self.owner, log=log)
        process.wait_until(process.greets(self.port, b"* OK"), "Dovecot", self._process, log)

    def stop(self) -> None:
        """Stop it; all connections close. Its mails stay."""
        if self._process is not None:
            process.stop(self._process)
            with suppress(ProcessLookupError):  # an imap process that idles notices only seconds later that its master has gone
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process = None

    def deliver(self, user: str, raw: bytes, *, folder: str = "INBOX", received: datetime | None = None) -> Path:
        """Drop a mail into a folder as an LDA would (CRLF becomes LF); ``received`` is its INTERNALDATE."""
        into = self._folder(user, folder, create=True)
        name = f"{time.time_ns()}.{os.getpid()}_{next(self._serial)}.test"
        temporary, final = into / "tmp" / name, into / "new" / name
        temporary.write_bytes(raw.replace(b"\r\n", b"\n"))
        if received is not None:
            os.utime(temporary, (received.timestamp(), received.timestamp()))
        process.give(temporary, self.owner)
        temporary.rename(final)
        return final

    def mails(self, user: str, folder: str = "INBOX") -> list[bytes]:
        """The mails that a folder holds, in order of delivery."""
        return [each.read_bytes() for each in self._files(user, folder)]

    def take_out(self, user: str, folder: str = "INBOX") -> bytes:
        """The only mail of a folder, removed from it."""
        (only,) = self._files(user, folder)
        raw = only.read_bytes()
        only.unlink()
        return raw

    def count(self, user: str, folder: str = "INBOX") -> int:
        """How many mails a folder holds."""
        return len(self._files(user, folder))

    def folders(self, user: str) -> list[str]:
        """INBOX and every folder below it."""
        found = sorted(each.name[1:] for each in self._maildir(user).glob(".*") if each.is_dir())
        return ["INBOX", *found]

    def create(self, user: str, folder: str) -> None:
        """Make a folder by the server itself, as it does with the first spam: all who are connected can see it."""
        with imaplib.IMAP4("127.0.0.1", self.port) as client:
            client.login(user, self.password)
            client.create(folder)

    def forget(self, user: str) -> None:
        """Remove a user's mails and folders."""
        shutil.rmtree(self.root / "mail" / user, ignore_errors=True)

    def renumber(self, user: str) -> None:
        """Forget every UID of a user: the next connection finds another UIDVALIDITY, which is the second of its making."""
        lists = [each.read_text("utf-8", "replace") for each in self._maildir(user).rglob("dovecot-uidlist")]
        newest = max((int(found[1]) for text in lists if (found := re.match(r"\d+ V(\d+) ", text))), default=0)
        while time.time() < newest + 1:
            time.sleep(0.05)
        for kind in ("dovecot-uidlist*", "dovecot-uidvalidity*", "dovecot.index*", "dovecot.list.index*"):
            for each in self._maildir(user).rglob(kind):
                each.unlink()

    def log(self) -> str:
        """All that the server has logged."""
        return (self.root / "log").read_text(errors="replace")

    def _maildir(self, user: str) -> Path:
        return self.root / "mail" / user / "Maildir"

    def _files(self, user: str, folder: str) -> list[Path]:
        at = self._folder(user, folder, create=False)
        found = [*at.glob("new/*"), *at.glob("cur/*")]
        return sorted(found, key=lambda each: each.name.split(":", maxsplit=1)[0])

    def _folder(self, user: str, folder: str, *, create: bool) -> Path:
        at = self._maildir(user) if folder == "INBOX" else self._maildir(user) / f".{folder}"
        if create and not (at / "tmp").is_dir():
            for part in ("cur", "new", "tmp"):
                (at / part).mkdir(parents=True, exist_ok=True)
            process.give(self.root / "mail" / user, self.owner)
        return at


@contextmanager
def run_dovecot() -> Iterator[Dovecot]:
    """Configure a Dovecot in a temporary folder and run it, as an unprivileged account when we are root."""
    owner = process.account("nobody")
    with process.folder("imap", owner) as root:
        certificates = make_certificates(root)
        server = Dovecot(root, process.free_port(), process.free_port(), owner, certificates)
        (root / "mail").mkdir()
        (root / "log").touch()
        (root / "dovecot.conf").write_text(_configuration(server))
        process.give(root, owner)
        try:
            server.start()
            yield server
        finally:
            server.stop()


def version() -> tuple[int, int]:
    """Dovecot's version, such as (2, 3)."""
    said = subprocess.run([process.program("dovecot", PACKAGE), "--version"], check=True, capture_output=True, text=True).stdout
    major, minor, *_ = said.split(".")
    return int(major), int(minor)


def _configuration(server: Dovecot) -> str:
    new = version() >= (2, 4)
    dialect = DIALECT_2_4 if new else DIALECT_2_3
    return (
        (dialect + CONFIGURATION)
        .lstrip()
        .format(
            serve_many="restart_request_count = unlimited" if new else "service_count = 0",
            root=server.root,
            user=server.owner.name,
            group=process.group_name(server.owner),
            uid=server.owner.uid,
            gid=server.owner.gid,
            port=server.port,
            tls_port=server.tls_port,
            certificate=server.certificates.certificate,
            key=server.certificates.key,
            password=server.password,
        )
    )
