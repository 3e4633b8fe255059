"""The shape of the code base: what imports what, what lies where, how long things are."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CODE = ("cdpwatch", "dashboards", "tasks")
FOLDERS = {*CODE, "templates", "tests", "docs"}
LOCKS = sorted(ROOT.glob("requirements*.lock"))
LONGEST_FUNCTION, LONGEST_FILE = 40, 500  # lines

OUR_TEXT = {".py", ".md", ".html", ".toml", ".lock", ".js", ".css", ".json", ".yml", ".yaml"}
VENDORED = ("dashboards/static/plotly", "/node_modules/")
# Folders of somebody's machine are not ours to name.
HOME = re.compile(r"(?<![\w.:/])/(?:home|root|Users|mnt)/\w")


def sources() -> Iterator[Path]:
    """Every Python file that people read and change."""
    for folder in CODE:
        for path in (ROOT / folder).rglob("*.py"):
            if "migrations" not in path.parts:
                yield path


def texts() -> Iterator[Path]:
    """Every text that is ours, this file apart: it holds what it looks for."""
    top = [path for path in ROOT.iterdir() if path.is_file()]
    below = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
    for path in (*top, *below):
        foreign = any(part in path.as_posix() for part in VENDORED)
        ours = path.suffix in OUR_TEXT and not foreign
        if ours and path != Path(__file__).resolve():
            yield path


def name_of(requirement: str) -> str:
    """The package in "celery[redis]>=5.7,<5.8"."""
    return re.split(r"[^\w-]", requirement, maxsplit=1)[0].lower()


def test_it_keeps_the_import_rules() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports"))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_it_has_nothing_else_at_the_top() -> None:
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and path.name[0] != "."}
    assert folders - {"__pycache__"} <= FOLDERS


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_it_locks_packages_by_hash_and_names_no_address(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    assert "--hash=sha256:" in text


def test_it_names_no_folder_of_a_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in texts()
        for match in HOME.finditer(path.read_text())
    ]
    assert not found


def test_it_gives_a_reason_for_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    page = (ROOT / "docs/reference/dependencies.md").read_text()
    rows = re.findall(r"^\| ([^|]+) \|", page, re.MULTILINE)
    listed = {name.strip() for row in rows for name in row.split(",")} - {"package", "---"}
    assert listed == {name_of(requirement) for requirement in project["dependencies"]}
    development = page.partition("For development:")[2]
    dev = {name_of(requirement) for requirement in project["optional-dependencies"]["dev"]}
    assert not {name for name in dev if name not in development}


def test_it_stays_in_pieces_that_fit_into_a_head() -> None:
    trees = {path: ast.parse(path.read_text()) for path in sources()}
    long_functions = [
        f"{path.name}: {node.name}"
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
    ]
    long_files = [path.name for path in trees if len(path.read_text().splitlines()) > LONGEST_FILE]
    assert not long_functions + long_files
