"""The door by which mail comes in: fetched, committed, and only then let go in the mailbox.

The cursor (UIDVALIDITY and the last contiguous stored UID) stands in our database; flags of the mailbox are never the
truth. A mail that cannot be fetched stays pending and does not stop those behind it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import structlog

from worker.engine.stopping import Stop
from worker.errors import MailboxUnavailable, StoreUnavailable, UnreadableMail
from worker.mail.imap import Mailbox
from worker.mail.parse import content_key, parse, raw_content_key
from worker.rules.model import MailState
from worker.store import mails

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.casework.desk import Desk
    from worker.mail.imap import Fetched, FolderState
    from worker.mail.imap_settings import MailboxSettings
    from worker.store import Tx

log = structlog.get_logger(__name__)
_WAITS: Final = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0)  # seconds between attempts to connect
_LOT: Final = 100  # mails asked for at once; those that come together are one transaction


@dataclass(slots=True)
class _Folder:
    """One folder as this connection sees it."""

    name: str
    uidvalidity: int
    uid: int
    pending: set[int]
    first_connected_at: datetime
    #: UIDs below this one were there when the folder was begun, or came again when it was numbered anew: some may be history.
    resync_below: int


class Intake:
    """Polls one mailbox until it is cancelled; ``connected`` tells ``/readyz`` and the health page."""

    def __init__(self, desk: Desk, settings: MailboxSettings) -> None:
        self._desk = desk
        self._settings = settings
        #: When every folder of the mailbox was read for the first time; None while that goes on.
        self._first: datetime | None = None
        self._missing: set[str] = set()
        self.connected = False

    @property
    def name(self) -> str:
        """The mailbox's name in the settings."""
        return self._settings.name

    async def run(self) -> None:
        """Connect, fetch, wait, for ever. A server that is down is tried again with growing waits, never given up."""
        attempt = 0
        while True:
            try:
                await self._session()
            except (MailboxUnavailable, StoreUnavailable) as error:
                attempt = 0 if self.connected else attempt + 1
                await self._lost(str(error))
            await asyncio.sleep(_WAITS[min(attempt, len(_WAITS) - 1)])

    async def _lost(self, problem: str) -> None:
        self.connected = False
        log.warning("mailbox unavailable", mailbox=self._settings.name, problem=problem)
        with suppress(StoreUnavailable):  # it is noted with the next attempt
            await self._desk.store.run(mails.note_door, self._settings.name, problem)

    async def _session(self) -> None:
        mailbox = Mailbox(self._settings)
        try:
            await mailbox.connect()
            self._first = await self._desk.store.run(mails.first_connected, self._settings.name)
            while True:
                await self._round(mailbox)
        finally:
            await mailbox.close()

    async def _names(self, mailbox: Mailbox) -> tuple[str, ...]:
        """The folders to read, asked each time: servers make Junk with the first spam. One that is not there is told once."""
        folders = await mailbox.folders()
        for name in set(folders.missing) - self._missing:
            log.warning("a folder of the settings is not there", mailbox=self._settings.name, folder=name)
        self._missing = set(folders.missing)
        if not folders.found:
            raise MailboxUnavailable(f"mailbox {self._settings.name}: none of its folders is there")
        return folders.found

    async def _found(self, folders: int) -> None:
        """Connected means: every folder was read once. Only then is mail from before told from mail of now."""
        if not self.connected:
            log.info("mailbox connected", mailbox=self._settings.name, folders=folders)
            await self._desk.store.run(mails.note_door, self._settings.name, "connected")
            self._first = await self._desk.store.run(mails.first_connected, self._settings.name)
            self.connected = True

    async def _round(self, mailbox: Mailbox) -> None:
        """Look into every folder, the first one last, and wait there: what arrives in it is taken at once."""
        loop = asyncio.get_running_loop()
        names = await self._names(mailbox)
        for name in reversed(names[1:]):
            await self._enter(mailbox, name)
        folder = await self._enter(mailbox, names[0])
        await self._found(len(names))
        end = loop.time() + self._settings.poll
        while (left := end - loop.time()) > 0 and await mailbox.wait(left):
            await self._fetch(mailbox, folder)

    async def _enter(self, mailbox: Mailbox, name: str) -> _Folder:
        """Select a folder and take what is new; first let go what a kill between commit and move left behind."""
        state = await mailbox.select(name)
        folder = await self._open(mailbox, name, state)
        if self._settings.after == "move":
            left = await self._desk.store.run(mails.not_moved, self._settings.name, name, state.uidvalidity)
            await self._let_go(mailbox, folder, left)
        await self._fetch(mailbox, folder)
        return folder

    async def _fetch(self, mailbox: Mailbox, folder: _Folder) -> None:
        uids = sorted({*folder.pending, *await mailbox.uids_above(folder.uid)})
        for start in range(0, len(uids), _LOT):
            some = uids[start : start + _LOT]
            folder.pending.update(some)
            folder.uid = max(folder.uid, *some)
            async for lot in mailbox.fetch_lots(some):
                await self._take_lot(mailbox, folder, lot)
            # What somebody else removed meanwhile will never come.
            if gone := folder.pending.intersection(some):
                folder.pending -= gone.difference(await mailbox.sizes(gone))

    async def _open(self, mailbox: Mailbox, name: str, state: FolderState) -> _Folder:
        """Where to go on in a folder; one that was never read begins."""
        cursor = await self._desk.store.run(mails.cursor, self._settings.name, name)
        if cursor is None:
            cursor = await self._begin(mailbox, state)
            await self._desk.store.run(mails.begin_folder, self._settings.name, name, cursor)
        elif cursor.uidvalidity != state.uidvalidity:
            log.warning("the server numbers a folder anew: it is read again", mailbox=self._settings.name)
            await self._desk.store.run(mails.renumbered, self._settings.name, name, state.uidvalidity, state.uidnext)
            cursor = replace(cursor, uidvalidity=state.uidvalidity, uid=0, pending=(), resync_below=state.uidnext)
        return _Folder(name, cursor.uidvalidity, cursor.uid, set(cursor.pending), cursor.first_connected_at, cursor.resync_below)

    async def _begin(self, mailbox: Mailbox, state: FolderState) -> mails.Cursor:
        """The cursor of a folder that was never read.

        The mailbox's first connection begins behind what is there, or on the day of ``since``. A folder that appeared
        since then is read from its beginning; of what is older than the first connection only those are fetched that
        stand among its newer mails, or came the day before: the server's days may end at another hour.
        """
        now, first = self._desk.clock.now(), self._first
        since = self._settings.since if first is None else (self._history_before(first) - timedelta(days=1)).date()
        later = [] if since is None else await mailbox.uids_since(since)
        uid = min(later, default=state.uidnext) - 1
        fetched = [] if since is None else await mailbox.uids_above(uid)
        history = state.exists - sum(each < state.uidnext for each in fetched)
        return mails.Cursor(state.uidvalidity, uid, (), first or now, 0 if since is None else state.uidnext, history, uid)

    def _history_before(self, first: datetime) -> datetime:
        """What came before this moment is history: ``since``, or the first connection. INTERNALDATE has whole seconds."""
        since, begun = self._settings.since, first.replace(microsecond=0)
        return begun if since is None else min(begun, datetime.combine(since, time(), ZoneInfo(self._desk.timezone)))

    async def _take_lot(self, mailbox: Mailbox, folder: _Folder, fetched: Sequence[Fetched]) -> None:
        folder.pending.difference_update(mail.uid for mail in fetched)
        arrivals = await asyncio.to_thread(self._arrivals, folder, fetched)
        await self._desk.store.run(self._commit, folder, arrivals)
        await self._let_go(mailbox, folder, [a.uid for a in arrivals if a.whole and a.state is not MailState.HISTORY])

    def _arrivals(self, folder: _Folder, fetched: Sequence[Fetched]) -> list[mails.Arrival]:
        return [
            mails.Arrival(
                self._settings.name,
                folder.name,
                folder.uidvalidity,
                m.uid,
                m.internal_date,
                self._key(m),
                m.raw,
                self._state(folder, m.uid, m.internal_date),
                not m.truncated,
            )
            for m in fetched
        ]

    def _key(self, fetched: Fetched) -> str:
        try:
            return content_key(parse(fetched.raw, self._desk.limits), whole=not fetched.truncated)
        except UnreadableMail:
            return raw_content_key(fetched.raw)
        except Exception:
            # A defect of ours in one mail must not stop the door: it is stored, and held when it is read.
            log.exception("a mail could not be recognised by its content")
            return raw_content_key(fetched.raw)

    def _state(self, folder: _Folder, uid: int, received_at: datetime) -> MailState:
        """History only when it surely came before, and was there before."""
        older = uid < folder.resync_below and received_at < self._history_before(folder.first_connected_at)
        return MailState.HISTORY if older else MailState.STORED

    def _commit(self, tx: Tx, folder: _Folder, arrivals: list[mails.Arrival]) -> None:
        to_read = mails.add_lot(tx, arrivals)
        mails.set_cursor(tx, self._settings.name, folder.name, folder.uidvalidity, folder.uid, folder.pending)
        if to_read:
            self._desk.engine.enqueue(tx, "take", "take", to_read)

    async def _let_go(self, mailbox: Mailbox, folder: _Folder, uids: Sequence[int]) -> None:
        """Move what is recorded; from here on the row is the promise."""
        if self._settings.after == "move" and uids:
            stop = Stop()
            await stop.see_through(self._move(stop, mailbox, folder, uids))

    async def _move(self, stop: Stop, mailbox: Mailbox, folder: _Folder, uids: Sequence[int]) -> None:
        """A move takes several commands on some servers: a stop in between would leave a mail in both folders."""
        async with stop.under_way():
            await mailbox.move(uids, self._settings.processed)
        await self._desk.store.run(mails.mark_moved, self._settings.name, folder.name, folder.uidvalidity, uids)
