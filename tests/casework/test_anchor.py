"""What `audit verify` finds."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import delete, update

from tests.desks import House
from worker.casework import anchor
from worker.errors import AuditBroken
from worker.operate.audit import verify
from worker.store import Tx, audit
from worker.store.tables import audit as table


@pytest.fixture
async def busy(house: House) -> House:
    """A desk with some history, anchored."""
    await house.write("What data do you have about me?")
    await house.write("stop", sender="ben@example.com")
    assert await anchor.anchor(house.desk) == 2
    return house


async def test_a_log_that_nobody_touched_fits_together(busy: House) -> None:
    assert await anchor.anchor(busy.desk) == 0
    assert await verify(busy.desk) == 0


def _change(tx: Tx) -> None:
    tx.connection.execute(update(table).where(table.c.number == 2).values(actor="somebody else"))


def _cut(tx: Tx) -> None:
    for chain, (length, _) in audit.heads(tx).items():
        tx.connection.execute(delete(table).where(table.c.chain == chain, table.c.number == length))


def _forget_a_chain(tx: Tx) -> None:
    tx.connection.execute(delete(table).where(table.c.chain == next(iter(audit.heads(tx)))))


def _remove_one(tx: Tx) -> None:
    tx.connection.execute(delete(table).where(table.c.number == 1))


def _swap(tx: Tx) -> None:
    for before, after in ((1, 900), (2, 1), (900, 2)):
        tx.connection.execute(update(table).where(table.c.number == before).values(number=after))


@pytest.mark.parametrize("harm", [_change, _cut, _forget_a_chain, _remove_one, _swap])
async def test_a_changed_missing_cut_or_reordered_log_is_found(busy: House, harm: object) -> None:
    await busy.desk.store.run(harm)  # type: ignore[arg-type]
    with pytest.raises(AuditBroken):
        await verify(busy.desk)


async def test_a_forged_anchor_is_found(busy: House, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    ledger.write_text(ledger.read_text().replace('"signature": "', '"signature": "00'))
    with pytest.raises(AuditBroken, match="signature"):
        await verify(busy.desk)
