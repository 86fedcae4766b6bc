"""Plays mails through the real servers to their end, all at once, and prints what became of each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from worker.demo.ends import Ended, changed, faults
from worker.demo.mails import Kind, SampleMail, samples
from worker.demo.play import PATIENCE, Player, a_watch
from worker.demo.table import Row, printed
from worker.demo.visit import PageMissing
from worker.demo.world import MAILBOX, Ports, World, a_world
from worker.rules.model import DeliveryState, MailState, Right
from worker.store import Tx, audit, campaigns
from worker.store.look import Seen

_LOT: Final = 40  # mails of a folder that are played at once
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Result:
    """What one customer's play came to; ``problem`` is why it broke off."""

    player: Player
    problem: str = ""


async def once(seed: int) -> int:
    """Play the sample mails of ``seed``; 0 if each ended as it must, else 1."""
    print(f'Playing the sample mails of seed {seed}. The same again: make demo ARGS="--once --seed {seed}"\n')
    began = time.monotonic()
    async with a_world(seed, Ports(), datetime.now(UTC).date()) as world:
        mails = samples(world.people, seed)
        players = [(each.raw(MAILBOX, world.clock.now()), each.kind is not Kind.FORGED) for each in mails]
        results, seen = await _play(world, players)
        after = await world.registered()
        rows = [await _row(world, seen, mail, result, after) for mail, result in zip(mails, results, strict=True)]
        told = await _newsletter(world, mails)
        entries = await world.running.desk.store.run(audit.verify, {})
    print(printed(rows))
    wrong = [row for row in rows if row.problem] + [told] * bool(told.problem)
    print(f"\n{told.subject}: {told.changed}{' - ' + told.problem if told.problem else ''}")
    print(f"The audit log fits: {entries} entries. {len(rows)} mails in {time.monotonic() - began:.0f} s.")
    print(f"{len(wrong)} did not end as they must." if wrong else "Each ended as it must.")
    return 1 if wrong else 0


async def folder(path: Path, seed: int) -> int:
    """Play the ``.eml`` files of a folder; 0 if none of them is left unread, else 1."""
    files = sorted(each for each in path.rglob("*.eml") if each.is_file())
    if not files:
        print(f"{path} holds no .eml file.")
        return 1
    print(f"Playing {len(files)} mails of {path}.\n")
    async with a_world(seed, Ports(), datetime.now(UTC).date()) as world:
        lots = [files[start : start + _LOT] for start in range(0, len(files), _LOT)]
        played = [await _play(world, [(each.read_bytes(), True) for each in lot]) for lot in lots]
        results, seen = [result for some, _ in played for result in some], played[-1][1]
        rows = _told_apart(
            [_plain_row(str(each.relative_to(path)), seen, result) for each, result in zip(files, results, strict=True)], results, seen
        )
    print(printed(rows))
    wrong = [row for row in rows if row.problem]
    print(f"\n{len(wrong)} of {len(rows)} mails did not come to an end." if wrong else f"\nAll {len(rows)} mails came to an end.")
    return 1 if wrong else 0


async def _play(world: World, mails: Sequence[tuple[bytes, bool]]) -> tuple[list[Result], Seen]:
    """All mails, each to its end; when nothing else is left to wait for, a day is let pass."""
    async with a_watch(world) as watch:
        players = [Player(world, watch, raw, owner) for raw, owner in mails]
        tasks = [asyncio.create_task(_one(player)) for player in players]
        with suppress(TimeoutError):
            await watch.until(lambda seen: all(each.done or each.waits_for_the_clock(seen) for each in players))
        world.clock.ahead += _DAY
        results = await asyncio.gather(*tasks)
        now = world.clock.now()
        return results, await watch.until(lambda seen: seen.at >= now)


async def _one(player: Player) -> Result:
    try:
        await player.play()
    except TimeoutError:
        return Result(player, "not at its end")
    except (PageMissing, OSError) as error:
        return Result(player, str(error))
    return Result(player)


async def _row(world: World, seen: Seen, sample: SampleMail, result: Result, after: Mapping[str, Mapping[str, str]]) -> Row:
    """The line of a sample mail, with everything in which it did not end as it must."""
    number = sample.customer.customer_number if sample.customer else ""
    mail = result.player.mail(seen)
    ended = Ended(
        sample=sample, mail=mail, case=seen.cases.get(mail.case_id or "") if mail else None, before=world.records.get(number), after=after.get(number),
        package=result.player.package, letters=tuple(each.name for each in result.player.letters(seen)), suppressed=await world.suppressed(sample.sender),
    )  # fmt: skip
    problems = [*([result.problem] if result.problem else []), *faults(ended)]
    row = _plain_row(f"{sample.kind.replace('_', ' ')} {sample.language}", seen, result)
    return replace(row, subject=sample.subject, changed=changed(ended), problem="; ".join(problems))


def _plain_row(name: str, seen: Seen, result: Result) -> Row:
    mail = result.player.mail(seen)
    names = [each.name for each in result.player.letters(seen)]
    if mail is None:
        return Row(name, "", "not read", "", "", "", result.problem or "not read")
    case = seen.cases.get(mail.case_id or "")
    why = f" ({', '.join(mail.reasons)})" if mail.reasons else ""
    understood = ", ".join(mail.labels) if mail.state is MailState.CASE else mail.state + why
    if case is not None and case.held is not None:
        understood += f" (held: {case.held})"
    states = ", ".join(f"{right} {state}" for right, state in case.requests) if case else "nothing"
    return Row(name, "", understood, ", ".join(result.player.proofs) or "none", states, ", ".join(names) or "none", result.problem)


def _told_apart(rows: Sequence[Row], results: Sequence[Result], seen: Seen) -> list[Row]:
    """The rows, of which those of a mail that stood in the folder before say so."""
    first: dict[frozenset[str], str] = {}
    told: list[Row] = []
    for row, result in zip(rows, results, strict=True):
        again = first.setdefault(result.player.keys, row.mail)
        told.append(
            row if again == row.mail else replace(row, understood=f"duplicate of {again}", proof="none", changed="nothing", letters="none")
        )
    missing = len(rows) - len(first) - sum(mail.state is MailState.DUPLICATE for mail in seen.mails)
    return [replace(row, problem="not read") if missing and row.understood.startswith("duplicate") else row for row in told]


async def _newsletter(world: World, mails: Sequence[SampleMail]) -> Row:
    """The newsletter went out in that day: to everybody who had subscribed, and to nobody who had stopped."""
    store = world.running.desk.store
    async with asyncio.timeout(PATIENCE):
        while not (counts := await store.run(_delivered)) or counts[DeliveryState.PLANNED] or counts[DeliveryState.CLAIMED]:  # noqa: ASYNC110 - the rows say it, nobody else
            await asyncio.sleep(0.2)
    got = {letter.recipient for letter in world.post.letters if letter.message["List-Unsubscribe"]}
    silent = {each.email for each in world.people if await world.suppressed(each.email)}
    stopped = {each.sender for each in mails if Right.UNSUBSCRIBE in each.rights}
    missed = {each.email for each in world.people} - silent - got
    problem = f"{len(got & stopped)} had stopped, {len(missed)} got none" if got & stopped or missed else ""
    return Row("", "The newsletter", "", "", f"{len(got)} readers got it, none of the {len(stopped)} who had said stop", "", problem)


def _delivered(tx: Tx) -> dict[DeliveryState, int] | None:
    campaign = campaigns.listed(tx)[0]
    return campaigns.counts(tx, campaign.id) if campaign.ended_at is not None else None
