"""PostgreSQL's own programs for copying a database, run on the one of DATABASE_URL."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from django.conf import settings
from django.db.backends.postgresql.client import DatabaseClient


class ProgramFailed(Exception):
    """What a program of PostgreSQL said, or that there is none."""


def dump(target: Path) -> None:
    """Copy the database into the new file `target`, as of one moment. Raises ProgramFailed."""
    _run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={target}")


def load(dumped: Path) -> None:
    """Put what `dump` wrote in place of the tables there are, all or nothing.

    Raises ProgramFailed.
    """
    replace = ("--clean", "--if-exists", "--single-transaction")
    _run("pg_restore", *replace, "--no-owner", "--no-privileges", str(dumped))


def contents(dumped: Path) -> str:
    """The list of what is in a file of `dump`. Raises ProgramFailed."""
    return _run("pg_restore", "--list", str(dumped), connected=False)


def _run(program: str, *arguments: str, connected: bool = True) -> str:
    """What `program` prints. The password goes by its environment, where `ps` does not look."""
    if not shutil.which(program):
        raise ProgramFailed(f"There is no {program} here: install postgresql-client.")
    database = settings.DATABASES["default"]
    # psql's own words, without its name: ["psql", "-U", user, "-h", host, "-p", port, name].
    (_, *where, name), access = DatabaseClient.settings_to_cmd_args_env(database, [])
    done = subprocess.run(
        [program, *([*where, "--dbname", name] if connected else []), *arguments],
        env={**os.environ, **(access or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ProgramFailed(done.stderr.strip() or f"{program} failed.")
    return done.stdout
