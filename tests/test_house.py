"""The rules of the house, kept by test."""

from __future__ import annotations

import ast
import importlib
import re
import statistics
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import flit_core.buildapi
import pytest

from worker.store.personal import PERSONAL
from worker.store.tables import metadata

ROOT = Path(__file__).parent.parent
WORKER = ROOT / "worker"
Function = ast.FunctionDef | ast.AsyncFunctionDef

LOCKS = ("requirements.lock", "requirements-demo.lock", "requirements-dev.lock")
NAMES_FOR_ANYTHING = {"utils", "util", "common", "core", "helpers", "helper", "misc", "base", "shared"}
# Where the only user of a library stands: the contract's library -> its layers.
HOME_OF = {
    "sqlalchemy": {"store", "register"},
    "aioimaplib": {"mail"},
    "aiosmtpd": {"mail", "demo"},
    "pymap": {"demo"},
    "apscheduler": {"schedule"},
    "procrastinate": {"engine"},
}
PURE = ("rules", "handlers", "newsletter", "errors")
CLOCKS = {"now", "today", "utcnow"}


@cache
def modules() -> dict[Path, ast.Module]:
    """Every module of the package, parsed."""
    found = {path: ast.parse(path.read_text(), str(path)) for path in sorted(WORKER.rglob("*.py"))}
    assert len(found) > 20
    return found


@cache
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def contracts() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = project()["tool"]["importlinter"]["contracts"]
    return found


def layers() -> set[str]:
    rows = next(each["layers"] for each in contracts() if each["type"] == "layers")
    return {name.strip() for row in rows for name in row.split("|")}


def is_migration(path: Path) -> bool:
    """A migration is a literal list of tables, as long as they are many."""
    return "migrations" in path.parts


def functions() -> Iterator[tuple[Path, Function]]:
    for path, tree in modules().items():
        if not is_migration(path):
            yield from ((path, node) for node in ast.walk(tree) if isinstance(node, Function))


def lines_of(function: Function) -> int:
    """From ``def`` to the end, without the docstring."""
    first = function.body[0]
    documented = ast.get_docstring(function, clean=False) is not None
    docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def project_files() -> list[Path]:
    """What git tracks or would track; in an unpacked archive, everything."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=False, capture_output=True, text=True
    )
    names = listing.stdout.splitlines() if listing.returncode == 0 else [str(each.relative_to(ROOT)) for each in ROOT.rglob("*")]
    found = [
        ROOT / name
        for name in names
        if not name.startswith((".venv", "build/", ".git/")) and "__pycache__" not in name and (ROOT / name).is_file()
    ]
    assert len(found) > 50
    return found


def text_of(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "ignore")


def test_imports_point_down_and_each_library_has_one_home() -> None:
    linter = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert linter.returncode == 0, linter.stdout + linter.stderr


def test_every_module_of_the_package_has_a_row() -> None:
    there = {path.name for path in WORKER.iterdir() if path.is_dir() and any(path.rglob("*.py"))}
    there |= {path.stem for path in WORKER.glob("*.py") if path.name != "__init__.py"}
    assert there - layers() == set()


@pytest.mark.parametrize("library", HOME_OF)
def test_a_library_is_forbidden_everywhere_but_at_home(library: str) -> None:
    contract = next(
        each
        for each in contracts()
        if each["type"] == "forbidden" and library in each["forbidden_modules"] and "allow_indirect_imports" in each
    )
    assert {name.removeprefix("worker.") for name in contract["source_modules"]} == layers() - HOME_OF[library]


def test_the_pure_packages_never_ask_what_time_it_is() -> None:
    asked = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, tree in modules().items()
        if path.relative_to(WORKER).parts[0].removesuffix(".py") in PURE
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS
    ]
    assert asked == []


def test_every_module_says_what_it_is() -> None:
    silent = [str(path.relative_to(ROOT)) for path, tree in modules().items() if not ast.get_docstring(tree)]
    assert silent == []


def test_every_folder_with_code_is_a_package() -> None:
    folders = {path.parent for path in modules() if not is_migration(path)}
    assert [str(each.relative_to(ROOT)) for each in folders if not (each / "__init__.py").exists()] == []


def test_functions_are_short() -> None:
    lengths = sorted(lines_of(function) for _, function in functions())
    assert len(lengths) > 100
    assert statistics.median(lengths) <= 7
    assert lengths[int(len(lengths) * 0.9)] <= 25


def test_no_function_is_longer_than_a_screen() -> None:
    long = {f"{path.relative_to(ROOT)}:{each.name}": lines_of(each) for path, each in functions() if lines_of(each) > 50}
    assert long == {}


def test_no_module_is_longer_than_four_hundred_lines() -> None:
    long = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in modules() if not is_migration(path)}
    assert {name: lines for name, lines in long.items() if lines > 400} == {}


def test_no_module_is_named_for_anything_at_all() -> None:
    everywhere = [path for path in project_files() if path.suffix == ".py"]
    assert [
        str(path.relative_to(ROOT)) for path in everywhere if NAMES_FOR_ANYTHING & {path.stem, *path.relative_to(ROOT).parts[:-1]}
    ] == []


def test_nothing_is_left_for_later() -> None:
    unfinished = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX" + r"\b", "raise NotImplemented" + "Error")))
    found = found_in_files(unfinished, (".py", ".toml", ".html", ".txt", ".md"))
    # Tests may look for such marks themselves.
    assert [each for each in found if not each.startswith("tests/")] == []


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    machine = re.compile(r"(?<![\w.])/(?:work|ro" + r"ot|home/\w+)/")
    assert found_in_files(machine) == []


def found_in_files(pattern: re.Pattern[str], suffixes: tuple[str, ...] = ("",)) -> list[str]:
    """``file: match`` for every project file that matches."""
    return [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in project_files()
        if path.name.endswith(suffixes)
        for match in pattern.finditer(text_of(path))
    ]


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_hashes_and_no_address(name: str) -> None:
    entries = (ROOT / name).read_text().replace("\\\n", " ").splitlines()
    packages = [line for line in entries if line and not line.startswith("#")]
    assert len(packages) > 20
    assert [line for line in packages if "--hash=sha256:" not in line or "==" not in line] == []
    assert [line for line in entries if re.search(r"://|--index|--extra-index|--find-links|@ ", line)] == []


def test_the_locks_agree_with_each_other() -> None:
    small, middle, large = ({*re.findall(r"^([\w.\[\]-]+==[\w.]+)", (ROOT / name).read_text(), re.MULTILINE)} for name in LOCKS)
    assert small < middle < large


def test_every_lint_rule_we_leave_out_has_its_reason_beside_it() -> None:
    table = (ROOT / "pyproject.toml").read_text().partition("[tool.ruff.lint]")[2].partition("[tool.ruff.lint.pydocstyle]")[0]
    entries = [line for line in table.splitlines() if re.match(r'\s+"[A-Z]+\d*",', line)]
    assert len(entries) > 20
    assert [line for line in entries if not re.search(r"# (as [A-Z]+\d*|.{12,})", line)] == []


@pytest.mark.filterwarnings("default")
def test_an_installed_desk_has_all_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    wheel = tmp_path / flit_core.buildapi.build_wheel(str(tmp_path))
    packed = set(zipfile.ZipFile(wheel).namelist())
    ours = {str(path.relative_to(ROOT)) for path in project_files() if path.is_relative_to(WORKER)}
    assert ours - packed == set()


def test_every_table_about_people_says_how_access_erasure_and_retention_reach_it() -> None:
    about_people = {
        table.name for table in metadata.tables.values() if any(c.name == "person" or c.name.startswith("sealed") for c in table.columns)
    }
    assert len(about_people) > 10
    assert set(PERSONAL) == about_people


@pytest.mark.parametrize("table", PERSONAL)
def test_what_reaches_a_table_is_really_there(table: str) -> None:
    reach = PERSONAL[table]
    named = re.findall(r"`([\w.]+)`", f"{reach.access} {reach.erasure} {reach.retention}")
    assert named
    for name in named:
        module, _, function = name.rpartition(".")
        assert callable(getattr(importlib.import_module(f"worker.{module}"), function))
