"""aioimaplib with framing by the RFC: answers are split at CRLF outside literals, in one linear pass.

As shipped (2.0.3) the library counts brackets in mail text, deletes every ``* `` in it, and takes time quadratic in the
size of an answer; it loses EXISTS outside IDLE, and a lost connection wakes nobody. Here one command runs at a time,
its answers are handed over whole, and whatever ends the connection ends the command.
"""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from typing import TYPE_CHECKING, Final

from aioimaplib import aioimaplib

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker.mail.imap_syntax import Answer

# At DEBUG it logs passwords, tokens and whole mails, at INFO lines of answers.
logging.getLogger("aioimaplib").setLevel(logging.WARNING)

_LITERAL: Final = re.compile(rb"\{(\d{1,12})\+?\}$")
_MAX_LINE: Final = 64 * 1024 * 1024  # bytes: a SEARCH over millions of mails is one line
_MAX_LITERAL: Final = 256 * 1024 * 1024  # bytes: far above what is ever asked for


class ConnectionEnded(Exception):
    """The connection is of no more use; the message says why, without data."""


class FramedCommand(aioimaplib.Command):  # type: ignore[misc]  # the library ships no types
    """A command whose answers are whole, and which can be failed from outside."""

    _exception: Exception | None

    def __init__(
        self,
        name: str,
        tag: str,
        *args: str,
        prefix: str = "",
        timeout: float,
        secrets: Sequence[str] = (),
        news: asyncio.Event | None = None,
    ) -> None:
        super().__init__(name, tag, *args, prefix=prefix, timeout=timeout)
        self.answers: list[Answer] = []
        self.secrets = list(secrets)  # what to say when the server asks for more (AUTHENTICATE)
        self.news = news  # set when the server asks for nothing more than patience (IDLE)

    def touch(self) -> None:
        """Bytes came: the time-out counts from now."""
        self._reset_timer()

    def fail(self, why: str) -> None:
        """End the wait with ``ConnectionEnded``."""
        self._exception = self._exception or ConnectionEnded(why)
        self._timer.cancel()
        self._event.set()


class FramedProtocol(aioimaplib.IMAP4ClientProtocol):  # type: ignore[misc]  # the library ships no types
    """The library's protocol with its own reading of bytes replaced."""

    transport: asyncio.Transport | None

    def __init__(self, loop: asyncio.AbstractEventLoop, conn_lost_cb: Callable[[Exception | None], None] | None = None) -> None:
        super().__init__(loop, conn_lost_cb)
        self.greeting: asyncio.Future[bytes] = loop.create_future()
        self.exists = 0  # mails in the selected folder, as far as announced
        self.arrived = asyncio.Event()  # more mails were announced than were known
        self.lost = False
        self._why = ""
        self._handshake = False  # STARTTLS is agreed: the next bytes are TLS's, not ours
        self._current: FramedCommand | None = None
        self._unread = bytearray()
        self._scanned = 0  # bytes of _unread known to hold no line end
        self._literal = -1  # bytes of a literal still to come, -1 outside
        self._pieces: list[bytes] = []

    @property
    def busy(self) -> bool:
        """A command is under way."""
        return self._current is not None

    @property
    def unread(self) -> int:
        """Bytes that came and belong to no whole answer yet."""
        return len(self._unread) + len(self._pieces)

    def data_received(self, d: bytes) -> None:
        """Take bytes and hand over every answer that is whole."""
        self._unread += d
        if self._current is not None:
            self._current.touch()
        while not self.lost and (self._take_literal() if self._literal >= 0 else self._take_line()):
            pass

    def _take_literal(self) -> bool:
        if len(self._unread) < self._literal:
            return False
        self._pieces.append(self._cut(self._literal))
        self._literal = -1
        return True

    def _take_line(self) -> bool:
        end = self._unread.find(b"\r\n", max(self._scanned - 1, 0))
        if end < 0:
            self._scanned = len(self._unread)
            if self._scanned > _MAX_LINE:
                self.end("the server sent a line without end")
            return False
        line = self._cut(end)
        del self._unread[:2]
        self._scanned = 0
        self._pieces.append(line)
        literal = _LITERAL.search(line)
        if literal is None:
            answer, self._pieces = tuple(self._pieces), []
            self._dispatch(answer)
            return True
        self._literal = int(literal[1])
        if self._literal > _MAX_LITERAL:
            self.end("the server announced more than was asked for")
        return True

    def _cut(self, length: int) -> bytes:
        with memoryview(self._unread) as view:
            piece = bytes(view[:length])
        del self._unread[:length]
        return piece

    def _dispatch(self, answer: Answer) -> None:
        line = answer[0]
        if self._handshake:
            self.end("the server sent data before the TLS handshake")
        elif not self.greeting.done():
            self.greeting.set_result(line)
        elif line.startswith(b"* "):
            self._untagged((line[2:], *answer[1:]))
        elif line.startswith(b"+"):
            self._challenged()
        elif self._current is not None and line.startswith(self._current.tag.encode() + b" "):
            self._handshake = self._current.name == "STARTTLS" and line[len(self._current.tag) + 1 :].startswith(b"OK")
            self._response_done(line)
        else:
            self.end("the server answered something that was not asked")

    def _untagged(self, answer: Answer) -> None:
        number, _, word = answer[0].partition(b" ")
        if number.isdigit() and word.upper() == b"EXISTS":
            if int(number) > self.exists:
                self.arrived.set()
            self.exists = int(number)
        elif number.isdigit() and word.upper() == b"EXPUNGE":
            self.exists = max(self.exists - 1, 0)
        if self._current is not None:
            self._current.answers.append(answer)

    def _challenged(self) -> None:
        command = self._current
        if command is None:
            self.end("the server asked for more out of turn")
        elif command.news is not None:
            command.news.set()
        else:
            self.send(command.secrets.pop(0) if command.secrets else "*")

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake whoever waits."""
        super().connection_lost(exc)
        self._over("the server closed the connection")

    def end(self, why: str) -> None:
        """Close at once; a command under way fails with ``why``."""
        self._over(why)
        if self.transport is not None:
            self.transport.abort()

    def _over(self, why: str) -> None:
        self.lost = True
        self._why = self._why or why
        if not self.greeting.done():
            self.greeting.set_exception(ConnectionEnded(why))
            self.greeting.exception()  # marked as seen: the caller may have gone
        if self._current is not None:
            self._current.fail(why)
        self.arrived.set()

    async def run(
        self, name: str, *args: str, prefix: str = "", timeout: float, secrets: Sequence[str] = (), news: asyncio.Event | None = None
    ) -> tuple[bytes, list[Answer]]:
        """Run one command; its status line (``OK ...``) and its untagged answers. One at a time.

        Raises ``ConnectionEnded``, also for a time-out; the connection is closed then.
        """
        if self.lost or self._current is not None:
            raise ConnectionEnded(self._why or "another command is under way")
        command = self._current = FramedCommand(name, self.new_tag(), *args, prefix=prefix, timeout=timeout, secrets=secrets, news=news)
        try:
            response = await self.execute(command)
        except aioimaplib.CommandTimeout:
            self.end("the server does not answer")
            raise ConnectionEnded("the server does not answer") from None
        except aioimaplib.AioImapException as error:
            self.end("wrong order of commands")
            raise ConnectionEnded(f"wrong order of commands: {name}") from error
        except BaseException:
            self.end("given up")
            raise
        finally:
            self._current = None
        return f"{response.result} ".encode() + response.lines[-1], command.answers

    async def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """Upgrade after STARTTLS. What came before the handshake was not protected and is not believed."""
        if self.transport is not None:
            self.transport.pause_reading()
        if self.unread:
            self.end("the server sent data before the TLS handshake")
        if self.transport is None or self.lost:
            raise ConnectionEnded(self._why)
        self._handshake = False
        self.transport = await asyncio.get_running_loop().start_tls(self.transport, self, context, server_hostname=host)


class FramedClient(aioimaplib.IMAP4):  # type: ignore[misc]  # the library ships no types
    """The library's client on our protocol."""

    protocol: FramedProtocol

    def create_client(
        self,
        host: str,
        port: int,
        loop: asyncio.AbstractEventLoop | None,
        conn_lost_cb: Callable[[Exception | None], None] | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """Begin to connect (called by the library's constructor)."""
        loop = loop or asyncio.get_running_loop()
        self.protocol = FramedProtocol(loop, conn_lost_cb)
        self._client_task = loop.create_task(loop.create_connection(lambda: self.protocol, host, port, ssl=ssl_context))

    async def greeted(self) -> bytes:
        """The server's first line. Raises ``OSError`` or ``ConnectionEnded``."""
        try:
            await self._client_task
            return await self.protocol.greeting
        except BaseException:
            self._client_task.cancel()
            raise
