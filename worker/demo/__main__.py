"""The command line of the demo: `python -m worker.demo`."""

from __future__ import annotations
