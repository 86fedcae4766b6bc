"""``make bench``: what one mail costs, how long it takes, and what the desk needs in memory.

    python -m tests.bench [throughput] [latency] [memory] [package] [newsletter-memory] [--mails 2000] [--singles 200] [--fetched 10000]
                          [--rows 100000] [--readers 100000] [--seed N] [--store sqlite|postgresql]

Exit code 0 if every goal was reached, 1 if one was missed. Run it on an idle machine.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys

from tests.bench.newsletters import Sending, sending
from tests.bench.packages import Package, package
from tests.bench.runs import Latency, Memory, Throughput, latency, load_average, memory, throughput

PARTS = ("throughput", "latency", "memory", "package", "newsletter-memory")


def goal(what: str, value: float, unit: str, limit: float, *, at_least: bool = False) -> bool:
    """Print a value beside its goal; True if it was reached."""
    reached = value >= limit if at_least else value <= limit
    print(f"  {what:<46} {value:9.1f} {unit:<8} goal {'>=' if at_least else '<='} {limit:g}: {'reached' if reached else 'MISSED'}")
    return reached


def fact(what: str, value: float, unit: str, more: str = "") -> None:
    """Print a value."""
    print(f"  {what:<46} {value:9.2f} {unit:<8} {more}")


def show_throughput(found: Throughput) -> bool:
    """Milliseconds a mail, by stage."""
    print(f"\n{found.count} mails from Dovecot's INBOX to letters accepted by smtp-sink")
    each = 1000 / found.count
    reached = [goal("CPU of the desk", found.cpu * each, "ms/mail", 12), goal("mails", found.count / found.wall, "/s", 60, at_least=True)]
    for name, seconds in sorted(found.stages.items(), key=lambda item: -item[1]):
        count = found.transactions.get(name)
        fact(f"  {name}", seconds * each, "ms/mail", f"{count / found.count:.2f} transactions/mail" if count else "")
    fact("transactions", sum(found.transactions.values()) / found.count, "/mail")
    imap = found.imaplib
    fact("imaplib fetching the same box: CPU", imap.cpu * 1000 / imap.count, "ms/mail", f"{imap.count / imap.wall:.0f} mails/s")
    print(f"  the store holds {found.kept}")
    return all(reached)


def show_latency(found: Latency) -> bool:
    """Milliseconds."""
    print(f"\n{len(found.seconds)} single mails, from the server's EXISTS line to the letter accepted")
    fact("least", found.seconds[0] * 1000, "ms")
    reached = [goal("p50", found.median * 1000, "ms", 150), goal("p99", found.at(0.99) * 1000, "ms", 1000)]
    fact("most", found.seconds[-1] * 1000, "ms")
    return all(reached)


def show_memory(found: Memory, count: int) -> bool:
    """Megabytes."""
    print(f"\nmemory, all roles, and while fetching {count} mails")
    reached = [goal("resident, idle", found.idle, "MB", 200)]
    fact("resident, after the first hundred mails", found.warm, "MB")
    return all([*reached, goal("growth while fetching", found.peak - found.warm, "MB", 60)])


def show_package(found: Package, count: int) -> bool:
    """Megabytes and seconds."""
    print(f"\nan access package of {count} rows, a file of {found.size:.0f} MB")
    fact("resident, after a package of a few hundred rows", found.before, "MB")
    reached = []
    for what, peak, seconds in zip(("made", "looked at", "downloaded"), (found.made, found.page, found.file), found.seconds, strict=True):
        reached.append(goal(f"growth while it is {what}", peak - found.before, "MB", 60))
        fact(f"  {what} in", seconds, "s")
    return all(reached)


def show_sending(found: Sending) -> bool:
    """Megabytes."""
    print(f"\nnewsletter memory, all roles, while one newsletter goes to {found.readers} readers")
    fact("resident, after a newsletter to a few", found.warm, "MB")
    fact("messages", found.readers / found.seconds, "/s", f"{found.seconds:.0f} s")
    return goal("growth while sending", found.peak - found.warm, "MB", 40)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("parts", nargs="*", default=list(PARTS), metavar="|".join(PARTS))
    parser.add_argument("--mails", type=int, default=2000)
    parser.add_argument("--singles", type=int, default=200)
    parser.add_argument("--fetched", type=int, default=10_000)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--readers", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--store", choices=["sqlite", "postgresql"], default="sqlite")
    chosen = parser.parse_args()
    if unknown := set(chosen.parts) - set(PARTS):
        parser.error(f"there is no {', '.join(sorted(unknown))}: choose from {', '.join(PARTS)}")
    return chosen


def main() -> int:
    """Measure and print."""
    chosen = arguments()
    print(f"seed {chosen.seed}, store {chosen.store}, load average before: {load_average()}")
    reached = []
    if "throughput" in chosen.parts:
        reached.append(show_throughput(asyncio.run(throughput(chosen.mails, chosen.seed, chosen.store))))
    if "latency" in chosen.parts:
        reached.append(show_latency(asyncio.run(latency(chosen.singles, chosen.seed, chosen.store))))
    if "memory" in chosen.parts:
        reached.append(show_memory(asyncio.run(memory(chosen.fetched, chosen.seed, chosen.store)), chosen.fetched))
    if "package" in chosen.parts:
        reached.append(show_package(asyncio.run(package(chosen.rows, chosen.store)), chosen.rows))
    if "newsletter-memory" in chosen.parts:
        reached.append(show_sending(asyncio.run(sending(chosen.readers, chosen.store))))
    print(f"\nload average after: {load_average()}")
    return 0 if all(reached) else 1


if __name__ == "__main__":
    sys.exit(main())
