"""The commands that work without Celery, each by itself."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from cdpwatch import contracts
from cdpwatch.models import Alert, Delivery, Projection, Reading, SourceDay, Workspace
from tests.conftest import DemoWorkspace
from tests.factories import NOW, make_alert, make_delivery, record_days

HOUR = timedelta(hours=1)


def run(*arguments: str, **options: Any) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=out, **options)
    return out.getvalue()


def test_seed_says_what_a_new_database_holds(db: None) -> None:
    assert run("seed") == "12 apps, 1 function, contract of 40,000,000 calls.\n"
    assert run("seed") == "12 apps, 1 function, contract of 40,000,000 calls.\n"


# --- poll -------------------------------------------------------------------------------------
def test_poll_asks_the_named_pollers_once(workspace: Workspace, demo: DemoWorkspace) -> None:
    said = run("poll", "catalog", "usage")
    assert [line.split(":")[0] for line in said.splitlines()] == ["catalog", "usage"]
    assert f"usage: {Reading.objects.count()} rows" in said


def test_poll_reads_a_span_of_the_past(workspace: Workspace, demo: DemoWorkspace) -> None:
    run("poll", "usage", "--since", "2026-10-05", "--until", "2026-10-09")
    assert SourceDay.objects.filter(day="2026-10-07", calls__gt=0).exists()


def test_poll_says_who_failed_and_why(workspace: Workspace, demo: DemoWorkspace) -> None:
    demo.fault("/usage", "403")
    said = io.StringIO()
    with pytest.raises(CommandError, match=r"Failed: usage\."):
        call_command("poll", "usage", stdout=said, stderr=said)
    assert said.getvalue().startswith("usage: GET /usage/api-calls/daily was refused (403)")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["usgae"], "No poller is called usgae."),
        (["usage", "--since", "2026-10-05", "--until", "2026-10-01"], "--since is after --until."),
    ],
)
def test_poll_refuses_what_it_cannot_do(
    workspace: Workspace, arguments: list[str], said: str
) -> None:
    with pytest.raises(CommandError, match=said):
        run("poll", *arguments)
    assert not Reading.objects.exists()


# --- evaluate and deliver ---------------------------------------------------------------------
def test_evaluate_prints_the_verdict_and_keeps_the_projection(workspace: Workspace) -> None:
    said = run("evaluate").splitlines()
    assert len(said) == 2
    assert Projection.objects.count() == 1


def test_evaluate_as_of_a_day_alerts_nobody(workspace: Workspace) -> None:
    record_days(workspace, [3_000_000] * 17)
    said = run("evaluate", "--as-of", "2026-11-18T12:00")
    assert said.startswith("The contract is used up: 11M over, and November ends at")
    assert Projection.objects.get().verdict == "over"
    assert not Alert.objects.exists() and not Delivery.objects.exists()


def test_deliver_sends_what_waits(workspace: Workspace, demo: DemoWorkspace) -> None:
    make_delivery(make_alert(workspace))
    assert run("deliver") == "1 sent.\n"
    assert run("deliver") == "0 sent.\n"
    assert len(demo.messages) == 1


# --- export -----------------------------------------------------------------------------------
def test_export_prints_csv_and_json(
    workspace: Workspace, demo: DemoWorkspace, capsys: pytest.CaptureFixture[str]
) -> None:
    run("poll", "catalog")
    capsys.readouterr()
    call_command("export", "catalog")
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    call_command("export", "catalog", "--format", "json")
    assert len(json.loads(capsys.readouterr().out)) == len(rows) == 31


def test_export_ends_before_the_as_of_day_which_nobody_had_billed(
    workspace: Workspace, demo: DemoWorkspace, capsys: pytest.CaptureFixture[str]
) -> None:
    run("poll", "usage", "--since", "2026-10-05", "--until", "2026-10-09")
    capsys.readouterr()
    call_command("export", "usage", "--from", "2026-10-01", "--as-of", "2026-10-03T08:00")
    days = {row["day"] for row in csv.DictReader(io.StringIO(capsys.readouterr().out))}
    assert days == {"2026-10-01", "2026-10-02"}


@pytest.mark.parametrize("command", [["export", "usage"], ["evaluate"]])
@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("yesterday", "A moment is written 2026-11-18"),
        ("2026-02-30", "A moment is written 2026-11-18"),
        ("1999-12-31", "Nothing is known of a moment outside"),
        ("9999-01-01", "Nothing is known of a moment outside"),
        ("0001-01-01T00:00:00+10:00", "A moment is written 2026-11-18"),
    ],
)
def test_commands_refuse_a_moment_that_is_none_in_a_sentence(
    workspace: Workspace, command: list[str], moment: str, said: str
) -> None:
    with pytest.raises(CommandError, match=said):
        run(*command, "--as-of", moment)
    assert not Projection.objects.exists()


@pytest.mark.parametrize("option", ["--from", "--to"])
def test_export_refuses_a_day_that_is_none_in_a_sentence(workspace: Workspace, option: str) -> None:
    with pytest.raises(CommandError, match="A day is written 2026-11-23"):
        run("export", "usage", option, "18.11.2026")


def test_export_says_what_cannot_be_told_as_of_a_moment(workspace: Workspace) -> None:
    with pytest.raises(CommandError, match="catalog is kept as it is now") as refused:
        run("export", "catalog", "--as-of", "2026-11-18")
    assert str(refused.value).endswith("usage, months, projection, leaks and alerts can.")


def test_evaluate_as_of_goes_by_the_terms_that_were_known_then(workspace: Workspace) -> None:
    record_days(workspace, [3_000_000] * 17)
    more = {"allowance": 200_000_000, "whole": True}
    contracts.amend(workspace.contract, NOW.date(), "ada", NOW + HOUR, **more)
    assert "of 40M used" in run("evaluate", "--as-of", NOW.isoformat())
    assert "of 200M used" in run("evaluate", "--as-of", (NOW + 2 * HOUR).isoformat())


def test_export_refuses_a_table_that_it_does_not_know(workspace: Workspace) -> None:
    with pytest.raises(CommandError, match="invalid choice: 'secrets'"):
        run("export", "secrets")


# --- check_connections ------------------------------------------------------------------------
def test_check_connections_says_what_it_reached(workspace: Workspace, demo: DemoWorkspace) -> None:
    said = run("check_connections").splitlines()
    assert said[0] == "ok      Segment: “GitBook (demo)”, 31 connections"
    assert said[1].startswith("ok      Slack: a webhook is set")


def test_check_connections_fails_in_words(workspace: Workspace) -> None:
    out = io.StringIO()
    with pytest.raises(CommandError, match="Not everything is connected"):
        call_command("check_connections", stdout=out)
    assert "FAILED  Segment: No Segment token yet" in out.getvalue()
    assert "FAILED  Slack: no webhook" in out.getvalue()


# --- backup and restore -----------------------------------------------------------------------
@pytest.fixture
def database(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small database file that the commands take for theirs."""
    file = tmp_path / "cdpwatch.sqlite3"
    fill(file, "before")
    own = {**settings.DATABASES["default"], "ENGINE": "django.db.backends.sqlite3", "NAME": file}
    monkeypatch.setitem(settings.DATABASES, "default", own)
    return file


def fill(file: Path, name: str, demo: bool = False) -> None:
    with sqlite3.connect(file) as db:
        db.execute("pragma journal_mode=wal")
        db.execute("create table if not exists cdpwatch_workspace (name text, demo bool)")
        db.execute("delete from cdpwatch_workspace")
        db.execute("insert into cdpwatch_workspace values (?, ?)", (name, demo))
    db.close()


def name_in(file: Path) -> str:
    with sqlite3.connect(file) as db:
        [(name,)] = db.execute("select name from cdpwatch_workspace").fetchall()
    db.close()
    return str(name)


def test_backup_copies_while_others_write(
    workspace: Workspace, database: Path, tmp_path: Path
) -> None:
    writer = sqlite3.connect(database)
    writer.execute("update cdpwatch_workspace set name = 'not committed'")
    assert "bytes" in run("backup", str(tmp_path / "copy"))
    writer.close()
    assert name_in(tmp_path / "copy") == "before"
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o600


def test_backup_overwrites_nothing(workspace: Workspace, database: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").write_text("mine")
    with pytest.raises(CommandError, match="exists already"):
        run("backup", str(tmp_path / "copy"))
    assert (tmp_path / "copy").read_text() == "mine"


def test_restore_puts_a_backup_in_place_and_keeps_what_was_there(
    workspace: Workspace, database: Path, tmp_path: Path
) -> None:
    run("backup", str(tmp_path / "copy"))
    fill(database, "after")
    run("restore", str(tmp_path / "copy"))
    assert name_in(database) == "before"
    [kept] = tmp_path.glob("cdpwatch.sqlite3.before-*[0-9]")
    assert name_in(kept) == "after"
    run("restore", str(kept))  # at once: what is kept now is another file
    assert name_in(database) == "after"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "There is no file"),
        (b"text", "not a backup of cdpwatch"),
        (b"SQLite format 3\0" + b"x" * 4_000, "not a backup of cdpwatch"),
        (b"", "not a backup of cdpwatch"),
    ],
)
def test_restore_refuses_what_is_no_backup(
    database: Path, tmp_path: Path, content: bytes | None, said: str
) -> None:
    file = tmp_path / "copy"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CommandError, match=said):
        run("restore", str(file))
    assert name_in(database) == "before"


def test_restore_mixes_no_demo_with_live_data(database: Path, tmp_path: Path) -> None:
    fill(tmp_path / "copy", "demo data", demo=True)
    with pytest.raises(CommandError, match="never share a database"):
        run("restore", str(tmp_path / "copy"))
    assert name_in(database) == "before"
