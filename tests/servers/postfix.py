"""A private Postfix that accepts on loopback and delivers every recipient into one Maildir; and its ``smtp-sink``."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from pathlib import Path

from tests.servers import process

PACKAGE = "postfix"

MAIN = """
compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
maillog_file = {root}/maillog
maillog_file_prefixes = {root}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = relay.example.test
mydestination =
mynetworks = 127.0.0.0/8
smtputf8_enable = yes
biff = no
# Everything is delivered here; nothing ever leaves.
default_transport = error:no way out
relay_transport = error:no way out
virtual_transport = virtual
virtual_mailbox_domains = static:all
virtual_mailbox_maps = static:box/
virtual_mailbox_base = {root}
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_mailbox_limit = 0
message_size_limit = 67108864
smtpd_recipient_restrictions = check_recipient_access regexp:{root}/refused, permit_mynetworks, reject
# A test that asks for refusals must not be slowed down by them.
smtpd_error_sleep_time = 0
smtpd_hard_error_limit = 1000
smtpd_client_connection_count_limit = 0
"""

MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

REFUSED = """
/^never-/ 550 5.1.1 no such mailbox
/^later-/ 451 4.2.0 try again later
"""


@dataclass(frozen=True, slots=True)
class Postfix:
    """A server on 127.0.0.1:``port``. ``never-...@`` is refused with 550, ``later-...@`` with 451, all else delivered."""

    root: Path
    port: int

    def delivered(self, recipient: str | None = None) -> list[bytes]:
        """The messages in the Maildir, oldest first; of one recipient if given (Postfix notes him in Delivered-To)."""
        files = sorted((self.root / "box").glob("new/*"), key=lambda each: each.stat().st_mtime_ns)
        mails = [each.read_bytes() for each in files]
        return [each for each in mails if recipient is None or _delivered_to(each) == recipient.lower()]

    async def arrived(self, count: int, *, recipient: str | None = None, within: float = 15.0) -> list[bytes]:
        """Wait until ``count`` messages were delivered; TimeoutError, with the log's end, after ``within`` seconds."""
        end = time.monotonic() + within
        while len(found := self.delivered(recipient)) < count:
            if time.monotonic() > end:
                msg = f"{len(found)} of {count} messages arrived in {within} s\n{self.log()[-2000:]}"
                raise TimeoutError(msg)
            await asyncio.sleep(0.05)
        return found

    def log(self) -> str:
        """All that Postfix has logged."""
        path = self.root / "maillog"
        return path.read_text(errors="replace") if path.exists() else ""


def _delivered_to(raw: bytes) -> str:
    return str(BytesHeaderParser().parsebytes(raw)["Delivered-To"] or "").lower()


@contextmanager
def run_postfix() -> Iterator[Postfix]:
    """Run a Postfix of its own configuration, queue and log. It needs root (it changes accounts itself)."""
    if os.geteuid() != 0:
        msg = "Postfix can only be started by root: run `sudo make test`, or these tests in a container"
        raise process.ServerError(msg)
    command, mail, daemon = process.program("postfix", PACKAGE), process.account("nobody"), process.account("postfix")
    with process.folder("smtp", process.ourselves()) as root:
        server = Postfix(root, process.free_port())
        _configure(server, mail, daemon)
        _control(command, root, "start")
        try:
            _wait(server)
            yield server
        finally:
            _control(command, root, "stop")


def _configure(server: Postfix, mail: process.Account, daemon: process.Account) -> None:
    values = {"root": server.root, "port": server.port, "uid": mail.uid, "gid": mail.gid}
    (server.root / "main.cf").write_text(MAIN.format(**values))
    (server.root / "master.cf").write_text(MASTER.format(**values))
    (server.root / "refused").write_text(REFUSED)
    for name, owner in (("queue", process.ourselves()), ("data", daemon), ("box", mail)):
        (server.root / name).mkdir()
        process.give(server.root / name, owner)


def _control(command: str, root: Path, verb: str) -> None:
    done = subprocess.run([command, "-c", str(root), verb], check=False, capture_output=True, text=True, timeout=process.START_SECONDS)
    if done.returncode != 0:
        log = root / "maillog"
        msg = f"postfix {verb} failed:\n{done.stdout}{done.stderr}{log.read_text() if log.exists() else ''}"
        raise process.ServerError(msg)


def _wait(server: Postfix) -> None:
    ready, end = process.greets(server.port, b"220"), time.monotonic() + process.START_SECONDS
    while not ready():
        if time.monotonic() > end:
            msg = f"Postfix does not greet:\n{server.log()}"
            raise process.ServerError(msg)
        time.sleep(0.05)


@dataclass(frozen=True, slots=True)
class SmtpSink:
    """Postfix's ``smtp-sink`` on 127.0.0.1:``port``: a C program that accepts and forgets. Fast enough for a bench."""

    port: int
    root: Path

    def accepted(self) -> int:
        """Messages accepted so far (smtp-sink redraws its counter line; the last number counts)."""
        numbers: list[str] = re.findall(r"mesg=(\d+)", (self.root / "log").read_text(errors="replace"))
        return int(numbers[-1]) if numbers else 0


@contextmanager
def run_smtp_sink() -> Iterator[SmtpSink]:
    """Run ``smtp-sink -c`` on a free port."""
    owner = process.account("nobody")
    with process.folder("sink", owner) as root:
        sink, log = SmtpSink(process.free_port(), root), root / "log"
        log.touch()
        command = [process.program("smtp-sink", PACKAGE), "-c", f"127.0.0.1:{sink.port}", "256"]
        server = process.spawn(command, owner=owner, log=log)
        try:
            process.wait_until(process.greets(sink.port, b"220"), "smtp-sink", server, log)
            yield sink
        finally:
            process.stop(server)
