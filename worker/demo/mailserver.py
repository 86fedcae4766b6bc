"""An IMAP server in this process, on pymap: the company's mailbox of the demo and of tests. Its mails live in memory."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from argparse import Namespace
from asyncio import StreamReader, StreamWriter
from datetime import UTC, datetime
from typing import Any, Final

from proxyprotocol.sock import SocketInfoLocal
from pymap.backend.dict import DictBackend
from pymap.concurrent import Subsystem
from pymap.imap import IMAPServer
from pymap.parsing.message import AppendMessage
from pymap.parsing.specials import FetchRequirement
from pysasl.hashing import BuiltinHash

USER: Final = "privacy"
FOLDERS: Final = ("INBOX", "Junk", "Processed")
_ROUNDS: Final = 1_000  # of the password's hash: the mailbox lives for minutes, on this machine


class ImapServer:
    """One mailbox, user :data:`USER`, with the folders :data:`FOLDERS`; UIDPLUS, MOVE and IDLE."""

    def __init__(self, password: str = "demo") -> None:  # noqa: S107 - a mailbox of invented people
        self.password = password
        self.port = 0
        self._backend: DictBackend | None = None
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; with port 0 the system chooses, see :attr:`port`."""
        # What a client does wrong is pymap's to say, on the wire; it logs whole mails otherwise.
        logging.getLogger("pymap").setLevel(logging.CRITICAL)
        self._backend = await self._empty()
        imap = IMAPServer(self._backend.login, self._backend.config)

        def connected(reader: StreamReader, writer: StreamWriter) -> None:
            # The loop itself keeps no reference to a connection's task: it could vanish in its middle.
            task = asyncio.create_task(_serve(imap, reader, writer))
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)

        self._server = await asyncio.start_server(connected, host, port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close every connection and forget the mails."""
        if self._server is not None:
            self._server.close()
        await self.drop_connections()
        if self._server is not None:
            await self._server.wait_closed()
        self._server = self._backend = None

    async def drop_connections(self) -> None:
        """Cut every client off, as a server does that is restarted."""
        for task in tuple(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def append(self, folder: str, raw: bytes, when: datetime | None = None) -> None:
        """Put a mail into ``folder``; ``when`` is its INTERNALDATE, by default now."""
        async with self._session() as session:
            await session.append_messages(folder, [AppendMessage(raw, (when or datetime.now(UTC)).astimezone())])

    async def mails(self, folder: str) -> list[bytes]:
        """The mails in ``folder``, oldest first."""
        async with self._session() as session:
            mailbox = await session.mailbox_set.get_mailbox(folder)
            return [await _raw(message) async for message in mailbox.messages()]

    async def _empty(self) -> DictBackend:
        arguments = Namespace(
            debug=False, host=None, port=0, cert=None, key=None, tls=False, passlib_cfg=None, proxy_protocol=None, demo_data=False, demo_user=USER,
            demo_password=self.password,
        )  # fmt: skip
        quick: dict[str, Any] = {"hash_context": BuiltinHash(rounds=_ROUNDS), "cpu_subsystem": Subsystem.for_asyncio()}
        backend, _ = await DictBackend.init(arguments, secure_auth=False, **quick)
        async with backend.login.demo_user_identity.new_session() as session:
            for folder in FOLDERS[1:]:
                await session.mailbox_set.add_mailbox(folder)
        return backend

    def _session(self) -> contextlib.AbstractAsyncContextManager[Any]:
        if self._backend is None:
            msg = "the mail server is not running"
            raise RuntimeError(msg)
        return self._backend.login.demo_user_identity.new_session()


async def _serve(imap: IMAPServer, reader: StreamReader, writer: StreamWriter) -> None:
    # A client that hangs up in the middle is nothing to report here: whether the desk copes is what is watched.
    with contextlib.suppress(Exception):
        await imap(reader, writer, SocketInfoLocal(writer))


async def _raw(message: Any) -> bytes:
    loaded = await message.load_content(FetchRequirement.CONTENT)
    return bytes(loaded.get_body(None))
