"""The relay: takes a finished message, gives the server's reply or one of two errors."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Final

from worker.errors import RelayRefused, RelayUnavailable
from worker.mail.envelope import Envelope
from worker.mail.smtp_connection import Connection, Reply, SmtpError

if TYPE_CHECKING:
    from worker.mail.smtp_settings import SmtpSettings

_MAX_IDLE: Final = 60.0  # seconds: servers close after 100 to 300, and a router in between forgets without a word

_LATELY: Final = 120.0  # seconds for which an attempt that did well answers the question whether the server is there


class Relay:
    """Sends by one server over a few connections that stay open. One event loop, any number of callers."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._slots = asyncio.Semaphore(settings.connections)
        self._idle: list[Connection] = []
        self._context: ssl.SSLContext | None = None
        self._asked_at = 0.0  # loop time of the last attempt
        #: What keeps it from taking letters, as the last attempt said; empty if nothing does, None before the first one.
        self.problem: str | None = None

    @property
    def connections(self) -> int:
        """How many messages it hands over at the same time; a further one waits."""
        return self._settings.connections

    async def send(self, raw: bytes, sender: str, recipient: str) -> str:
        """Hand over one message and return the server's final reply.

        Raises ``RelayRefused`` (5xx, or no usable address) and ``RelayUnavailable`` (4xx, no connection, time-out, wrong login).
        After ``RelayUnavailable`` the message may have been taken nevertheless: send it again with the same Message-ID.
        """
        envelope = Envelope.of(sender, recipient)
        async with self._slots:
            try:
                reply = await self._send(envelope, raw)
            except RelayRefused:
                self._note("")
                raise
            except RelayUnavailable as error:
                self._note("" if error.answered else str(error))
                raise
            self._note("")
            return str(reply)

    async def greet(self) -> None:
        """See whether it would take a letter, unless an attempt did well lately. Never raises: ``problem`` says it."""
        if self.problem == "" and asyncio.get_running_loop().time() - self._asked_at < _LATELY:
            return
        async with self._slots:
            try:
                await self._greet()
            except RelayUnavailable as error:
                self._note(str(error))
            else:
                self._note("")

    async def _greet(self) -> None:
        connection = await Connection.open(self._settings, self._tls())
        try:
            await connection.begin_nothing()
        except (SmtpError, OSError) as error:
            raise _unavailable(error) from error
        finally:
            await connection.quit()

    def _note(self, problem: str) -> None:
        self.problem, self._asked_at = problem, asyncio.get_running_loop().time()

    async def close(self) -> None:
        """Take leave of the server. The relay may be used again."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(connection.quit() for connection in idle))

    async def _send(self, envelope: Envelope, raw: bytes) -> Reply:
        used = self._take_idle()
        if used is not None:
            try:
                return await self._deliver(used, envelope, raw)
            except (SmtpError, OSError, RelayUnavailable) as error:
                # The server may have closed it while it was idle. Nothing of the message has left: a fresh one is no second sending.
                if used.sending or not used.lost:
                    raise _unavailable(error) from error
        fresh = await Connection.open(self._settings, self._tls())
        try:
            return await self._deliver(fresh, envelope, raw)
        except (SmtpError, OSError) as error:
            raise _unavailable(error) from error

    async def _deliver(self, connection: Connection, envelope: Envelope, raw: bytes) -> Reply:
        """One attempt on one connection, which is kept if the server and it still understand one another."""
        try:
            reply = await connection.send(envelope, raw)
        except (RelayRefused, RelayUnavailable):
            self._keep(connection)
            raise
        except BaseException:
            connection.abort()
            raise
        self._keep(connection)
        return reply

    def _keep(self, connection: Connection) -> None:
        if not connection.lost:
            connection.idle_since = asyncio.get_running_loop().time()
            self._idle.append(connection)

    def _take_idle(self) -> Connection | None:
        oldest = asyncio.get_running_loop().time() - _MAX_IDLE
        while self._idle:
            connection = self._idle.pop()
            if not connection.lost and connection.idle_since > oldest:
                return connection
            connection.abort()
        return None

    def _tls(self) -> ssl.SSLContext | None:
        if self._settings.tls != "none" and self._context is None:
            try:
                self._context = ssl.create_default_context(cafile=self._settings.ca_file)
            except OSError as error:
                raise RelayUnavailable(f"[smtp] ca_file cannot be read: {error.strerror or error}") from error
        return self._context


def _unavailable(error: Exception) -> RelayUnavailable:
    if isinstance(error, RelayUnavailable):
        return error
    return RelayUnavailable("the relay did not answer in time" if isinstance(error, TimeoutError) else f"the relay: {error}")
