"""Files with personal data that a command writes: new, and their owner's alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TextIO

from worker.errors import ConfigurationError


def private(path: Path) -> TextIO:
    """Open a new file that only its owner may read. Raises ConfigurationError if it exists, or cannot be made."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigurationError(str(path), "exists already", "Name a new file.") from None
    except OSError as error:
        raise ConfigurationError(str(path), f"cannot be written ({type(error).__name__})", "Name a file in a folder of yours.") from None
    return os.fdopen(handle, "w", encoding="utf-8", newline="")
