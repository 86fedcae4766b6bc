"""One customer: sends a mail, reads the letters, opens the pages, clicks."""

from __future__ import annotations
