"""One customer: sends a mail, reads the letters that come back, opens their links, types their codes, presses the buttons."""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from worker.demo.postoffice import Letter
from worker.demo.visit import Page, opened, pressed
from worker.demo.world import World
from worker.errors import UnreadableMail
from worker.mail.parse import content_key, parse, raw_content_key
from worker.rules.model import LinkKind, MailState, RequestState
from worker.store.effects import EffectState
from worker.store.letters import LetterState
from worker.store.look import Seen, SeenLetter, SeenMail

PATIENCE: Final = 40.0  # seconds that one step may take on a busy machine
_LOOK: Final = 0.1  # seconds between two looks at the store
_ON_THE_MOVE: Final = frozenset({RequestState.RECEIVED, RequestState.CONFIRMED, RequestState.APPLYING, RequestState.WAITING_GRACE})
_OPEN_EFFECTS: Final = frozenset({EffectState.WAITING, EffectState.CLAIMED})


class Watch:
    """One pair of eyes on the store for all customers."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._looked = asyncio.Condition()
        self._seen: Seen | None = None
        self._began = 0  # looks
        #: What arrived, by Message-ID; and the Message-IDs of what answers a mail, by that mail's.
        self.arrived: dict[str, Letter] = {}
        self.answers: dict[str, set[str]] = {}

    async def run(self) -> None:
        """Look until cancelled, and rest at least as long as a look takes: the desk's work comes first."""
        loop, newest = asyncio.get_running_loop(), 0
        while True:
            self._began += 1
            start = loop.time()
            seen = await self._world.look()
            newest = self._sort(newest)
            async with self._looked:
                self._seen = seen
                self._looked.notify_all()
            await asyncio.sleep(max(_LOOK, loop.time() - start))

    def _sort(self, after: int) -> int:
        """Take note of the letters above a number; returns the newest number."""
        for letter in self._world.post.letters:
            if letter.number > after:
                after, name = letter.number, str(letter.message["Message-ID"])
                self.arrived[name] = letter
                self.answers.setdefault(str(letter.message["In-Reply-To"] or ""), set()).add(name)
        return after

    async def until(self, holds: Callable[[Seen], bool], within: float = PATIENCE) -> Seen:
        """Wait for a look that begins from now on and at which something holds; TimeoutError if none comes."""
        before = self._began
        async with asyncio.timeout(within), self._looked:
            while True:
                await self._looked.wait()
                if self._began > before and self._seen is not None and holds(self._seen):
                    return self._seen


@asynccontextmanager
async def a_watch(world: World) -> AsyncIterator[Watch]:
    """Eyes on the store while the block runs."""
    watch = Watch(world)
    task = asyncio.create_task(watch.run(), name="watch")
    try:
        yield watch
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@dataclass(eq=False)
class Player:
    """A customer with one mail. ``owner`` is False if somebody else wrote in the customer's name: then the customer says so.

    ``proofs`` are the ways in which control of an address was shown, ``package`` what was behind the download link.
    """

    world: World
    watch: Watch
    raw: bytes = field(repr=False)
    owner: bool = True
    proofs: list[str] = field(default_factory=list)
    package: dict[str, Any] | None = field(default=None, repr=False)
    done: bool = False
    _followed: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.raw = re.sub(rb"\r\n|\r|\n", b"\r\n", self.raw.rstrip(b"\r\n") + b"\n")
        self.keys, self.message_id = _identity(self.raw)

    async def play(self) -> None:
        """Send the mail and do what its letters ask for, until nothing more comes."""
        try:
            await self.world.send(self.raw)
            await self.watch.until(lambda seen: self.mail(seen) is not None)
            while True:
                seen = await self.watch.until(lambda seen: bool(self._fresh(seen)) or self._at_rest(seen))
                fresh = self._fresh(seen)
                if not fresh:
                    return
                for letter in fresh:
                    self._followed.add(letter.number)
                    await self._follow(letter)
        finally:
            self.done = True

    def mail(self, seen: Seen) -> SeenMail | None:
        """The mail in the store, as soon as it was read."""
        found = next((each for each in seen.mails if each.content_key in self.keys), None)
        return found if found is not None and found.state is not MailState.STORED else None

    def letters(self, seen: Seen) -> tuple[SeenLetter, ...]:
        """What the desk wrote because of the mail."""
        mail = self.mail(seen)
        replies = self.watch.answers.get(self.message_id, set()) if self.message_id else set()
        return tuple(
            e for e in seen.letters if (mail is not None and mail.case_id and e.case_id == mail.case_id) or e.message_id in replies
        )

    def _caught(self, seen: Seen) -> list[Letter]:
        found = [self.watch.arrived[each.message_id] for each in self.letters(seen) if each.message_id in self.watch.arrived]
        return sorted(found, key=lambda letter: letter.number)

    def _fresh(self, seen: Seen) -> list[Letter]:
        return [each for each in self._caught(seen) if each.number not in self._followed]

    def _at_rest(self, seen: Seen) -> bool:
        """Nothing moves any more: every letter that is due arrived, and no request or change is under way."""
        return not self._under_way(seen) and not any(e.case_id == self._case_id(seen) and e.state in _OPEN_EFFECTS for e in seen.effects)

    def waits_for_the_clock(self, seen: Seen) -> bool:
        """All that is left is a change whose hour has not come."""
        waiting = [e for e in seen.effects if e.case_id == self._case_id(seen) and e.state in _OPEN_EFFECTS]
        moving = {state for _, state in self._requests(seen)} & _ON_THE_MOVE
        return moving == {RequestState.WAITING_GRACE} and all(e.due > seen.at for e in waiting) and not self._unsent(seen)

    def _under_way(self, seen: Seen) -> bool:
        return self.mail(seen) is None or bool({state for _, state in self._requests(seen)} & _ON_THE_MOVE) or self._unsent(seen)

    def _unsent(self, seen: Seen) -> bool:
        leaving = (LetterState.WAITING, LetterState.CLAIMED)
        mine = [e for e in self.letters(seen) if e.due <= seen.at]
        others = any(e.state in leaving and e.due <= seen.at for e in seen.letters if e.case_id is None)
        return others or any(e.state in leaving or (e.state is LetterState.SENT and e.message_id not in self.watch.arrived) for e in mine)

    def _case_id(self, seen: Seen) -> str:
        mail = self.mail(seen)
        return (mail.case_id if mail else None) or ""

    def _requests(self, seen: Seen) -> tuple[tuple[Any, RequestState], ...]:
        case = seen.cases.get(self._case_id(seen))
        return case.requests if case else ()

    async def _follow(self, letter: Letter) -> None:
        """Do what a person does with this letter."""
        if link := letter.link(LinkKind.CONFIRM):
            page = await opened(link)
            await (self._confirm(page, letter.code) if self.owner else self._disown(page))
        elif link := letter.link(LinkKind.DOWNLOAD):
            await self._download(await opened(link), letter.code)

    async def _confirm(self, page: Page, code: str) -> None:
        form = page.form(having="right")
        answer = await pressed(form, {"code": code} if "code" in form.names else {})
        if answer.status == 200 and any("fingerprint" in each.names for each in answer.forms):  # noqa: PLR2004 - HTTP
            answer = await pressed(answer.form(having="fingerprint"))
        self.proofs.append("link and code" if "code" in form.names else "link")

    async def _disown(self, page: Page) -> None:
        await pressed(page.form(ending="/not-me"))
        self.proofs.append('"not me"')

    async def _download(self, page: Page, code: str) -> None:
        await pressed(page.form(having="code"), {"code": "AAAAAA" if code != "AAAAAA" else "BBBBBB"})
        answer = await pressed(page.form(having="code"), {"code": code})
        self.package = json.loads((await pressed(answer.form(having="as"))).body)


def _identity(raw: bytes) -> tuple[frozenset[str], str]:
    """By what the store recognises a mail, and its Message-ID. Of one that cannot be read, the mailbox may lose the last line end."""
    try:
        mail = parse(raw)
    except UnreadableMail:
        keys = frozenset(raw_content_key(each) for each in (raw, raw[:-1], raw[:-2]))
        return keys, str(email.message_from_bytes(raw, policy=email.policy.compat32)["Message-ID"] or "")
    return frozenset({content_key(mail)}), mail.message_id
