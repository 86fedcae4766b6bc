"""The door by which newsletters leave: one message per reader, each result written before the next message goes.

A kill at any moment loses nobody, and at most the one message that was in flight leaves twice, with the same Message-ID
and the same bytes. Right before a message leaves, one transaction writes the result of the one before and asks whether
this reader still wants it. A stop waits a moment for the message in flight and gives every other reader back.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import structlog

from worker.casework import campaigns as issues
from worker.engine.stopping import Stop
from worker.errors import RelayRefused, RelayUnavailable
from worker.mail.campaign import compiled
from worker.newsletter.addressing import message_id
from worker.newsletter.audience import Still, edition_language, still
from worker.newsletter.guards import can_be_mailed
from worker.newsletter.schedule import is_stale, wait_after
from worker.rules.model import DeliveryState
from worker.store import campaigns, newsletters

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from worker.casework.desk import Desk
    from worker.mail.campaign import Compiled
    from worker.mail.smtp import Relay
    from worker.newsletter.settings import NewsletterSettings
    from worker.rules.model import Language
    from worker.store import Tx
    from worker.store.campaigns import Campaign, Claimed
    from worker.store.newsletters import Reader

log = structlog.get_logger(__name__)
T = TypeVar("T")

_BLOCKED: Final = "5.7."  # RFC 3463: security or policy. The relay refuses the sender, whoever the reader is


@dataclass(frozen=True, slots=True)
class _Result:
    """What became of one attempt."""

    claimed: Claimed
    state: DeliveryState
    reply: str
    due: datetime | None = None
    blocked: bool = False

    @property
    def put_off(self) -> bool:
        """The relay did not want it now: the same reader again later."""
        return self.state is DeliveryState.PLANNED and not self.blocked


class Sender:
    """Sends newsletters, one message at a time."""

    def __init__(self, desk: Desk, relay: Relay, settings: NewsletterSettings) -> None:
        self._desk = desk
        self._relay = relay
        self._settings = settings
        self._running: set[str] = set()
        self._rests_until = 0.0  # of the event loop's clock

    async def campaign(self, ids: Sequence[str] = ()) -> None:
        """Send these newsletters as far as they can be sent now; without ids all that are due.

        One that is not due, has ended, or is being sent by this process is left alone. When cancelled, the message in
        flight is waited for.
        """
        for campaign_id in ids or await self._desk.store.run(campaigns.due):
            if campaign_id not in self._running and asyncio.get_running_loop().time() >= self._rests_until:
                self._running.add(campaign_id)
                try:
                    await self._send(campaign_id)
                finally:
                    self._running.discard(campaign_id)

    async def _send(self, campaign_id: str) -> None:
        campaign = await self._desk.store.run(campaigns.begin, campaign_id)
        if campaign is None:
            return
        titles = await self._desk.store.run(issues.titles, campaign)
        run = _Run(self._desk, self._relay, self._settings, campaign, titles)
        await run.to_its_end()
        if run.tired:
            self._rests_until = asyncio.get_running_loop().time() + self._settings.pause.total_seconds()


class _Run:
    """One newsletter, as far as it goes in one go."""

    def __init__(self, desk: Desk, relay: Relay, settings: NewsletterSettings, campaign: Campaign, titles: Mapping[Language, str]) -> None:
        self._desk = desk
        self._relay = relay
        self._settings = settings
        self._campaign = campaign
        self._titles = titles
        self._imprint = issues.imprint(desk, settings)
        self._compiled: dict[Language, Compiled] = {}
        self._put_off = 0  # messages put off one after the other
        self._last = ""  # the person up to whom readers were taken
        self._stop = Stop()

    @property
    def tired(self) -> bool:
        """The relay puts off one message after the other: it is to be left alone for a while."""
        return self._put_off >= self._settings.patience

    async def to_its_end(self) -> None:
        """Send lot after lot. A cancelled caller waits a moment for the message in flight, so that its result is written."""
        await self._stop.see_through(self._work())

    async def _work(self) -> None:
        while not self._stop.asked and (lot := await self._next_lot()):
            if not await self._send_lot(lot):
                break
        ended = await self._desk.store.run(self._close)
        log.info("newsletter ended" if ended else "newsletter pauses", campaign=self._campaign.id)

    async def _next_lot(self) -> Sequence[Claimed]:
        """Readers behind the last one; at the end once more from the beginning: those whose time has come meanwhile."""
        claim = partial(self._desk.store.run, campaigns.claim, self._campaign.id, self._settings.lot, self._settings.claim_expires)
        lot: Sequence[Claimed] = await claim(self._last) or (await claim("") if self._last else ())
        self._last = lot[-1].person if lot else ""
        return lot

    async def _send_lot(self, lot: Sequence[Claimed]) -> bool:
        """True if the next lot may follow."""
        result: _Result | None = None
        for place, claimed in enumerate(lot):
            decided, token = await self._write_down(self._step, result, claimed)
            result = None
            if decided is Still.HALT or self._stop.asked:
                await self._write_down(self._stop_here, result, lot[place:])
                return False
            if decided is Still.SEND:
                result = await self._attempt(claimed, token)
            if self._stops(result):
                await self._write_down(self._stop_here, result, lot[place + 1 :])
                return False
        await self._write_down(self._write, result)
        return True

    async def _write_down(self, work: Callable[..., T], *args: Any) -> T:
        """One transaction with the result of a message that may have left: it must not be forgotten."""
        return await self._stop.insist(self._desk.store.run, work, *args)

    def _stops(self, result: _Result | None) -> bool:
        if result is not None:
            self._put_off = self._put_off + 1 if result.put_off else 0
        return self._stop.asked or self.tired or (result is not None and result.blocked)

    # Inside a transaction

    def _step(self, tx: Tx, result: _Result | None, following: Claimed) -> tuple[Still, str]:
        """Write the result of one message, and ask whether the next one may leave. Returns its reader's token as well."""
        self._write(tx, result)
        now = campaigns.standing(tx, following)
        decided = still(ours=now.ours, sending=now.sending, suppressed=now.suppressed, subscribed=now.subscribed)
        if decided is Still.SKIP:
            campaigns.settle(tx, following, DeliveryState.SKIPPED, "")
        return decided, newsletters.reader_token(tx, following.person)

    def _write(self, tx: Tx, result: _Result | None) -> None:
        if result is None:
            return
        if not campaigns.settle(tx, result.claimed, result.state, result.reply, result.due):
            log.warning("a later attempt had taken over", campaign=self._campaign.id, attempt=result.claimed.attempt)
        if result.blocked and campaigns.stop(tx, self._campaign.id):
            log.error("the relay refuses this newsletter: it is stopped", campaign=self._campaign.id, reply=result.reply)

    def _stop_here(self, tx: Tx, result: _Result | None, rest: Sequence[Claimed]) -> None:
        campaigns.give_back(tx, rest)
        self._write(tx, result)

    def _close(self, tx: Tx) -> bool:
        """End the newsletter if nobody is left; else have it woken when the next reader is due."""
        if campaigns.finish(tx, self._campaign.id):
            return True
        due = campaigns.next_due(tx, self._campaign.id)
        if due is not None:
            self._desk.engine.enqueue(tx, "campaign", self._campaign.id, [self._campaign.id], due)
        return False

    # On the wire

    async def _attempt(self, claimed: Claimed, token: str) -> _Result:
        reader = claimed.reader
        if reader is None or not can_be_mailed(reader.address.mailbox):
            return _Result(claimed, DeliveryState.FAILED, "no usable address")
        raw = self._message(claimed, reader, token)
        try:
            async with self._stop.under_way(self._settings.message_timeout.total_seconds()):
                reply = await self._relay.send(raw, self._imprint.sender, reader.address.mailbox)
        except RelayRefused as error:
            blocked = error.enhanced.startswith(_BLOCKED)
            return _Result(
                claimed,
                DeliveryState.PLANNED if blocked else DeliveryState.FAILED,
                f"{error.code} {error.enhanced}".strip(),
                blocked=blocked,
            )
        except (RelayUnavailable, TimeoutError):
            return self._later(claimed)
        return _Result(claimed, DeliveryState.SENT, _without_addresses(reply))

    def _later(self, claimed: Claimed) -> _Result:
        now = self._desk.clock.now()
        if is_stale(self._campaign.due, now, self._settings.give_up):
            return _Result(claimed, DeliveryState.FAILED, "put off for too long")
        return _Result(claimed, DeliveryState.PLANNED, "put off", now + wait_after(claimed.attempt))

    def _message(self, claimed: Claimed, reader: Reader, token: str) -> bytes:
        language = edition_language(reader.language, tuple(self._campaign.texts), self._desk.languages)
        if language not in self._compiled:
            issue = issues.issue(self._campaign, language, self._titles[language])
            self._compiled[language] = compiled(self._imprint, issue, issues.ways(self._desk, self._settings))
        return self._compiled[language].message(
            reader.address, message_id(claimed.campaign_id, claimed.person, self._imprint.domain), token
        )


def _without_addresses(reply: str) -> str:
    """A server's reply for the files: an address may stand in it, and does not belong there."""
    return " ".join(word for word in reply.split() if "@" not in word)
