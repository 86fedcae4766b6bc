"""Whatever people, staff and the clock do in whatever order: nothing breaks, nothing is stuck, nothing changes without proof."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from tests.desks import START, Hand, House, Received, a_house
from worker.casework import ask, confirm, download, rule, status, undelivered
from worker.casework.pages import Outcome
from worker.rules.letters import Reason
from worker.rules.model import ENDED, HoldReason, Language, RequestState, Right
from worker.store import Ledger, Store, Tx, Vault
from worker.store.tables import cases, effect, letter, link, mail, request

ANN = "ann@example.com"
SHARED = "info@firm.test"
TWINS = "twins@example.com"
NEW = "ann.new@example.org"
MAILS = (
    "What data do you have about me? Please send me a copy of my personal data.",
    "Please delete all my personal data.",
    "Please send me a copy of my personal data and then delete all my data.",
    "Hello, my new telephone number is +32 9 234 56 78. Could you change it?",
    f"My e-mail address has changed. The new address is {NEW}, please update it.",
    "stop",
    "Only delete my data if the court case against you is over, otherwise keep everything.",
)


@cache
def _empty_store() -> Path:
    """A store with its tables, made once and copied for each example."""
    folder = Path(tempfile.mkdtemp())
    store = Store(f"sqlite:///{folder / 'desk.sqlite3'}", Vault(b"m" * 32, b"i" * 32), Ledger(folder / "ledger.jsonl"), Hand())
    store.migrate()
    store.close()
    return folder / "desk.sqlite3"


@dataclass
class Play:
    """One run: a desk, and dice that choose among what can be done."""

    house: House
    dice: random.Random
    done: list[str] = field(default_factory=list)

    async def step(self) -> None:
        moves: tuple[Callable[[], Awaitable[Any]], ...] = (
            self.mail, self.mail, self.form, self.lose, self.reply, self.click, self.click, self.click, self.leave, self.resend, self.open_package,
            self.time, self.time, self.rule, self.rule, self.house.carry_out, self.house.tick,
        )  # fmt: skip
        move = self.dice.choice(moves)
        self.done.append(move.__name__)
        await move()

    def sender(self) -> str:
        return self.dice.choice((ANN, ANN, ANN, SHARED, TWINS, "nobody@example.com"))

    async def mail(self) -> None:
        text = self.dice.choice(MAILS)
        self.done[-1] += f" {text[:24]}"
        await self.house.write(
            f"{text}{' Thanks.' * self.dice.randrange(3)}", sender=self.sender(), subject=self.dice.choice(("Hello", "Question"))
        )

    async def form(self) -> None:
        rights = tuple(right for right in (Right.ACCESS, Right.DELETION, Right.UNSUBSCRIBE) if self.dice.random() < 0.5)
        await ask.by_form(self.house.desk, mailbox=self.sender(), language=Language.NL, rights=rights, words="")

    async def reply(self) -> None:
        letter = await self.any_letter()
        if letter is not None:
            await self.house.write("And when does it happen?", sender=letter.to, In_Reply_To=letter.message["Message-ID"])

    async def any_letter(self, kind: str = "") -> Received | None:
        found = [each for each in await self.house.letters() if not kind or f"/{kind}/" in each.text]
        # The newest are the ones that people hold in their hands, but not always.
        return self.dice.choice(found[-3:] if self.dice.random() < 0.7 else found) if found else None

    async def click(self) -> None:
        letter = await self.any_letter("c")
        if letter is None:
            return
        token = letter.link("c")
        code = letter.code if "code" in letter.text and self.dice.random() < 0.9 else ""
        rights = tuple(right for right in Right if self.dice.random() < 0.8)
        click = await confirm.click(self.house.desk, token, code=code, choices=rights)
        self.done[-1] += f" {letter.name} {click.outcome}"
        if click.outcome is Outcome.REVIEW:
            await confirm.click(self.house.desk, token, code=code, choices=rights, fingerprint=click.fingerprint)

    async def leave(self) -> None:
        letter = await self.any_letter("r")
        if letter is None:
            return
        token = letter.link("r")
        if self.dice.random() < 0.4:
            click = await status.cancel(self.house.desk, token)
        else:
            click = await status.withdraw(self.house.desk, token, not_me=self.dice.random() < 0.5)
        self.done[-1] += f" {letter.name} {click.outcome}"

    async def resend(self) -> None:
        kind = self.dice.choice("rcd")
        letter = await self.any_letter(kind)
        if letter is not None:
            click = await status.resend(self.house.desk, letter.link(kind))
            self.done[-1] += f" {letter.name} {click.outcome}"

    async def open_package(self) -> None:
        letter = await self.any_letter("d")
        if letter is not None:
            await download.open_package(self.house.desk, letter.link("d"), letter.code)

    async def lose(self) -> None:
        """A letter cannot be delivered."""
        await self.house.desk.store.run(_lose, self.dice)

    async def time(self) -> None:
        self.house.clock.pass_(hours=self.dice.choice((1, 25, 75, 24 * 8, 24 * 15)))
        if self.dice.random() < 0.5:
            await self.house.tick()

    async def rule(self) -> None:
        lines = await rule.queue(self.house.desk, "staff:x")
        if not lines:
            return
        item = self.dice.choice(lines)
        rights = tuple(right for right in Right if right is not Right.CORRECTION and self.dice.random() < 0.5)
        act = self.dice.choice(("approve", "approve", "refuse", "answer", "close", "again", "reached"))
        self.done[-1] += f" {item.kind} {act} {','.join(rights)}"
        await self.decide(item.id, act, rights)

    async def decide(self, item: str, act: str, rights: tuple[Right, ...]) -> None:
        desk = self.house.desk
        if act == "approve":
            await rule.approve(desk, "staff:x", item, rights)
        elif act == "refuse":
            await rule.refuse(desk, "staff:x", item, rights, Reason.UNFOUNDED, "")
        elif act == "answer":
            await rule.answer(desk, "staff:x", item, "Our answer.")
        elif act in {"again", "reached"}:
            page = await rule.look(desk, "staff:x", item)
            lost = tuple(each.id for each in page.undelivered) if page else ()
            if act == "reached" or not await undelivered.send_again(desk, "staff:x", item, lost):
                await undelivered.reached(desk, "staff:x", item, lost, "Called.")
        else:
            await rule.close(desk, "staff:x", item)

    async def look(self) -> None:
        """What must be true at any moment."""
        await self.house.desk.store.run(_nothing_is_stuck)
        proved = await self.house.desk.store.run(_proved)
        record = await self.house.record(ANN)
        if record is None:
            assert proved & {Right.DELETION, Right.CORRECTION}, self.done
        elif record["telephone"] != "+32 9 123 45 67":
            assert Right.CORRECTION in proved, self.done

    async def to_the_end(self) -> None:
        """Let the time go by and staff do their work: every case comes to its end."""
        for _ in range(7):
            self.house.clock.pass_(days=8)
            await self.house.tick()
            await self.house.carry_out()
            for line in await rule.queue(self.house.desk, "staff:x"):
                await self.decide(line.id, "answer", ())
                await self.decide(line.id, "reached", ())
            await self.look()
        assert await self.house.desk.store.run(_open) == [], self.done
        assert not [line for line in await rule.queue(self.house.desk, "staff:x") if HoldReason.UNDELIVERED in line.reasons], self.done


def _nothing_is_stuck(tx: Tx) -> None:
    effects = tx.connection.execute(select(effect)).all()
    assert not [e for e in effects if e.failure in ("defect", "seal")]
    assert "failed" not in {reason for row in tx.connection.execute(select(mail.c.reasons)) for reason in row.reasons}
    waiting = {(e.case_id, right) for e in effects if e.state in ("waiting", "claimed") for right in e.rights}
    rows = tx.connection.execute(select(request.c.case_id, request.c.asked, request.c.state, cases.c.hold_reason).join(cases)).all()
    for row in rows:
        match RequestState(row.state):
            case RequestState.IN_REVIEW:
                assert row.hold_reason is not None, row
            case RequestState.APPLYING | RequestState.WAITING_GRACE:
                assert (row.case_id, row.asked) in waiting, row
            case RequestState.CONFIRMED | RequestState.RECEIVED:
                raise AssertionError(row)
            case _:
                assert (row.case_id, row.asked) not in waiting, row


def _lose(tx: Tx, dice: random.Random) -> None:
    waiting = tx.connection.execute(select(letter.c.id).where(letter.c.state == "waiting").order_by(letter.c.id)).scalars().all()
    if waiting:
        tx.connection.execute(update(letter).where(letter.c.id == dice.choice(waiting)).values(state="failed", reply="550 5.1.1"))


def _proved(tx: Tx) -> set[Right]:
    used = tx.connection.execute(select(link.c.rights).where(link.c.kind == "c", link.c.used_at.is_not(None))).scalars()
    return {Right(right) for rights in used for right in rights}


def _open(tx: Tx) -> list[Any]:
    ended = [state.value for state in ENDED]
    return list(tx.connection.execute(select(request.c.asked, request.c.state).where(request.c.state.not_in(ended))).all())


async def _play(seed: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(_empty_store(), folder / "desk.sqlite3")
        async with a_house(f"sqlite:///{folder / 'desk.sqlite3'}", folder) as house:
            await house.customer()
            await house.customer(id=3, customer_number="C-3", email=SHARED)
            await house.customer(id=4, customer_number="C-4", email=TWINS)
            await house.customer(id=5, customer_number="C-5", email=TWINS, name="Piet Peeters")
            play = Play(house, random.Random(seed))
            try:
                for _ in range(25):
                    await play.step()
                    await play.look()
                await play.to_the_end()
            except BaseException as error:
                error.add_note(f"seed {seed} from {START}: " + " | ".join(play.done))
                raise


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10**9))
def test_any_order_of_events_ends_well(seed: int) -> None:
    asyncio.run(_play(seed))
