"""A mailbox over IMAP: what came, fetched whole and in lots, and let go when told to.

Flags are never read and never set (others open mails too). A mailbox that raised ``MailboxUnavailable`` is closed:
``connect`` again.
"""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from worker.errors import MailboxUnavailable
from worker.mail.imap_folders import Folders, choose
from worker.mail.imap_framing import ConnectionEnded, FramedClient, FramedProtocol
from worker.mail.imap_settings import MailboxSettings
from worker.mail.imap_syntax import (
    Answer,
    code,
    codes_only,
    counted,
    fetched,
    folder_name,
    internal_date,
    listed,
    numbers,
    quoted,
    search_date,
    uid_set,
    values,
)  # fmt: skip

MAX_LOT: Final = 100  # mails of one FETCH
MAX_LOT_BYTES: Final = 8 * 1024 * 1024  # of one FETCH, unless one mail alone is larger
_SIZES_LOT: Final = 1_000  # mails whose sizes are asked at once
_MOVE_LOT: Final = 500  # UIDs in one command line
_IDLE_ROUND: Final = 28 * 60.0  # seconds: servers may end a session after 30 minutes, RFC 2177
_LONG: Final = 20  # times the time-out: the most that one command may take, however slowly bytes drip


@dataclass(frozen=True, slots=True)
class FolderState:
    """A selected folder. A changed ``uidvalidity`` means that all UIDs known before are void."""

    uidvalidity: int
    uidnext: int
    exists: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """One mail. ``truncated``: it is larger than the limit, ``raw`` is its beginning."""

    folder: str
    uidvalidity: int
    uid: int
    internal_date: datetime  # aware: when the server received it
    raw: bytes = field(repr=False)
    truncated: bool = False


class Mailbox:
    """One connection. Its methods are called one after the other, never at the same time."""

    def __init__(self, settings: MailboxSettings) -> None:
        self._settings = settings
        self._client: FramedClient | None = None
        self._folder = ""
        self._state = FolderState(0, 0, 0)
        self._prefix = ""  # of the personal namespace, such as "INBOX."

    # --- the connection -------------------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Connect, begin TLS, log in. Raises ``MailboxUnavailable``, whose message never holds the login's secrets."""
        await self.close()
        settings = self._settings
        try:
            async with asyncio.timeout(settings.timeout):
                await self._begin()
        except ssl.SSLError as error:
            raise self._gone(f"TLS: {error.reason or error}") from error
        except TimeoutError as error:
            raise self._gone("the server does not answer") from error
        except (OSError, ConnectionEnded) as error:
            raise self._gone(str(error)) from error
        except BaseException:
            self._drop()
            raise

    async def _begin(self) -> None:
        settings = self._settings
        context = ssl.create_default_context(cafile=settings.ca_file) if settings.tls != "none" else None
        self._client = FramedClient(
            settings.host, settings.port, timeout=settings.timeout, ssl_context=context if settings.tls == "implicit" else None
        )
        greeting = await self._client.greeted()
        protocol = self._client.protocol
        protocol.state = "NONAUTH"
        if settings.tls == "starttls" and context is not None:
            await self._start_tls(protocol, context, greeting)
        if greeting.startswith(b"* PREAUTH"):
            protocol.state = "AUTH"
        elif greeting.startswith(b"* OK"):
            await self._login(protocol)
        else:
            raise ConnectionEnded(f"the server refuses connections {codes_only(greeting)}")
        await self._capabilities(protocol)
        await self._namespace(protocol)

    async def _start_tls(self, protocol: FramedProtocol, context: ssl.SSLContext, greeting: bytes) -> None:
        if not greeting.startswith(b"* OK"):  # PREAUTH would skip TLS and the login: somebody may stand in between
            raise ConnectionEnded("the server does not begin TLS: look at tls")
        status, _ = await protocol.run("STARTTLS", timeout=self._settings.timeout)
        if not status.startswith(b"OK"):
            raise ConnectionEnded("the server does not offer STARTTLS: look at tls")
        await protocol.start_tls(context, self._settings.host)

    async def _capabilities(self, protocol: FramedProtocol) -> None:
        _, answers = await protocol.run("CAPABILITY", timeout=self._settings.timeout)
        words = (answer[0].decode("ascii", "replace").upper().split() for answer in answers)
        protocol.capabilities = {word for line in words if line[:1] == ["CAPABILITY"] for word in line[1:]}

    async def _login(self, protocol: FramedProtocol) -> None:
        settings = self._settings
        await self._capabilities(protocol)
        user, password = settings.user, settings.password
        if settings.auth == "xoauth2":
            status = await self._authenticate(protocol, "XOAUTH2", f"user={user}\1auth=Bearer {password}\1\1")
        elif "LOGINDISABLED" in protocol.capabilities or not (user + password).isascii() or not (user + password).isprintable():
            status = await self._authenticate(protocol, "PLAIN", f"\0{user}\0{password}")
        else:
            status, _ = await protocol.run("LOGIN", quoted(user), quoted(password), timeout=settings.timeout)
        if not status.startswith(b"OK"):
            raise ConnectionEnded(f"the server refused the login ({codes_only(status)}): look at user, auth and password")
        protocol.state = "AUTH"

    async def _authenticate(self, protocol: FramedProtocol, mechanism: str, words: str) -> bytes:
        """SASL. After the words, an empty line answers the challenge that a refused token gets."""
        secret = b64encode(words.encode()).decode("ascii")
        first = [secret] if "SASL-IR" in protocol.capabilities else []
        later = [""] if first else [secret, ""]
        status, _ = await protocol.run("AUTHENTICATE", mechanism, *first, timeout=self._settings.timeout, secrets=later)
        return status

    async def _namespace(self, protocol: FramedProtocol) -> None:
        if "NAMESPACE" not in protocol.capabilities:
            return
        _, answers = await protocol.run("NAMESPACE", timeout=self._settings.timeout)
        for answer in answers:
            read = values(answer)
            if read[:1] == [b"NAMESPACE"] and len(read) > 1 and isinstance(read[1], list) and read[1] and isinstance(read[1][0], list):
                first = read[1][0][0] if read[1][0] else b""
                self._prefix = first.decode("utf-8", "replace") if isinstance(first, bytes) else ""

    async def close(self) -> None:
        """Take leave and close. Never fails; safe at any time."""
        client = self._client
        if client is not None and client.protocol.transport is not None and not client.protocol.lost and not client.protocol.busy:
            try:
                async with asyncio.timeout(1):
                    await client.protocol.run("LOGOUT", timeout=1)
            except (ConnectionEnded, TimeoutError):
                pass
        self._drop()

    def _drop(self) -> None:
        if self._client is not None:
            self._client.protocol.end("closed")
            self._client = None

    def _gone(self, why: str) -> MailboxUnavailable:
        self._drop()
        return MailboxUnavailable(f"mailbox {self._settings.name} at {self._settings.host}:{self._settings.port}: {why}")

    async def _run(self, name: str, *args: str, uid: bool = False) -> tuple[bytes, list[Answer]]:
        """One command, whatever its status. After any trouble the connection is dropped: a late answer would be taken for another's."""
        if self._client is None:
            raise self._gone("not connected")
        try:
            async with asyncio.timeout(self._settings.timeout * _LONG):
                return await self._client.protocol.run(name, *args, prefix="UID" if uid else "", timeout=self._settings.timeout)
        except TimeoutError as error:
            raise self._gone("the server does not come to an end") from error
        except ConnectionEnded as error:
            raise self._gone(str(error)) from error

    async def _ok(self, name: str, *args: str, uid: bool = False) -> list[Answer]:
        """The answers of a command that must succeed."""
        status, answers = await self._run(name, *args, uid=uid)
        if not status.startswith(b"OK"):
            raise self._gone(f"{name} was refused ({codes_only(status)})")
        return answers

    @property
    def _protocol(self) -> FramedProtocol:
        if self._client is None:
            raise self._gone("not connected")
        return self._client.protocol

    # --- folders --------------------------------------------------------------------------------------------------

    async def folders(self) -> Folders:
        """Which of the configured folders exist now."""
        lines = [found for answer in await self._ok("LIST", '""', '"*"') if (found := listed(answer))]
        return choose(self._settings.folders, lines, self._prefix)

    async def select(self, folder: str) -> FolderState:
        """Open a folder; the following calls are about it."""
        protocol = self._protocol
        self._folder, protocol.exists = folder, 0
        answers = await self._ok("SELECT", folder_name(folder))
        protocol.state = "SELECTED"
        protocol.arrived.clear()
        found = {name: [int(value) for answer in answers if (value := code(answer, name))] for name in (b"UIDVALIDITY", b"UIDNEXT")}
        if not found[b"UIDVALIDITY"]:
            raise self._gone("the server gives a folder no UIDVALIDITY")
        exists = next((n for answer in reversed(answers) if (n := counted(answer, b"EXISTS")) is not None), 0)
        uidnext = found[b"UIDNEXT"][-1] if found[b"UIDNEXT"] else max(await self.uids_above(0), default=0) + 1
        self._state = FolderState(found[b"UIDVALIDITY"][-1], uidnext, exists)
        return self._state

    # --- mails ----------------------------------------------------------------------------------------------------

    async def uids_above(self, uid: int) -> list[int]:
        """Every UID above ``uid``, ascending; ``n:*`` always names the last mail too (RFC 3501 section 6.4.8)."""
        self._protocol.arrived.clear()
        return [found for found in await self._search("UID", f"{uid + 1}:*") if found > uid]

    async def uids_since(self, day: date) -> list[int]:
        """Every UID whose mail the server received on ``day`` or later, ascending."""
        return await self._search("SINCE", search_date(day))

    async def _search(self, *criteria: str) -> list[int]:
        answers = await self._ok("SEARCH", *criteria, uid=True)
        return sorted({number for answer in answers for number in numbers(answer, b"SEARCH")})

    async def sizes(self, uids: Iterable[int]) -> dict[int, int]:
        """UID to bytes; UIDs that are gone are missing."""
        wanted = sorted(set(uids))
        found: dict[int, int] = {}
        for at in range(0, len(wanted), _SIZES_LOT):
            for answer in await self._ok("FETCH", uid_set(wanted[at : at + _SIZES_LOT]), "(UID RFC822.SIZE)", uid=True):
                items = fetched(answer)
                uid, size = items.get(b"UID", b""), items.get(b"RFC822.SIZE", b"")
                if isinstance(uid, bytes) and isinstance(size, bytes) and uid.isdigit() and size.isdigit():
                    found[int(uid)] = int(size)
        return found

    async def fetch(self, uids: Iterable[int]) -> AsyncIterator[Fetched]:
        """The mails of ``uids``, lot by lot; those that are gone are left out. Nothing is marked as read."""
        async for lot in self.fetch_lots(uids):
            for mail in lot:
                yield mail

    async def fetch_lots(self, uids: Iterable[int]) -> AsyncIterator[list[Fetched]]:
        """As ``fetch``, a lot at a time: at most 100 mails or 8 MB, so that memory stays bounded."""
        sizes = await self.sizes(uids)
        limit = self._settings.max_size
        for lot in _lots({uid: size for uid, size in sizes.items() if size <= limit}):
            yield await self._fetch_lot(lot, "BODY.PEEK[]", truncated=False)
        for uid in sorted(uid for uid, size in sizes.items() if size > limit):
            yield await self._fetch_lot([uid], f"BODY.PEEK[]<0.{min(limit, self._settings.keep_of_larger)}>", truncated=True)

    async def _fetch_lot(self, uids: Sequence[int], item: str, *, truncated: bool) -> list[Fetched]:
        wanted = set(uids)
        answers = await self._ok("FETCH", uid_set(uids), f"(UID INTERNALDATE {item})", uid=True)
        mails = [mail for answer in answers if (mail := self._mail(answer, truncated=truncated)) and mail.uid in wanted]
        return sorted({mail.uid: mail for mail in mails}.values(), key=lambda mail: mail.uid)

    def _mail(self, answer: Answer, *, truncated: bool) -> Fetched | None:
        """One mail, or None for an answer about something else (others change flags while we fetch)."""
        items = fetched(answer)
        uid, stamp = items.get(b"UID"), items.get(b"INTERNALDATE")
        body = items.get(b"BODY[]<0>" if truncated else b"BODY[]")
        if not (isinstance(uid, bytes) and uid.isdigit() and isinstance(stamp, bytes) and isinstance(body, bytes)):
            return None
        received = internal_date(stamp)
        raw = b"" if len(answer) == 1 and body == b"NIL" else body
        return Fetched(self._folder, self._state.uidvalidity, int(uid), received, raw, truncated) if received else None

    async def move(self, uids: Iterable[int], folder: str) -> None:
        """Move mails of the selected folder; the target is created when it is missing. UIDs that are gone are no error.

        Without MOVE (RFC 6851): copy, mark, and expunge these UIDs alone. Without UIDPLUS they stay, marked as deleted:
        a plain EXPUNGE would remove what others have marked.
        """
        wanted = sorted(set(uids))
        for at in range(0, len(wanted), _MOVE_LOT):
            await self._move_lot(uid_set(wanted[at : at + _MOVE_LOT]), folder)

    async def _move_lot(self, lot: str, folder: str) -> None:
        can = self._protocol.capabilities
        command = "MOVE" if "MOVE" in can else "COPY"
        await self._into(command, lot, folder)
        if command == "COPY":
            await self._ok("STORE", lot, "+FLAGS.SILENT", "(\\Deleted)", uid=True)
            if "UIDPLUS" in can:
                await self._ok("EXPUNGE", lot, uid=True)

    async def _into(self, command: str, lot: str, folder: str) -> None:
        target = folder if folder.startswith(self._prefix) or folder.upper() == "INBOX" else self._prefix + folder
        status, _ = await self._run(command, lot, folder_name(target), uid=True)
        if status.startswith(b"NO"):  # most say TRYCREATE, not all
            await self._run("CREATE", folder_name(target))
            await self._run("SUBSCRIBE", folder_name(target))
            await self._ok(command, lot, folder_name(target), uid=True)
        elif not status.startswith(b"OK"):
            raise self._gone(f"{command} was refused ({codes_only(status)})")

    # --- waiting --------------------------------------------------------------------------------------------------

    async def wait(self, timeout: float) -> bool:
        """Wait until mail is announced in the selected folder, at most ``timeout`` seconds; True if it was."""
        arrived = self._protocol.arrived
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout
        while not arrived.is_set() and (left := end - loop.time()) > 0:
            if self._settings.idle and "IDLE" in self._protocol.capabilities:
                await self._idle(min(left, _IDLE_ROUND))
            else:
                await asyncio.sleep(left)
                await self._ok("NOOP")
        if self._protocol.lost:
            raise self._gone("the server closed the connection")
        return arrived.is_set()

    async def _idle(self, seconds: float) -> None:
        """One round of IDLE (RFC 2177): it ends at the first announcement, after ``seconds``, or with the connection."""
        protocol = self._protocol
        accepted = asyncio.Event()
        limit = seconds + 2 * self._settings.timeout
        command = asyncio.ensure_future(protocol.run("IDLE", timeout=limit, news=accepted))
        try:
            await _begun(command, accepted, self._settings.timeout)
            await _first(command, protocol.arrived.wait(), seconds)
            if not command.done():
                protocol.idle_done()
            async with asyncio.timeout(self._settings.timeout):
                status, _ = await command
        except TimeoutError as error:
            raise self._gone("the server does not end IDLE") from error
        except ConnectionEnded as error:
            raise self._gone(str(error)) from error
        finally:
            command.cancel()
        if not status.startswith(b"OK"):
            protocol.capabilities.discard("IDLE")  # it was offered and refused: look at intervals instead


async def _begun(command: asyncio.Future[tuple[bytes, list[Answer]]], accepted: asyncio.Event, seconds: float) -> None:
    """Wait until the server has accepted or refused the command."""
    await _first(command, accepted.wait(), seconds)
    if not command.done() and not accepted.is_set():
        raise ConnectionEnded("the server does not answer")


async def _first(command: asyncio.Future[tuple[bytes, list[Answer]]], event: Coroutine[Any, Any, Any], seconds: float) -> None:
    """Wait for the command's end or the event, at most ``seconds``; the command goes on."""
    waiter: asyncio.Future[Any] = asyncio.ensure_future(event)
    try:
        await asyncio.wait({command, waiter}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiter.cancel()


def _lots(sizes: dict[int, int]) -> list[list[int]]:
    """UIDs in lots of at most 100 mails or 8 MB."""
    lots: list[list[int]] = []
    room = 0
    for uid, size in sorted(sizes.items()):
        if not lots or len(lots[-1]) >= MAX_LOT or size > room:
            lots.append([])
            room = MAX_LOT_BYTES
        lots[-1].append(uid)
        room -= size
    return lots
