"""A fresh minimal Debian in a folder, and running commands inside it. Needs root and debootstrap; standard library only."""

from __future__ import annotations

import ast
import os
import shlex
import shutil
import subprocess
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# How this machine reaches the network. Without these a tree on it could install nothing.
NETWORK = ("http_proxy", "https_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir", "requests_ca_bundle")
BORROWED = "/run/machine"


class TreeError(RuntimeError):
    """A command in the tree failed; the message ends with its output."""


@dataclass(frozen=True, slots=True)
class Bind:
    """A folder of this machine that is seen inside the tree, at the same or another path."""

    source: Path
    at: str
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Machine:
    """What a tree borrows to reach the network: variables, and the folders that they name."""

    env: Mapping[str, str] = field(repr=False)
    binds: tuple[Bind, ...]


@dataclass(frozen=True, slots=True)
class Tree:
    """A Debian in the folder ``root``."""

    root: Path

    def path(self, inside: str) -> Path:
        """Where an absolute path of the tree lies on this machine."""
        return self.root / inside.lstrip("/")

    def run(self, command: Sequence[str], **how: object) -> str:
        """Run to the end and return the output; TreeError if it fails. ``how`` as in `entering`."""
        done = subprocess.run(self.entering(command, **how), check=False, capture_output=True, text=True, errors="replace")  # type: ignore[arg-type]
        if done.returncode != 0:
            msg = f"{shlex.join(command)} ended with {done.returncode}:\n{(done.stdout + done.stderr)[-4000:]}"
            raise TreeError(msg)
        return done.stdout

    def entering(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str = "/",
        user: str = "0:0",
        binds: Sequence[Bind] = (),
        read_only: bool = False,
        own_processes: bool = False,
    ) -> list[str]:
        """The command line that runs ``command`` inside, as uid:gid ``user``, with this environment and nothing else.

        ``read_only`` leaves nothing writable but the binds. ``own_processes`` ends all that the command started with it.
        """
        for bind in binds:
            self.path(bind.at).mkdir(parents=True, exist_ok=True)
        inside = ["/usr/bin/env", "-i", *(f"{name}={value}" for name, value in ({"PATH": SEARCH_PATH} | dict(env or {})).items())]
        inside += ["/bin/sh", "-c", 'cd "$0" && exec "$@"', cwd, *command]
        chroot = ["chroot", f"--userspec={user}", "--groups=", str(self.root), *inside]
        script = "\n".join(["set -e", *self._mounts(binds, read_only=read_only), f"exec {shlex.join(chroot)}"])
        namespaces = ["--mount", *(["--pid", "--fork", "--kill-child"] if own_processes else [])]
        return ["unshare", *namespaces, "sh", "-c", script]

    def _mounts(self, binds: Sequence[Bind], *, read_only: bool) -> Iterator[str]:
        root = shlex.quote(str(self.root))
        yield f"mount --bind {root} {root}"
        yield f"mount -t proc proc {root}/proc"
        yield f"mount --rbind /dev {root}/dev"
        yield f"mount -t tmpfs tmpfs {root}/dev/shm"
        for bind in binds:
            at = shlex.quote(str(self.path(bind.at)))
            yield f"mount --bind {shlex.quote(str(bind.source))} {at}"
            if bind.read_only:
                yield f"mount -o remount,bind,ro {at}"
        if read_only:
            yield f"mount -o remount,bind,ro {root}"


@contextmanager
def debian_tree(suite: str = "bookworm") -> Iterator[Tree]:
    """Make a minimal Debian of a suite; removed at the end."""
    folder = Path(mkdtemp(prefix=f"pd-{suite}-"))
    try:
        folder.chmod(0o755)
        tree = Tree(folder / "tree")
        make_debian(tree, suite)
        yield tree
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_debian(tree: Tree, suite: str) -> None:
    """Run debootstrap, from the mirror that this machine uses itself if it has the same suite."""
    command = ["debootstrap", "--variant=minbase", suite, str(tree.root), *_mirror(suite)]
    env = {**os.environ, "PATH": f"{SEARCH_PATH}:{os.environ.get('PATH', '')}"}
    made = subprocess.run(command, check=False, capture_output=True, text=True, env=env)
    if made.returncode != 0:
        msg = f"debootstrap failed:\n{(made.stdout + made.stderr)[-4000:]}"
        raise TreeError(msg)
    _borrow_network(tree)


def _mirror(suite: str) -> list[str]:
    asked = ["apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages"]
    if shutil.which(asked[0]) is None:
        return []
    lines = subprocess.run(asked, check=False, capture_output=True, text=True).stdout.splitlines()
    return [uri for line in lines for release, _, uri in [line.partition(" ")] if release == suite][:1]


def _borrow_network(tree: Tree) -> None:
    """Name resolution, proxies of apt, and the certificate authorities that this machine trusts."""
    for name in ("/etc/resolv.conf", "/etc/hosts"):
        if Path(name).exists():
            shutil.copy(name, tree.path(name))
    if shutil.which("apt-config"):
        dump = subprocess.run(["apt-config", "dump"], check=True, capture_output=True, text=True).stdout.splitlines()
        proxies = [line for line in dump if line.lower().startswith(("acquire::http::", "acquire::https::"))]
        tree.path("/etc/apt/apt.conf.d/90machine").write_text("\n".join([*proxies, ""]))


def machine(tree: Tree) -> Machine:
    """What pip and others need inside the tree to reach what they reach outside. Nothing of it is stored anywhere.

    What the variables name is seen under BORROWED, out of the way of the packages that the tree installs.
    """
    binds: dict[str, Bind] = {}
    variables = {name: value for name, value in os.environ.items() if name.lower() in NETWORK} | _pip_settings()
    env = {name: " ".join(_borrow(word, tree, binds) for word in value.split()) for name, value in variables.items()}
    return Machine(env, tuple(binds.values()))


def _borrow(word: str, tree: Tree, binds: dict[str, Bind]) -> str:
    """The same word for use inside the tree: a file is copied, a folder bound, anything else stays."""
    path = Path(word.removeprefix("file://"))
    if not path.is_absolute() or not path.exists():
        return word
    # An index in files lies beside the files that it points to: the folder above holds both.
    folder = path.parent if word.startswith("file://") else path
    at = f"{BORROWED}/{folder.name}-{zlib.crc32(bytes(folder)):08x}"
    if path.is_file():
        target = tree.path(at)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
        return at
    binds[at] = Bind(folder, at, read_only=True)
    return f"file://{at}/{path.name}" if word.startswith("file://") else at


def _pip_settings() -> dict[str, str]:
    """pip's settings on this machine, as the variables that set the same."""
    listing = subprocess.run([sys.executable, "-m", "pip", "config", "list"], check=False, capture_output=True, text=True)
    found: dict[str, str] = {}
    for line in listing.stdout.splitlines():
        name, _, value = line.partition("=")
        if name.startswith(("global.", ":env:.")):
            variable = "PIP_" + name.rpartition(".")[2].upper().replace("-", "_")
            found[variable] = " ".join(str(ast.literal_eval(value)).split())
    return found
