"""Carries out the instructions of our own Dockerfile in fresh Debian trees, without Docker."""

from __future__ import annotations

import fnmatch
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

from tests.servers.tree import SEARCH_PATH, Bind, Machine, Tree, machine, make_debian


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: ``RUN``, ``COPY``, ... and the rest of its line, continuations joined."""

    name: str
    rest: str


@dataclass(slots=True)
class Image:
    """A built stage: its tree, and how it is run."""

    tree: Tree
    env: dict[str, str] = field(default_factory=lambda: {"PATH": SEARCH_PATH})
    cwd: str = "/"
    user: str = "0:0"
    volumes: list[str] = field(default_factory=list)
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)

    def running(
        self, command: Sequence[str], volumes: Path, *, env: Mapping[str, str] | None = None, binds: Sequence[Bind] = ()
    ) -> list[str]:
        """The command line that runs ``command`` as the image's user, everything read-only but its volumes.

        The volumes are kept in a folder of this machine, filled at first as Docker does: from the image.
        """
        mounted = [Bind(self._volume(name, volumes), name) for name in self.volumes]
        return self.tree.entering(
            command, env={**self.env, **(env or {})}, cwd=self.cwd, user=self.user, binds=[*mounted, *binds], read_only=True
        )

    def _volume(self, name: str, volumes: Path) -> Path:
        kept = volumes / name.strip("/").replace("/", "-")
        if not kept.exists():
            subprocess.run(["cp", "-a", str(self.tree.path(name)), str(kept)], check=True)
        return kept


@dataclass(slots=True)
class Builder:
    """Builds the stages of a Dockerfile from a context folder into ``into``."""

    context: Path
    into: Path
    stages: dict[str, Image] = field(default_factory=dict)

    def build(self) -> Image:
        """Carry out everything; the last stage is the image."""
        image: Image | None = None
        for instruction in parse((self.context / "Dockerfile").read_text()):
            if instruction.name == "FROM":
                image = self._from(instruction.rest)
            elif image is None:
                msg = f"{instruction.name} stands before FROM"
                raise ValueError(msg)
            else:
                self._carry_out(instruction, image)
        if image is None:
            msg = "the Dockerfile has no FROM"
            raise ValueError(msg)
        return image

    def _from(self, rest: str) -> Image:
        base, _, name = rest.partition(" AS ")
        found = re.fullmatch(r"debian:(\w+)-slim", base.strip())
        if found is None:
            msg = f"only debian:SUITE-slim can be made here, not {base}"
            raise ValueError(msg)
        image = Image(Tree(self.into / f"stage{len(self.stages)}"))
        self._fresh_debian(found[1], image.tree)
        self.stages[name.strip() or str(len(self.stages))] = image
        return image

    def _fresh_debian(self, suite: str, tree: Tree) -> None:
        """Every stage begins with the same untouched tree, made once."""
        untouched = self.into / f"untouched-{suite}"
        if not untouched.exists():
            make_debian(Tree(untouched), suite)
        subprocess.run(["cp", "-a", str(untouched), str(tree.root)], check=True)

    def _carry_out(self, instruction: Instruction, image: Image) -> None:
        rest = instruction.rest
        match instruction.name:
            case "RUN":
                self._run(rest, image, machine(image.tree))
            case "COPY":
                self._copy(shlex.split(rest), image)
            case "WORKDIR":
                image.cwd = rest
                image.tree.path(rest).mkdir(parents=True, exist_ok=True)
            case name:
                describe(name, rest, image)

    @staticmethod
    def _run(script: str, image: Image, borrowed: Machine) -> None:
        env = {**borrowed.env, **image.env, "DEBIAN_FRONTEND": "noninteractive"}
        image.tree.run(["/bin/sh", "-c", script], env=env, cwd=image.cwd, user=image.user, binds=borrowed.binds)

    def _copy(self, words: list[str], image: Image) -> None:
        stage = next((word.removeprefix("--from=") for word in words if word.startswith("--from=")), None)
        *sources, target = [word for word in words if not word.startswith("--")]
        into = image.tree.path(target if target.startswith("/") else f"{image.cwd}/{target}")
        for source in sources:
            if stage is None:
                self._copy_from_context(source, into, into_folder=target.endswith("/") or len(sources) > 1)
            else:
                shutil.copytree(self.stages[stage].tree.path(source), into, symlinks=True, dirs_exist_ok=True)

    def _copy_from_context(self, source: str, into: Path, *, into_folder: bool) -> None:
        origin = self.context / source
        if origin.is_file():
            target = into / origin.name if into_folder or into.is_dir() else into
            pairs = [(origin, target)]
        else:
            pairs = [(each, into / each.relative_to(origin)) for each in sorted(origin.rglob("*")) if each.is_file()]
        kept = [(each, target) for each, target in pairs if not ignored(self.context, each.relative_to(self.context))]
        if not kept:
            msg = f"COPY {source}: the build context holds nothing of it"
            raise ValueError(msg)
        for each, target in kept:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(each, target)


def describe(name: str, rest: str, image: Image) -> None:
    """Take in an instruction that changes no file but says how the image runs."""
    match name:
        case "ENV":
            image.env |= dict(pair.split("=", 1) for pair in shlex.split(rest))
        case "USER":
            image.user = rest
        case "VOLUME":
            image.volumes += json.loads(rest)
        case "ENTRYPOINT":
            image.entrypoint = json.loads(rest)
        case "CMD":
            image.command = json.loads(rest)
        case "HEALTHCHECK":
            image.health = json.loads(rest.partition("CMD ")[2])
        case "EXPOSE":
            pass  # the tree shares this machine's network
        case _:
            msg = f"cannot carry out {name}"
            raise ValueError(msg)


def parse(text: str) -> Iterator[Instruction]:
    """The instructions of a Dockerfile, without comments, continued lines joined."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        name, _, rest = line.partition(" ")
        yield Instruction(name.upper(), rest.strip())


def ignored(context: Path, path: Path) -> bool:
    """Whether .dockerignore keeps a file out of the build context: its last matching line decides."""
    out = False
    for line in (context / ".dockerignore").read_text().split():
        pattern = line.removeprefix("!").rstrip("/")
        if any(
            fnmatch.fnmatch(str(each), pattern) or fnmatch.fnmatch(f"./{each}", pattern.replace("**/", "*/"))
            for each in (path, *path.parents)
        ):
            out = not line.startswith("!")
    return out


@contextmanager
def built_image(context: Path) -> Iterator[Image]:
    """Build the Dockerfile of a context; everything is removed at the end."""
    into = Path(mkdtemp(prefix="pd-image-"))
    try:
        into.chmod(0o755)
        yield Builder(context, into).build()
    finally:
        shutil.rmtree(into, ignore_errors=True)
