"""Puts a backup in place of the database; the present one is kept in a file."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cdpwatch import postgresql
from cdpwatch.machine import CannotStart, only_one_copy
from cdpwatch.management.commands.backup import copy_database, copy_sqlite, sqlite_file


class Command(BaseCommand):
    help = __doc__
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        backup: Path = options["file"]
        if not backup.is_file():
            raise CommandError(f"There is no file {backup}.")
        try:
            # A worker that goes on would write what it remembers of the other database.
            with only_one_copy(settings.DATA_DIR / "up.pid"):
                kept = _replace_file(backup, file) if (file := sqlite_file()) else _load(backup)
        except (CannotStart, postgresql.ProgramFailed) as error:
            sentence = f"{error} Stop it first." if isinstance(error, CannotStart) else str(error)
            raise CommandError(sentence) from None
        self.stdout.write(f"{backup} is in place. What was there is in {kept.name}.")


def _replace_file(backup: Path, target: Path) -> Path:
    """Put `backup` in place of `target`; returns where the present database is kept."""
    _check(backup)
    kept = _private(target.with_name(f"{target.name}.before-{_stamp()}"))
    if target.exists():
        copy_sqlite(target, kept)
    copy_sqlite(backup, _private(target))
    return kept


def _load(backup: Path) -> Path:
    """The same on PostgreSQL. Raises ProgramFailed, CommandError."""
    if "TABLE DATA public cdpwatch_workspace" not in postgresql.contents(backup):
        raise CommandError(f"{backup} is not a backup of cdpwatch.")
    kept = _private(settings.DATA_DIR / f"cdpwatch.dump.before-{_stamp()}")
    copy_database(kept)
    postgresql.load(backup)
    return kept


def _private(path: Path) -> Path:
    path.touch(mode=0o600)
    path.chmod(0o600)
    return path


def _stamp() -> str:
    """To the microsecond: who undoes a restore at once must not overwrite what it undoes."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"


def _check(backup: Path) -> None:
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
