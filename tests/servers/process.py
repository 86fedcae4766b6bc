"""Starting and stopping a real server: its port, its folder, its account, its end by process id."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 30.0
STOP_SECONDS = 10.0


class ServerError(RuntimeError):
    """A server is not installed, or did not start; the message says what to type or shows its log."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who a server runs as: ourselves, or an unprivileged account when we are root."""

    name: str
    uid: int
    gid: int

    @property
    def is_ours(self) -> bool:
        return self.uid == os.geteuid()


def account(name: str) -> Account:
    """The account to run as: ``name`` when we are root (servers refuse to run as root), else ourselves."""
    if os.geteuid() != 0:
        return ourselves()
    entry = pwd.getpwnam(name)
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def ourselves() -> Account:
    """The account that runs the tests."""
    entry = pwd.getpwuid(os.geteuid())
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def group_name(owner: Account) -> str:
    """The name of the account's group."""
    return grp.getgrgid(owner.gid).gr_name


def program(name: str, package: str) -> str:
    """The path of an installed program, looked for in the system folders too.

    Raises ServerError, which names the Debian package.
    """
    found = shutil.which(name, path=search_path())
    if found is None:
        msg = f"{name} is not installed: apt-get install {package} (make test does it when root on Debian or Ubuntu)"
        raise ServerError(msg)
    return found


def search_path() -> str:
    """PATH and the folders of system programs, which an ordinary user's PATH lacks."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def folder(name: str, owner: Account) -> Iterator[Path]:
    """A short-named folder (UNIX sockets end at 107 bytes) that ``owner`` can reach; removed at the end."""
    path = Path(tempfile.mkdtemp(prefix=f"pd-{name}-"))
    try:
        path.chmod(0o755)
        give(path, owner)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def give(path: Path, owner: Account) -> None:
    """Make ``owner`` the owner of a path and all below it."""
    if owner.is_ours:
        return
    for each in [path, *path.rglob("*")]:
        os.chown(each, owner.uid, owner.gid, follow_symlinks=False)


def spawn(
    command: Sequence[str], *, owner: Account | None = None, log: Path, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, its output appended to ``log``, as ``owner`` if that is somebody else."""
    drop = None if owner is None or owner.is_ours else owner
    with log.open("ab") as out:
        return subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={"PATH": search_path(), "LC_ALL": "C.UTF-8", **(env or {})},
            cwd="/",
            user=drop.uid if drop else None,
            group=drop.gid if drop else None,
            extra_groups=[] if drop else None,
        )


def stop(process: subprocess.Popen[bytes], how: signal.Signals = signal.SIGTERM) -> None:
    """End a process: ``how`` first, SIGKILL to its whole session after STOP_SECONDS."""
    if process.poll() is None:
        process.send_signal(how)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOP_SECONDS)


def wait_until(ready: Callable[[], bool], what: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until ``ready``; ServerError with the end of the log if the process dies or START_SECONDS pass."""
    end = time.monotonic() + START_SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > end:
            tail = log.read_text(errors="replace")[-3000:] if log.exists() else "(no log)"
            msg = f"{what} did not start:\n{tail}"
            raise ServerError(msg)
        time.sleep(0.02)


def greets(port: int, greeting: bytes = b"") -> Callable[[], bool]:
    """A check whether 127.0.0.1:port accepts and, unless empty, begins its greeting with ``greeting``."""

    def check() -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=2) as client:
                return not greeting or client.recv(256).startswith(greeting)
        except OSError:
            return False

    return check
