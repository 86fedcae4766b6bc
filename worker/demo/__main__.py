"""The command line of the demo: ``python -m worker.demo``."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path

from worker.demo.once import folder, once
from worker.demo.quiet import quiet
from worker.demo.world import new_seed


def main() -> int:
    """Read the options and run; the exit code."""
    options = _parser().parse_args()
    seed = options.seed if options.seed is not None else new_seed()
    quiet()
    if options.mails is not None:
        return asyncio.run(_interruptible(folder(options.mails, seed)))
    if options.once:
        return asyncio.run(_interruptible(once(seed)))
    from worker.demo.show import show

    return asyncio.run(show(seed, options.port))


async def _interruptible(work: Coroutine[None, None, int]) -> int:
    """Do ``work``; told to stop, it leaves nothing behind either."""
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        print("Stopped. Nothing is left of it.")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make demo", description="A whole desk with its mail servers and invented customers, on this machine."
    )
    parser.add_argument(
        "--once", action="store_true", help="play sample mails to their end, print a table, exit 0 if each ended as it must"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="choose customers and mails by this number (default: a new one)")
    parser.add_argument("--mails", type=Path, metavar="DIR", help="play the .eml files of this folder instead")
    parser.add_argument("--port", type=int, default=8025, metavar="N", help="of the demo page (default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
