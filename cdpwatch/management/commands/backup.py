"""Copies the SQLite database to a file while everything goes on running.

Pasted secrets stay encrypted in it; keep the data folder's encryption-key apart, with the backup
or without, as you would keep a password.
"""

import sqlite3
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cdpwatch.models import Workspace


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        target: Path = options["file"]
        source = sqlite_file()
        Workspace.objects.exists()  # a database that is not ours fails here, before the copy
        try:
            target.touch(mode=0o600, exist_ok=False)  # nobody else reads it while it grows either
        except FileExistsError:
            raise CommandError(f"{target} exists already; give a new name.") from None
        except OSError as error:
            raise CommandError(f"Cannot write {target}: {error.strerror}.") from None
        with sqlite3.connect(source) as live, sqlite3.connect(target) as copy:
            live.backup(copy)
        copy.close()
        live.close()
        self.stdout.write(f"{target}: {target.stat().st_size:,} bytes.")


def sqlite_file() -> Path:
    """The database's file. Raises CommandError for PostgreSQL, whose own tools do this better."""
    database = settings.DATABASES["default"]
    if not database["ENGINE"].endswith("sqlite3"):
        raise CommandError("This is PostgreSQL: use pg_dump and pg_restore.")
    return Path(database["NAME"])
