"""The append-only file outside the store and its backups: what a restored store must not forget.

One JSON object a line: ``{"number": 7, "at": "...", "what": "erased", ...}``; keyed hashes, ids and counts only. A line
is on the disk (fsync) before what it says is told to anybody. The store remembers the last number it knows: a store
that is behind its ledger was restored from a backup.
"""

from __future__ import annotations

import fcntl
import json
import os
from typing import TYPE_CHECKING, Any

from worker.errors import EvidenceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path


class Ledger:
    """Appends and reads. Several processes may append: a file lock orders them."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, what: str, at: datetime, facts: Mapping[str, Any]) -> int:
        """Write one line, fsync, and return its number (from 1)."""
        with self._path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            number = self._last(file.fileno()) + 1
            file.write(json.dumps({"number": number, "at": at.isoformat(), "what": what, **facts}).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        return number

    def last_number(self) -> int:
        """The number of the last line, 0 for an empty or missing file."""
        if not self._path.exists():
            return 0
        with self._path.open("rb") as file:
            return self._last(file.fileno())

    def entries(self, above: int = 0) -> Iterator[dict[str, Any]]:
        """The lines whose number is greater than ``above``."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            for line in file:
                entry = self._parse(line)
                if entry["number"] > above:
                    yield entry

    def _last(self, handle: int) -> int:
        size = os.fstat(handle).st_size
        tail = os.pread(handle, 4096, max(0, size - 4096))
        lines = tail.splitlines(keepends=True)
        # A line cut by a crash in the middle of a write was never reported: it is ended here and read over.
        whole = [line for line in lines if line.endswith(b"\n") and line.startswith(b"{")]
        return int(self._parse(whole[-1])["number"]) if whole else 0

    def _parse(self, line: bytes) -> dict[str, Any]:
        try:
            entry: dict[str, Any] = json.loads(line)
        except ValueError:
            msg = f"{self._path}: a line of the ledger is not JSON"
            raise EvidenceError(msg) from None
        return entry
