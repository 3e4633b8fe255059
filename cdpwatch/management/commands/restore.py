"""Puts a backup in place of the SQLite database; the present one is kept beside it."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cdpwatch.machine import CannotStart, only_one_copy
from cdpwatch.management.commands.backup import sqlite_file


class Command(BaseCommand):
    help = __doc__
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        backup: Path = options["file"]
        try:
            # A worker that goes on would write what it remembers of the other database.
            with only_one_copy(settings.DATA_DIR / "up.pid"):
                kept = _replace(backup, sqlite_file())
        except CannotStart as error:
            raise CommandError(f"{error} Stop it first.") from None
        self.stdout.write(f"{backup} is in place. What was there is in {kept.name}.")


def _replace(backup: Path, target: Path) -> Path:
    """Put `backup` in place of `target`; returns where the present database is kept."""
    _check(backup)
    kept = target.with_name(f"{target.name}.before-{datetime.now(UTC):%Y%m%dT%H%M%S}")
    if target.exists():
        _copy(target, kept)
    _copy(backup, target)
    return kept


def _copy(source: Path, target: Path) -> None:
    """SQLite's own copy: it takes the write-ahead log along, which a file copy would lose."""
    target.touch(mode=0o600)
    target.chmod(0o600)
    with sqlite3.connect(source) as old, sqlite3.connect(target) as new:
        old.backup(new)
    old.close()
    new.close()


def _check(backup: Path) -> None:
    if not backup.is_file():
        raise CommandError(f"There is no file {backup}.")
    try:
        with sqlite3.connect(f"file:{backup}?mode=ro", uri=True) as file:
            sound = file.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            demo = file.execute("SELECT demo FROM cdpwatch_workspace LIMIT 1").fetchone()
        file.close()
    except sqlite3.DatabaseError:
        raise CommandError(f"{backup} is not a backup of cdpwatch.") from None
    if not sound:
        raise CommandError(f"{backup} is damaged.")
    if demo and bool(demo[0]) != settings.DEMO:
        raise CommandError("Demo and live data never share a database: add or drop --demo.")
