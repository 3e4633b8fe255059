"""Back-up and restore where the database is a PostgreSQL: by its own programs, all or nothing."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from cdpwatch.models import Workspace
from tests.factories import make_workspace

pytestmark = pytest.mark.postgresql


@pytest.fixture
def workspace(transactional_db: None) -> Workspace:
    """Rows that another program sees too."""
    return make_workspace(name="before")


@pytest.fixture
def copy(workspace: Workspace, settings: Settings, tmp_path: Path) -> Path:
    """A backup of it, after which the workspace has changed."""
    settings.DATA_DIR = tmp_path
    assert "bytes" in run("backup", str(tmp_path / "copy"))
    Workspace.objects.update(name="after")
    return tmp_path / "copy"


def run(*words: str) -> str:
    out = io.StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def name() -> str:
    return Workspace.objects.get().name


def test_it_puts_a_backup_in_place_and_keeps_what_was_there(copy: Path) -> None:
    assert copy.stat().st_mode & 0o777 == 0o600
    assert run("restore", str(copy)).startswith(f"{copy} is in place.")
    assert name() == "before"
    [kept] = copy.parent.glob("cdpwatch.dump.before-*")
    assert kept.stat().st_mode & 0o777 == 0o600
    run("restore", str(kept))
    assert name() == "after"


def test_it_counts_on_behind_the_last_key_after_a_restore(copy: Path) -> None:
    run("restore", str(copy))
    last = Workspace.objects.get().channels.create(kind="slack", name="one").pk
    assert Workspace.objects.get().channels.create(kind="slack", name="two").pk > last


@pytest.mark.parametrize("length", [0, 40, 5_000])
def test_it_touches_nothing_for_half_a_backup(copy: Path, length: int) -> None:
    copy.write_bytes(copy.read_bytes()[:length])
    with pytest.raises(CommandError, match="pg_restore"):
        run("restore", str(copy))
    assert name() == "after"


def test_it_leaves_no_half_backup_behind(
    copy: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = {**settings.DATABASES["default"], "HOST": "/nowhere"}
    monkeypatch.setitem(settings.DATABASES, "default", elsewhere)
    with pytest.raises(CommandError, match="pg_dump"):
        run("backup", str(copy.with_name("other")))
    assert not copy.with_name("other").exists()


def test_it_says_what_to_install(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(copy.parent))
    with pytest.raises(CommandError, match="There is no pg_dump here: install postgresql-client"):
        run("backup", str(copy.with_name("other")))
