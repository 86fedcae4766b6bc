"""How entries get into an audit chain: together at the end of a transaction, one transaction after the other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from worker.rules.audit import Event
from worker.store import Store, Tx, audit, cases


@pytest.fixture
def store(store: Store) -> Store:
    """An empty store on each kind of database."""
    store.migrate()
    return store


def note(tx: Tx, chain: str = audit.DESK, count: int = 1) -> None:
    for number in range(count):
        audit.record(tx, chain, Event.MAIL_READ, "test", {"number": number})


def test_entries_are_seen_by_the_transaction_that_wrote_them(store: Store) -> None:
    with store.transaction() as tx:
        note(tx, count=2)
        assert len(audit.entries(tx, audit.DESK)) == 2
        note(tx)
        assert audit.heads(tx)[audit.DESK][0] == 3
    with store.transaction() as tx:
        assert [each.number for each in audit.entries(tx, audit.DESK)] == [1, 2, 3]
        assert audit.verify(tx, {}) == 3


def fail(store: Store) -> None:
    with store.transaction() as tx:
        note(tx)
        raise ZeroDivisionError


def test_a_transaction_that_fails_leaves_no_entry(store: Store) -> None:
    with pytest.raises(ZeroDivisionError):
        fail(store)
    with store.transaction() as tx:
        assert audit.entries(tx, audit.DESK) == ()


def test_entries_of_several_chains_in_one_transaction_do_not_mix(store: Store) -> None:
    for _ in range(2):
        with store.transaction() as tx:
            for chain in ("one", "two", "one"):
                note(tx, chain)
    with store.transaction() as tx:
        assert {chain: length for chain, (length, _) in audit.heads(tx).items()} == {"one": 4, "two": 2}
        assert audit.verify(tx, {}) == 6


def test_two_at_once_continue_one_chain_one_after_the_other(store: Store) -> None:
    threads, times = 4, 10
    together = Barrier(threads)

    def write(_: int) -> None:
        together.wait()
        for _ in range(times):
            with store.transaction() as tx:
                note(tx, audit.DESK, 2)
                note(tx, "another")

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(write, range(threads)))
    with store.transaction() as tx:
        assert audit.verify(tx, {}) == threads * times * 3


def test_two_at_once_never_get_the_same_reference(store: Store) -> None:
    threads, times = 4, 10
    together = Barrier(threads)

    def take(_: int) -> list[str]:
        together.wait()
        found = []
        for _ in range(times):
            with store.transaction() as tx:
                found.append(cases.next_reference(tx, 2026))
        return found

    with ThreadPoolExecutor(threads) as pool:
        found = [each for some in pool.map(take, range(threads)) for each in some]
    assert sorted(found) == [f"PD-2026-{number:06d}" for number in range(1, threads * times + 1)]
