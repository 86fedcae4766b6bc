"""Keeps the desk's log off the screen of the demo: what goes wrong is said there, what goes well is not."""

from __future__ import annotations

import logging
import sys

import structlog

from worker.logs import configure


def quiet() -> None:
    """Show errors only."""
    configure(sys.stderr)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    logging.getLogger().setLevel(logging.ERROR)
