"""What the register needs to be opened. No heavy imports: the settings tree reads this at every start."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RegisterSettings:
    """Where the customers' data is.

    ``url`` is the SQLAlchemy URL of the built-in database ``customers``; it may hold a password. ``file`` is the
    declaration of the register (TOML), or None: then the built-in database is all there is.
    """

    url: str = field(repr=False)
    file: Path | None = None

    @classmethod
    def in_folder(cls, data: Path, file: Path | None = None) -> RegisterSettings:
        """The default: the built-in database as one SQLite file in the data folder."""
        return cls(url=f"sqlite:///{data / 'customers.sqlite3'}", file=file)
