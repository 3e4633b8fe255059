"""Copies the database to a file while everything goes on running.

Pasted secrets stay encrypted in it; keep the data folder's encryption-key apart, with the backup
or without, as you would keep a password.
"""

import sqlite3
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cdpwatch import postgresql
from cdpwatch.models import Workspace


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        target: Path = options["file"]
        Workspace.objects.exists()  # a database that is not ours fails here, before the copy
        try:
            target.touch(mode=0o600, exist_ok=False)  # nobody else reads it while it grows either
        except FileExistsError:
            raise CommandError(f"{target} exists already; give a new name.") from None
        except OSError as error:
            raise CommandError(f"Cannot write {target}: {error.strerror}.") from None
        copy_database(target)
        self.stdout.write(f"{target}: {target.stat().st_size:,} bytes.")


def copy_database(target: Path) -> None:
    """Copy the database into the file `target`. Raises CommandError."""
    file = sqlite_file()
    if file:
        return copy_sqlite(file, target)
    try:
        postgresql.dump(target)
    except postgresql.ProgramFailed as error:
        target.unlink()  # half a backup is none
        raise CommandError(str(error)) from None


def copy_sqlite(source: Path, target: Path) -> None:
    """SQLite's own copy: it takes the write-ahead log along, which a file copy would lose."""
    with sqlite3.connect(source) as live, sqlite3.connect(target) as copy:
        live.backup(copy)
    copy.close()
    live.close()


def sqlite_file() -> Path | None:
    """The database's file; None where the database is a PostgreSQL."""
    database = settings.DATABASES["default"]
    return Path(database["NAME"]) if database["ENGINE"].endswith("sqlite3") else None
