"""The data folder is its owner's alone, and of one cdpwatch at a time; what `up` says of it."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from cdpwatch.machine import only_one_copy, private_folder
from cdpwatch.management.commands.up import Command as Up
from cdpwatch.management.commands.up import FirstRead
from cdpwatch.models import Workspace
from cdpwatch.progress import first_read, how_far
from cdpwatch.supervisor import Journal, Supervisor


@pytest.fixture
def folder(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with a small database that the commands take for theirs."""
    file = tmp_path / "cdpwatch.sqlite3"
    with sqlite3.connect(file) as db:
        db.execute("create table cdpwatch_workspace (name text, demo bool)")
    db.close()
    own = {**settings.DATABASES["default"], "ENGINE": "django.db.backends.sqlite3", "NAME": file}
    monkeypatch.setitem(settings.DATABASES, "default", own)
    settings.DATA_DIR = tmp_path
    return tmp_path


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_it_makes_a_folder_for_its_owner_alone(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir(mode=0o755)
    assert [mode(private_folder(path)) for path in (old, tmp_path / "new")] == [0o700, 0o700]


def test_it_keeps_its_own_data_folder_private(settings: Settings) -> None:
    assert mode(settings.DATA_DIR) == 0o700


def test_up_lets_nobody_else_read_what_its_programs_write(folder: Path) -> None:
    before = os.umask(0o022)
    try:
        with only_one_copy(folder / "up.pid"), pytest.raises(SystemExit, match="already runs"):
            Up().handle()
    finally:
        left = os.umask(before)
    assert left == 0o077


def test_backup_is_private_before_its_first_byte(workspace: Workspace, folder: Path) -> None:
    with pytest.raises(CommandError, match="Cannot write"):
        call_command("backup", str(folder / "nowhere" / "copy"))
    (folder / "cdpwatch.sqlite3").write_bytes(b"not a database" * 100)
    with pytest.raises(sqlite3.DatabaseError):
        call_command("backup", str(folder / "copy"))  # stopped half-way
    assert mode(folder / "copy") == 0o600


def test_restore_refuses_while_cdpwatch_runs_on_the_folder(
    workspace: Workspace, folder: Path
) -> None:
    call_command("backup", str(folder / "copy"))
    with (
        only_one_copy(folder / "up.pid"),
        pytest.raises(CommandError, match=r"^cdpwatch already runs on .* Stop it first\.$"),
    ):
        call_command("restore", str(folder / "copy"))
    assert not list(folder.glob("*.before-*"))
    call_command("restore", str(folder / "copy"))
    assert len(list(folder.glob("*.before-*"))) == 1


@pytest.mark.parametrize(("demo", "sentence"), [(True, first_read), (False, how_far)])
def test_up_takes_the_demo_for_connected(
    settings: Settings, tmp_path: Path, demo: bool, sentence: object
) -> None:
    settings.DEMO = demo
    assert FirstRead(Supervisor(Journal(tmp_path))).how_far is sentence
