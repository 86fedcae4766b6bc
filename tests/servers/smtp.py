"""An SMTP server that does as it is told: accept, refuse for now, refuse for good, hang up, answer slowly."""

from __future__ import annotations

import asyncio
import re
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class Answer(StrEnum):
    """What the server does with a recipient that matches."""

    ACCEPT = "accept"
    LATER = "later"  # 451 at RCPT
    NEVER = "never"  # 550 5.1.1 at RCPT
    LATER_AT_DATA = "later at data"  # 451 after the message
    NEVER_AT_DATA = "never at data"  # 554 after the message
    DROP = "drop"  # the connection closes at RCPT
    DROP_AFTER_ACCEPTING = "drop after accepting"  # the message is kept, the 250 never arrives
    SLOW = "slow"  # accepted after `slow_seconds`


@dataclass(frozen=True, slots=True)
class Accepted:
    """One message that the server took: the envelope, the bytes, and when (monotonic seconds)."""

    sender: str
    recipients: tuple[str, ...]
    data: bytes = field(repr=False)
    at: float


@dataclass(slots=True)
class ScriptedSmtp:
    """A server on 127.0.0.1:``port``; ``accepted`` grows, ``rules`` may be changed while it runs."""

    port: int = 0
    slow_seconds: float = 0.5
    rules: list[tuple[re.Pattern[str], Answer]] = field(default_factory=list)
    accepted: list[Accepted] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    sessions: int = 0
    logins: list[str] = field(default_factory=list)

    def on(self, recipient: str, answer: Answer) -> None:
        """From now on answer so to recipients that match this regular expression; the newest rule wins."""
        self.rules.insert(0, (re.compile(recipient), answer))

    def answer_to(self, recipient: str) -> Answer:
        """The newest matching rule's answer, else ACCEPT."""
        return next((answer for pattern, answer in list(self.rules) if pattern.search(recipient)), Answer.ACCEPT)

    def to(self, recipient: str) -> list[Accepted]:
        """What was accepted for one address, oldest first."""
        return [each for each in list(self.accepted) if recipient in each.recipients]

    async def arrived(self, count: int, *, recipient: str | None = None, within: float = 10.0) -> list[Accepted]:
        """Wait until ``count`` messages were accepted (for one address, or at all); TimeoutError after ``within`` seconds."""
        end = time.monotonic() + within
        while True:
            found = list(self.accepted) if recipient is None else self.to(recipient)
            if len(found) >= count:
                return found
            if time.monotonic() > end:
                msg = f"{len(found)} of {count} messages arrived in {within} s"
                raise TimeoutError(msg)
            await asyncio.sleep(0.02)


class _Handler:
    """The hooks that aiosmtpd calls."""

    def __init__(self, script: ScriptedSmtp, *, needs_login: bool) -> None:
        self.script, self.needs_login = script, needs_login

    # Not aiosmtpd's own auth_required: it warns about a login without TLS, which a relay on loopback may well have.
    async def handle_MAIL(self, _server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802
        if self.needs_login and not session.authenticated:
            return "530 5.7.0 authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 ok"

    async def handle_RCPT(self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]) -> str:  # noqa: N802
        answer = self.script.answer_to(address)
        if answer in {Answer.LATER, Answer.NEVER, Answer.DROP}:
            self.script.refused.append(address)
        if answer is Answer.DROP:
            _hang_up(server)
        if answer is Answer.LATER:
            return "451 4.3.0 try again later"
        if answer is Answer.NEVER:
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        answers = {self.script.answer_to(each) for each in envelope.rcpt_tos}
        if Answer.SLOW in answers:
            await asyncio.sleep(self.script.slow_seconds)
        if Answer.LATER_AT_DATA in answers:
            return "451 4.3.0 try again later"
        if Answer.NEVER_AT_DATA in answers:
            return "554 5.6.0 not wanted"
        self._keep(envelope)
        if Answer.DROP_AFTER_ACCEPTING in answers:
            _hang_up(server)
        return "250 2.0.0 kept"

    def _keep(self, envelope: Envelope) -> None:
        data = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        self.script.accepted.append(Accepted(envelope.mail_from or "", tuple(envelope.rcpt_tos), data, time.monotonic()))


def _hang_up(server: SMTP) -> None:
    # A TLS transport that was closed twice cannot be aborted any more (AttributeError in CPython 3.11.2).
    if isinstance(server.transport, asyncio.WriteTransport) and not server.transport.is_closing():
        server.transport.abort()


class _Protocol(SMTP):
    """One client; ``open_ones`` holds it until its connection ends."""

    def __init__(self, open_ones: set[_Protocol], handler: _Handler, **options: Any) -> None:
        super().__init__(handler, **options)
        self.open_ones = open_ones
        open_ones.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.open_ones.discard(self)
        super().connection_lost(error)


class _Server:
    """aiosmtpd in an event loop and thread of its own, so that blocking tests can use it too."""

    def __init__(self, script: ScriptedSmtp, tls: ssl.SSLContext | None, login: tuple[str, str] | None) -> None:
        self.script, self.tls, self.login = script, tls, login
        self.ready = threading.Event()
        self.loop = asyncio.new_event_loop()
        self.stopped = asyncio.Event()
        self.protocols: set[_Protocol] = set()
        self.thread = threading.Thread(target=self._run, name="scripted-smtp", daemon=True)

    def _protocol(self) -> SMTP:
        self.script.sessions += 1
        options: dict[str, Any] = {"hostname": "localhost", "data_size_limit": 64 * 2**20, "loop": self.loop, "enable_SMTPUTF8": True}
        if self.tls is not None:
            options |= {"tls_context": self.tls, "require_starttls": True}
        if self.login is not None:
            options |= {"authenticator": self._authenticate, "auth_require_tls": self.tls is not None}
        return _Protocol(self.protocols, _Handler(self.script, needs_login=self.login is not None), **options)

    def _authenticate(self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: object) -> AuthResult:
        given = (data.login.decode(), data.password.decode()) if isinstance(data, LoginPassword) else ("", "")
        self.script.logins.append(given[0])
        return AuthResult(success=given == self.login, handled=False)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_until_complete(self._serve())
        finally:
            self.loop.close()

    async def _serve(self) -> None:
        server = await self.loop.create_server(self._protocol, "127.0.0.1", self.script.port)
        self.script.port = server.sockets[0].getsockname()[1]
        self.ready.set()
        await self.stopped.wait()
        server.close()
        for protocol in list(self.protocols):
            _hang_up(protocol)
        await server.wait_closed()
        await _end_the_rest()


async def _end_the_rest() -> None:
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


@contextmanager
def run_smtp(
    script: ScriptedSmtp | None = None, *, tls: ssl.SSLContext | None = None, login: tuple[str, str] | None = None
) -> Iterator[ScriptedSmtp]:
    """Serve a script on loopback; with ``tls`` STARTTLS is demanded, with ``login`` (user, password) so is AUTH."""
    script = script or ScriptedSmtp()
    server = _Server(script, tls, login)
    server.thread.start()
    server.ready.wait(10)
    try:
        yield script
    finally:
        server.loop.call_soon_threadsafe(server.stopped.set)
        server.thread.join(10)
