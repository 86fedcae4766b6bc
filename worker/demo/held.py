"""The ten mails that wait for staff when the demo begins: they come in by the servers, over eleven days of the desk's clock."""

from __future__ import annotations

import random
import tomllib
from datetime import timedelta
from importlib.resources import files
from typing import Any, Final

from worker.demo.mails import STYLES, Envelope, dressed
from worker.demo.world import MAILBOX, World
from worker.rules.model import MailState

#: How far behind the machine's clock the desk's begins.
BEGINS: Final = timedelta(days=11)
_WITHIN: Final = 30.0  # seconds for one mail to be read


def held_mails() -> list[dict[str, Any]]:
    """The mails of ``data/held.toml``."""
    found: list[dict[str, Any]] = tomllib.loads((files(__package__) / "data" / "held.toml").read_text("utf-8"))["mail"]
    return found


async def deliver(world: World, seed: int) -> None:
    """Hand them in, each on its day; returns when all were read and the desk's clock shows the machine's time."""
    chance = random.Random(seed)
    for number, each in enumerate(held_mails(), start=1):
        world.clock.ahead = timedelta(days=-each["days"])
        await world.send(_raw(world, each, chance))
        await world.until(lambda seen, number=number: sum(m.state is not MailState.STORED for m in seen.mails) >= number, _WITHIN)  # type: ignore[misc]
    world.clock.ahead = timedelta(0)


def _raw(world: World, each: dict[str, Any], chance: random.Random) -> bytes:
    customer = [one for one in world.people if one.language == each["language"]][-each["nth"]] if "nth" in each else None
    mailbox, name = (customer.email, customer.name) if customer else (each["from"], each["name"])
    values = {"name": name, "first": customer.first if customer else ""}
    message_id = f"<{chance.getrandbits(64):016x}@{mailbox.partition('@')[2]}>"
    envelope = Envelope(mailbox, name, MAILBOX, each["subject"].format(**values), message_id, world.clock.now())
    return dressed(envelope, each["text"].strip().format(**values) + "\n", chance.randrange(STYLES))
