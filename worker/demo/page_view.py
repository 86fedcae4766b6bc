"""What the demo page shows, as plain values."""

from __future__ import annotations
