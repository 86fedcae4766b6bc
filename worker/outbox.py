"""The door by which letters leave: claimed in lots, sent, and their results written in one transaction.

A stop waits a moment for the letters on their way and writes down what became of them; those that had not begun to
leave are given back as they were. Only a kill between the server's acceptance and our commit sends a letter twice.
"""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from worker.engine.stopping import Stop
from worker.errors import RelayRefused, RelayUnavailable
from worker.rules.audit import Event
from worker.store import audit, letters

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from worker.casework.desk import Desk
    from worker.mail.smtp import Relay
    from worker.store import Tx
    from worker.store.letters import Claimed

    #: A letter that was handed over, and what became of it.
    _Sent = tuple[Claimed, letters.Result]

log = structlog.get_logger(__name__)
_LOT: Final = 50  # letters claimed at once
_BREATH: Final = 0.1  # seconds between two claims of few letters
_STALE: Final = timedelta(minutes=10)  # longer than any time-out of one attempt
#: Waits after a temporary failure (RFC 5321, 4.5.4.1: at least 30 minutes in the long run, four to five days in all).
_WAITS: Final = tuple(timedelta(minutes=m) for m in (1, 5, 15, 30, 60, 120, 240, 480, 720, 1440, 1440))


class Outbox:
    """Sends what waits. ``relay`` is the SMTP server of the settings."""

    def __init__(self, desk: Desk, relay: Relay) -> None:
        self._desk = desk
        self._relay = relay
        self._next = 0.0  # loop time before which nothing is claimed

    async def run(self, ids: Sequence[str]) -> None:  # noqa: ARG002 - the rows say what is due
        """Send everything that is due. Called by the engine, again for what is written meanwhile; the sweep calls it too."""
        await self._breathe()
        stop = Stop()
        await stop.see_through(self._send_all(stop))

    async def _send_all(self, stop: Stop) -> None:
        while not stop.asked and (claimed := await self._desk.store.run(self._claim)):
            left = deque(claimed)
            results = await self._send(left, stop)
            await stop.insist(self._desk.store.run, _write, results, left)
            if len(claimed) < _LOT or all(result.state is letters.LetterState.WAITING for _, result in results):
                return

    async def _send(self, left: deque[Claimed], stop: Stop) -> list[_Sent]:
        """Take from ``left`` until nothing is left or the desk stops; returns what became of those that were taken."""
        results: list[_Sent] = []

        async def one_by_one() -> None:
            while left and not stop.asked:
                letter = left.popleft()
                results.append((letter, await self._attempt(letter, stop)))

        await asyncio.gather(*(one_by_one() for _ in range(self._relay.connections)))
        return results

    async def _breathe(self) -> None:
        """The first letter leaves at once; those that are written right after it leave together."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._next - loop.time())
        self._next = loop.time() + _BREATH

    def _claim(self, tx: Tx) -> list[Claimed]:
        """The circuit breaker stands before the claim: a desk that writes without end is stopped, whatever the reason."""
        if letters.sent_since(tx, tx.now - timedelta(hours=1)) > self._desk.policy.letters_per_hour:
            log.error("more letters in an hour than [policy] letters_per_hour allows: nothing is sent until the hour is over")
            return []
        return letters.claim(tx, _LOT, _STALE)

    async def _attempt(self, letter: Claimed, stop: Stop) -> letters.Result:
        try:
            async with stop.under_way():
                reply = await self._relay.send(letter.raw, self._desk.sender.mailbox, letter.recipient)
        except TimeoutError:
            log.warning("the desk stopped before the server had answered: the letter leaves again", letter=letter.id)
            return letters.Result(letters.LetterState.WAITING, "the desk stopped", self._desk.clock.now() + _WAITS[0])
        except RelayUnavailable as error:
            return self._later(letter, str(error))
        except RelayRefused as error:
            log.warning("a letter was refused", letter=letter.id, code=error.code, enhanced=error.enhanced)
            return letters.Result(letters.LetterState.FAILED, without_addresses(f"{error.code} {error.words}", letter.recipient))
        except Exception:
            # A defect of ours in one letter: those that left beside it must be written down, or they leave again.
            log.exception("a letter could not be sent", letter=letter.id)
            return self._later(letter, "defect")
        return letters.Result(letters.LetterState.SENT, without_addresses(reply, letter.recipient))

    def _later(self, letter: Claimed, why: str) -> letters.Result:
        if letter.attempt >= self._desk.policy.max_attempts_per_letter:
            log.error("a letter was given up", letter=letter.id, attempts=letter.attempt)
            return letters.Result(letters.LetterState.FAILED, why)
        wait = _WAITS[min(letter.attempt, len(_WAITS)) - 1]
        log.warning("a letter waits for its server", letter=letter.id, attempt=letter.attempt, again_in=wait.total_seconds())
        return letters.Result(letters.LetterState.WAITING, why, self._desk.clock.now() + wait)


def without_addresses(reply: str, recipient: str) -> str:
    """Servers repeat the recipient in their reply, whole or without its domain, and replies are kept in the clear."""
    user = recipient.partition("@")[0].lower()
    return " ".join(word for word in reply.split() if "@" not in word and word.strip("<>\"'(),.:;").lower() != user)


def _write(tx: Tx, results: Sequence[_Sent], untouched: Iterable[Claimed]) -> None:
    letters.give_back(tx, untouched)
    for letter, result in results:
        if not letters.finish(tx, letter, result) or result.state is letters.LetterState.WAITING:
            continue
        event = Event.LETTER_SENT if result.state is letters.LetterState.SENT else Event.LETTER_FAILED
        facts: dict[str, str | int | bool | None] = {"letter": letter.name, "id": letter.id, "attempt": letter.attempt}
        audit.record(tx, letter.case_id or audit.DESK, event, "outbox", facts)
