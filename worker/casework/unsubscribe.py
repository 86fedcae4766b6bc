"""A reader's own pages: stop at once, undo, choose topics, sign up. The link is all that is asked for.

A link can be in other hands, because newsletters are passed on. So it can stop a newsletter, and bring back what it
stopped; it shows no name and no address. What would begin, and what cannot be undone, goes by a confirmation letter.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from worker.casework import ask, stops
from worker.casework.commit import day_start, deliver, link_url, new_token
from worker.casework.pages import LinkState, ReaderPage, TopicLine
from worker.casework.stops import Holder
from worker.mail.addresses import mailbox as sound_mailbox
from worker.rules.audit import Event
from worker.rules.letters import OptIn
from worker.rules.mail import Address
from worker.rules.model import LinkKind, Right
from worker.store import letters, links, new_id, newsletters

if TYPE_CHECKING:
    from collections.abc import Collection

    from worker.casework.desk import Desk
    from worker.rules.model import Language
    from worker.store import Tx
    from worker.store.newsletters import ReaderLink

_UNKNOWN = ReaderPage(LinkState.UNKNOWN)


# The verbs ----------------------------------------------------------------------------------------------------


async def view(desk: Desk, token: str) -> ReaderPage:
    """GET ``/u/``, ``/p/`` and ``/o/``: what the link is for. Changes nothing."""
    return await desk.store.run(_view, desk, token)


async def preferences(desk: Desk, token: str) -> ReaderPage:
    """GET ``/p/``: the topics, and which of them run."""
    return await desk.store.run(_view, desk, token)


async def stop(desk: Desk, token: str) -> ReaderPage:
    """POST ``/u/``, also RFC 8058's one-click: no newsletter from now on, and a letter that says so."""
    return await desk.store.run(_stop, desk, token)


async def undo(desk: Desk, token: str) -> ReaderPage:
    """Take back a stop: what ran before runs again."""
    return await desk.store.run(_undo, desk, token)


async def choose(desk: Desk, token: str, topics: tuple[str, ...]) -> ReaderPage:
    """Have none but these topics run; none at all is a stop. What did not run begins when the owner of the address confirms it."""
    return await desk.store.run(_choose, desk, token, topics)


async def erase_too(desk: Desk, token: str) -> ReaderPage:
    """Ask for erasure of everything: a confirmation letter goes to the address that the link belongs to."""
    holder = await desk.store.run(stops.holder_of, desk, token)
    if holder is not None and holder.address is not None:
        await ask.by_form(desk, mailbox=holder.address.mailbox, language=holder.language, rights=(Right.DELETION,), words="")
    return await desk.store.run(_view, desk, token)


async def sign_up(desk: Desk, *, mailbox: str, language: Language, topics: tuple[str, ...]) -> None:
    """POST ``/n``: a letter with a link to confirm, and nothing else, whatever is known of the address.

    Nothing is returned and nothing raised, so that the page cannot tell.
    """
    found = sound_mailbox(mailbox.strip())
    if found is not None:
        await desk.store.run(_invite, desk, Address(found), language, topics)


async def opt_in(desk: Desk, token: str) -> ReaderPage:
    """POST ``/o/``: the owner of the address confirms a sign-up. A second time shows that it is done."""
    return await desk.store.run(_opt_in, desk, token)


# One transaction each -----------------------------------------------------------------------------------------


def _view(tx: Tx, desk: Desk, token: str) -> ReaderPage:
    holder = stops.holder_of(tx, desk, token)
    if holder is not None:
        return _page(tx, holder)
    link = newsletters.find_link(tx, token, LinkKind.OPT_IN)
    return _opt_in_page(tx, desk, link) if link else _UNKNOWN


def _expired(tx: Tx, link: ReaderLink | None) -> bool:
    return link is not None and link.expires_at is not None and link.expires_at <= tx.now


def _page(tx: Tx, holder: Holder) -> ReaderPage:
    running = {s.topic for s in newsletters.subscriptions(tx, holder.person) if s.ended_at is None}
    known = newsletters.topics(tx) if holder.address is not None else ()
    lines = tuple(TopicLine(t.name, t.title(holder.language), t.name in running) for t in known)
    off = newsletters.suppressed_at(tx, holder.person) is not None
    state = LinkState.EXPIRED if _expired(tx, holder.link) else LinkState.OPEN
    return ReaderPage(state, holder.language, lines, suppressed=off, can_undo=off and state is LinkState.OPEN)


def _stop(tx: Tx, desk: Desk, token: str) -> ReaderPage:
    holder = stops.holder_of(tx, desk, token)
    if holder is None:
        return _UNKNOWN
    stops.stop(tx, desk, holder, "link")
    return _page(tx, holder)


def _undo(tx: Tx, desk: Desk, token: str) -> ReaderPage:
    holder = stops.holder_of(tx, desk, token)
    if holder is None:
        return _UNKNOWN
    if not _expired(tx, holder.link) and newsletters.resubscribe(tx, holder.person):
        stops.record(tx, holder, Event.RESUBSCRIBED, {"origin": "undo"})
    return _page(tx, holder)


def _choose(tx: Tx, desk: Desk, token: str, topics: tuple[str, ...]) -> ReaderPage:
    holder = stops.holder_of(tx, desk, token)
    if holder is None:
        return _UNKNOWN
    wanted = {t.name for t in newsletters.topics(tx)} & set(topics)
    if not wanted:
        stops.stop(tx, desk, holder, "preferences")
    elif holder.address is not None and not _expired(tx, holder.link):
        begin = _end_the_others(tx, holder, wanted)
        if begin:
            _invite(tx, desk, holder.address, holder.language, begin)
        return replace(_page(tx, holder), asked=bool(begin))
    return _page(tx, holder)


def _end_the_others(tx: Tx, holder: Holder, wanted: set[str]) -> set[str]:
    """End what is not ``wanted`` any more. Returns what would begin: a stop is not lifted by a link that may be in other hands."""
    running = {s.topic for s in newsletters.subscriptions(tx, holder.person) if s.ended_at is None}
    for name in sorted(running - wanted):
        newsletters.end_subscription(tx, holder.person, name)
    return wanted if newsletters.suppressed_at(tx, holder.person) is not None else wanted - running


# Sign up ------------------------------------------------------------------------------------------------------


def _invite(tx: Tx, desk: Desk, address: Address, language: Language, topics: Collection[str]) -> None:
    """Write to ``address``: whoever reads it confirms these topics by a button. Nothing beyond the daily limit of letters."""
    known = [t for t in newsletters.topics(tx) if t.name in topics]
    person = tx.vault.person(address.key)
    over = letters.verifications_since(tx, person, day_start(desk, tx.now)) >= desk.policy.letters_per_day
    if not known or over:
        return
    newsletters.add_reader(tx, address, language)
    token, letter_id, expires = new_token(), new_id(), tx.now + desk.policy.opt_in_expires
    newsletters.add_link(tx, kind=LinkKind.OPT_IN, token=token, person=person, topics=[t.name for t in known], expires=expires)
    letter = OptIn(stops.reference(letter_id), tuple(t.title(language) for t in known), link_url(desk, LinkKind.OPT_IN, token), expires)
    key_id = newsletters.reader_key(tx, person)
    to = Address(address.mailbox)  # the name beside it is whatever a stranger wrote there
    deliver(tx, desk, letter, stops.spoken(desk, language), to=to, letter_id=letter_id, key_id=key_id, case_id=None, verification=True)


def _opt_in_page(tx: Tx, desk: Desk, link: ReaderLink) -> ReaderPage:
    holder = stops.reader_of(tx, desk, "", link.person, None)
    lines = tuple(
        TopicLine(t.name, t.title(holder.language), link.used_at is not None) for t in newsletters.topics(tx) if t.name in link.topics
    )
    if link.used_at is not None:
        state = LinkState.USED
    elif _expired(tx, link) or not holder.is_reader:
        state = LinkState.EXPIRED
    else:
        state = LinkState.OPEN
    return ReaderPage(state, holder.language, lines, suppressed=newsletters.suppressed_at(tx, link.person) is not None)


def _opt_in(tx: Tx, desk: Desk, token: str) -> ReaderPage:
    link = newsletters.find_link(tx, token, LinkKind.OPT_IN)
    if link is None:
        return _UNKNOWN
    holder = stops.reader_of(tx, desk, "", link.person, None)
    if holder.is_reader and links.use(tx, link.id):
        if newsletters.lift(tx, link.person):
            stops.record(tx, holder, Event.RESUBSCRIBED, {"origin": "double opt-in"})
        for name in link.topics:
            newsletters.subscribe(tx, link.person, name, "double opt-in")
            stops.record(tx, holder, Event.SUBSCRIBED, {"origin": "double opt-in", "topic": name})
    used = newsletters.find_link(tx, token, LinkKind.OPT_IN)
    return _opt_in_page(tx, desk, used or link)
