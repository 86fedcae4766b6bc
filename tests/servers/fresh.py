"""Runs commands on a clean clone in a fresh minimal Debian: no environment, no cache, no home. Needs root.

``.ci/fresh-tree [--suite NAME] [--working-tree] [COMMAND ...]``; without commands, the two that a newcomer types.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.servers.tree import Tree, debian_tree, machine

PROJECT = Path(__file__).parents[2]
NEWCOMERS_COMMANDS = ("make demo ARGS=--once", "make test")
# What the README asks for, and git because one clones with it.
PACKAGES = ("make", "python3", "git", "ca-certificates")
INSIDE = "/srv/privacy-desk"


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the tree and run the commands there until one fails; returns that one's exit code, or 0."""
    options = parse_arguments(arguments)
    with debian_tree(options.suite) as tree:
        borrowed = machine(tree)
        install = f"apt-get update -qq && apt-get install -qq -y --no-install-recommends {' '.join(PACKAGES)}"
        env = {**borrowed.env, "DEBIAN_FRONTEND": "noninteractive"}
        tree.run(["sh", "-c", install], env=env, binds=borrowed.binds)
        copy_project(tree, working_tree=options.working_tree)
        return next((code for command in options.commands if (code := run_there(tree, command))), 0)


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=".ci/fresh-tree", description=__doc__)
    parser.add_argument("--suite", default="bookworm", help="the Debian suite to make")
    parser.add_argument("--working-tree", action="store_true", help="take the files as they are here, not the last commit")
    parser.add_argument("commands", nargs="*", default=NEWCOMERS_COMMANDS, metavar="COMMAND")
    return parser.parse_args(arguments)


def copy_project(tree: Tree, *, working_tree: bool) -> None:
    """Clone the last commit into the tree, or copy the files that git tracks or would track."""
    target = tree.path(INSIDE)
    clone = ["git", "clone", "--quiet", "--no-hardlinks", str(PROJECT), str(target)]
    if not working_tree:
        subprocess.run(clone, check=True)
        return
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=PROJECT, check=True, capture_output=True, text=True
    )
    for name in listing.stdout.splitlines():
        if (PROJECT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, target / name)


def run_there(tree: Tree, command: str) -> int:
    """Run one shell command in the project's folder, its output shown as it comes."""
    borrowed = machine(tree)
    print(f"\n=== {command}", flush=True)
    begun = time.monotonic()
    entering = tree.entering(["sh", "-c", command], env=borrowed.env, cwd=INSIDE, binds=borrowed.binds, own_processes=True)
    code = subprocess.run(entering, check=False).returncode
    print(f"=== {command}: exit {code} after {time.monotonic() - begun:.0f} s", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
