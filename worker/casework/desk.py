"""What every verb of casework works with, put together once by the composition root."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker.mail.parse import DEFAULT_LIMITS, ParseLimits
from worker.rules.deadline import local_day
from worker.rules.decision import Mode
from worker.rules.model import Language

if TYPE_CHECKING:
    from datetime import date

    from worker.mail.letters import Letters
    from worker.register.register import Register
    from worker.rules.letters import DeskCard
    from worker.rules.mail import Address
    from worker.rules.policy import Policy
    from worker.rules.ports import Clock, Engine
    from worker.rules.reading.reader import Reader
    from worker.store import Store


@dataclass(frozen=True, slots=True)
class Desk:
    """The tools of the house and the controller's choices."""

    store: Store
    register: Register
    engine: Engine
    letters: Letters
    reader: Reader
    clock: Clock
    card: DeskCard
    policy: Policy
    #: Who writes: the company's name and [smtp] from.
    sender: Address
    mode: Mode = Mode.ON
    #: The languages of the company, its first one for mails whose language cannot be told.
    languages: tuple[Language, ...] = tuple(Language)
    #: What a mail may be to be read at all.
    limits: ParseLimits = DEFAULT_LIMITS

    @property
    def mail_domain(self) -> str:
        """The domain of our Message-IDs."""
        return self.sender.mailbox.rpartition("@")[2]

    @property
    def country(self) -> str:
        """ISO 3166-1 code whose public holidays count."""
        return self.card.country

    def today(self) -> date:
        """The calendar day where the controller is."""
        return local_day(self.clock.now(), self.timezone)

    @property
    def timezone(self) -> str:
        """IANA name of the controller's time zone."""
        return self.card.timezone
