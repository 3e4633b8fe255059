"""Moving to another database: row for row, or not at all."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Model
from pytest_django import Settings

from cdpwatch.machine import only_one_copy
from cdpwatch.management.commands import move
from cdpwatch.models import AuditLog, Credential, Workspace
from tests.factories import make_workspace

Rows = dict[type[Model], list[tuple[Any, ...]]]
KEYS = [base64.urlsafe_b64encode(hashlib.sha256(b"drill").digest())]
FILL = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from datetime import UTC, datetime
from cdpwatch import vault
from cdpwatch.models import *
from tests.factories import *

workspace = make_workspace()
record_days(workspace, [2_000_000, 2**53] + [1] * 15)
make_delivery(make_alert(workspace, consequence="Café ☕ 'now'", data={"a": [1, None, "ü"]}))
vault.keep(workspace, CredentialKind.SEGMENT_TOKEN, "sgp_secret", "ada")
app = workspace.apps.first()
change = CatalogChange.objects.create(workspace=workspace, app=app, field="owner", by="ada")
CatalogChange.objects.create(workspace=workspace, app=app, field="owner", by="bob", undoes=change)
person = User.objects.create_user("ada", password="x")
person.user_permissions.add(*person.user_permissions.model.objects.all()[:2])
AuditLog.objects.create(actor="ada", action="connect", subject="token")
AuditLog.objects.update(at=datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC))
Heartbeat.objects.create(name="gone", at=NOW).delete()
AuditLog.objects.create(pk=900, actor="ada", action="connect", subject="token")
"""


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with something in most tables, as an installation leaves it."""
    folder = tmp_path_factory.mktemp("old")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("CDPWATCH_", "DATABASE_"))}
    environment = {
        **kept,
        "DJANGO_SETTINGS_MODULE": "cdpwatch.settings",
        "CDPWATCH_DATA_DIR": str(folder),
        "CDPWATCH_ENCRYPTION_KEYS": "drill",
    }
    command, root = [sys.executable, "-c", FILL], Path(__file__).parent.parent
    run = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=root)
    assert run.returncode == 0, run.stderr
    return folder / "live" / "cdpwatch.sqlite3"


@pytest.fixture
def file(filled: Path, tmp_path: Path) -> Path:
    """A copy of it for one test to spoil."""
    return Path(shutil.copy(filled, tmp_path / "old.sqlite3"))


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Path:
    """The data folder of the new place, with the old one's keys."""
    settings.DATA_DIR, settings.ENCRYPTION_KEYS = tmp_path, KEYS
    return tmp_path


def moved(file: Path) -> str:
    out = io.StringIO()
    call_command("move", str(file), stdout=out)
    return out.getvalue()


def spoil(file: Path, sql: str, *values: object) -> None:
    with sqlite3.connect(file) as database:
        database.execute(sql, values)
    database.close()


def everything(alias: str) -> Rows:
    return {model: list(move.rows(model, alias).values_list()) for model in move.tables()}


@pytest.fixture
def before(filled: Path) -> Rows:
    """Every row of the file."""
    with move.opened(filled):
        return everything(move.OLD)


def test_it_moves_every_row_as_it_is(db: None, folder: Path, filled: Path, before: Rows) -> None:
    said = moved(filled)
    assert everything(connection.alias) == before
    assert sum(bool(found) for found in before.values()) >= 15
    total = sum(len(found) for found in before.values())
    assert said.startswith(f"{total:,} rows of {len(before)} tables are in the ")
    assert said.endswith("The keys of this place open the pasted secrets.\n")


def test_it_counts_on_behind_the_last_key(db: None, folder: Path, file: Path) -> None:
    moved(file)
    assert AuditLog.objects.create(actor="ada", action="look", subject="new place").pk > 900


def test_it_says_when_the_keys_stayed_behind(
    db: None, folder: Path, file: Path, settings: Settings
) -> None:
    settings.ENCRYPTION_KEYS = [base64.urlsafe_b64encode(b"x" * 32)]
    assert "bring encryption-key" in moved(file)
    assert Credential.objects.exists()


def test_it_writes_into_no_database_that_is_in_use(db: None, folder: Path, file: Path) -> None:
    make_workspace(name="Theirs")
    with pytest.raises(CommandError, match="The database is not empty"):
        moved(file)
    assert Workspace.objects.get().name == "Theirs"


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("DELETE FROM django_migrations WHERE app = 'axes'", "not at the same migration"),
        ("UPDATE cdpwatch_workspace SET demo = 1", "Demo and live data never share"),
        ("DROP TABLE cdpwatch_workspace", "not a database of cdpwatch"),
    ],
)
def test_it_refuses_a_file_that_does_not_fit(
    db: None, folder: Path, file: Path, sql: str, said: str
) -> None:
    spoil(file, sql)
    with pytest.raises(CommandError, match=said):
        moved(file)
    assert not Workspace.objects.exists()


def test_it_moves_all_or_nothing(db: None, folder: Path, file: Path) -> None:
    spoil(file, "UPDATE cdpwatch_alert SET opened_at = 'soon'")
    with pytest.raises(CommandError, match="^cdpwatch_alert: "):
        moved(file)
    assert not Workspace.objects.exists()


def test_it_waits_for_no_running_copy(db: None, folder: Path, file: Path) -> None:
    with (
        only_one_copy(folder / "up.pid"),
        pytest.raises(CommandError, match=r"^cdpwatch already runs on .* Stop it first\.$"),
    ):
        moved(file)


@pytest.mark.parametrize(
    ("content", "said"), [(None, "There is no file"), (b"text" * 999, "not a database of cdpwatch")]
)
def test_it_refuses_what_is_no_database(
    db: None, folder: Path, tmp_path: Path, content: bytes | None, said: str
) -> None:
    file = tmp_path / "other"
    if content:
        file.write_bytes(content)
    with pytest.raises(CommandError, match=said):
        moved(file)
