"""The desk's own memory. The only place that speaks the desk's SQL."""

from worker.store.ledger import Ledger
from worker.store.store import Schema, Store, Tx, new_id
from worker.store.vault import Vault, make_key, read_key

__all__ = ["Ledger", "Schema", "Store", "Tx", "Vault", "make_key", "new_id", "read_key"]
