"""What the desk understood and did, read out of its own log of evidence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from worker.rules.audit import Entry, Event
from worker.rules.model import ENDED, RequestState, Right
from worker.store import audit, mails

if TYPE_CHECKING:
    from worker.casework.desk import Desk
    from worker.demo.postoffice import Letter
    from worker.store import Tx

_MESSAGE_ID: Final = re.compile(rb"^message-id:\s*(<[^>\s]+>)", re.IGNORECASE | re.MULTILINE)
_HEAD: Final = 64 * 1024  # bytes of a mail in which its Message-ID is looked for


@dataclass(frozen=True, slots=True)
class Story:
    """One mail and everything that came of it. ``entries`` are those of its case, or those that name it."""

    mail_id: str
    state: str  # of the mail, as it was read
    labels: tuple[str, ...]
    reasons: tuple[str, ...]
    entries: tuple[Entry, ...]

    @property
    def reference(self) -> str:
        """The case's, or nothing."""
        return next((str(e.facts["reference"]) for e in self.entries if e.event is Event.CASE_OPENED), "")

    @property
    def requests(self) -> Mapping[Right, RequestState]:
        """Where each request of the case is."""
        found: dict[Right, RequestState] = {}
        for entry in self.entries:
            if entry.event is Event.REQUEST_OPENED:
                found[Right(str(entry.facts["right"]))] = RequestState(str(entry.facts["state"]))
            elif entry.event is Event.REQUEST_MOVED:
                found[Right(str(entry.facts["right"]))] = RequestState(str(entry.facts["to"]))
        return found

    @property
    def letters(self) -> tuple[str, ...]:
        """The names of the letters that left, in their order."""
        return tuple(str(e.facts["letter"]) for e in self.entries if e.event is Event.LETTER_SENT)

    @property
    def proof(self) -> str:
        """What was shown: nothing, the link, the link and its code, or that it was somebody else."""
        events = {entry.event for entry in self.entries}
        if Event.NOT_ME in events:
            return "not me"
        if Event.ADDRESS_PROVED not in events:
            return "-"
        coded = any(e.event is Event.LINK_ISSUED and e.facts.get("kind") == "c" and e.facts.get("code") for e in self.entries)
        return "link + code" if coded else "link"

    @property
    def done(self) -> tuple[str, ...]:
        """The changes that were carried out."""
        kinds = [str(e.facts.get("kind", "")) for e in self.entries if e.event is Event.EFFECT_DONE]
        return (*kinds, *(["suppressed"] if any(e.event is Event.SUPPRESSED for e in self.entries) else []))

    @property
    def ended(self) -> bool:
        """Every request of the case has ended (and there is one)."""
        return bool(self.requests) and all(state in ENDED for state in self.requests.values())


@dataclass(slots=True)
class Watch:
    """Follows the log. :meth:`refresh` reads on; everything else is what was read last."""

    desk: Desk
    chains: dict[str, tuple[Entry, ...]] = field(default_factory=dict)
    _message_ids: dict[str, str] = field(default_factory=dict)  # mail id -> Message-ID
    _mails: dict[str, tuple[str, Entry]] = field(default_factory=dict)  # Message-ID -> its chain and how it was read

    async def refresh(self) -> bool:
        """Read what is new; True if anything is."""
        return await self.desk.store.run(self._read)

    def _read(self, tx: Tx) -> bool:
        known = {chain: entries[-1].number for chain, entries in self.chains.items() if entries}
        new = [chain for chain, (number, _) in audit.heads(tx).items() if number != known.get(chain)]
        for chain in new:
            self.chains[chain] = audit.entries(tx, chain)
            for entry in self.chains[chain]:
                self._note(tx, chain, entry)
        return bool(new)

    def _note(self, tx: Tx, chain: str, entry: Entry) -> None:
        """Remember which Message-ID a mail of the log has. One that was set aside unread is only in a MAIL_HELD entry."""
        mail_id = str(entry.facts.get("mail", ""))
        if not mail_id or entry.event not in {Event.MAIL_READ, Event.MAIL_HELD}:
            return
        if mail_id not in self._message_ids:
            stored = mails.load(tx, mail_id)
            found = _MESSAGE_ID.search(stored.raw[:_HEAD]) if stored else None
            self._message_ids[mail_id] = found[1].decode("ascii", "replace") if found else mail_id
        if entry.event is Event.MAIL_READ or self._message_ids[mail_id] not in self._mails:
            self._mails[self._message_ids[mail_id]] = (chain, entry)

    def story(self, message_id: str, answers: tuple[Letter, ...] = ()) -> Story | None:
        """What came of one mail, or None while it was not read. ``answers`` are letters that reply to it."""
        if message_id not in self._mails:
            return None
        chain, read = self._mails[message_id]
        mail_id = str(read.facts["mail"])
        entries = self.chains[chain]
        if chain == audit.DESK:
            own = {str(letter.message["message-id"]).strip("<>").partition("@")[0] for letter in answers}
            entries = tuple(e for e in entries if e.facts.get("mail") == mail_id or e.facts.get("id") in own)
        held = [e for e in entries if e.event is Event.MAIL_HELD and e.facts.get("mail") == mail_id]
        reasons = tuple(reason for entry in held for reason in str(entry.facts["reason"]).split(","))
        state = str(read.facts.get("state", "quarantined"))
        return Story(mail_id, state, tuple(filter(None, str(read.facts.get("labels", "")).split(","))), reasons, entries)

    def stories(self) -> Iterator[tuple[str, Story]]:
        """(Message-ID, story) of every mail, oldest first."""
        for message_id in self._mails:
            found = self.story(message_id)
            if found is not None:
                yield message_id, found
