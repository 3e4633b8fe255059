"""`verify`: every check of the project, one line each; any failure fails the whole."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

# As on a server behind TLS: what `check --deploy` looks at.
PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "cdpwatch.settings",
    "CDPWATCH_HTTPS": "1",
    "CDPWATCH_HOSTS": "cdpwatch.example",
    "DEBUG": "0",
}


@dataclass(frozen=True)
class Check:
    """A command that exits with 0 when all is well."""

    name: str
    command: list[str]


def checks(root: Path) -> list[Check]:
    """Everything that must hold, the quick ones first."""
    python, manage = sys.executable, [sys.executable, "manage.py"]
    templates = sorted(str(path) for path in (root / "templates").rglob("*.html"))
    return [
        Check("ruff check", [python, "-m", "ruff", "check"]),
        Check("ruff format", [python, "-m", "ruff", "format", "--check"]),
        Check("templates", [str(Path(python).with_name("djade")), "--check", *templates]),
        Check("imports", [str(Path(python).with_name("lint-imports"))]),
        Check("migrations", [*manage, "makemigrations", "--check", "--dry-run"]),
        Check("deploy", [*manage, "check", "--deploy", "--fail-level", "WARNING"]),
        Check("types", [python, "-m", "mypy"]),
        Check("tests", [python, "-m", "tests"]),
    ]


class Command(BaseCommand):
    """Run every check, those after a failed one too."""

    help = "Run every check: style, types, import rules, migrations, settings, tests."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        with tempfile.TemporaryDirectory(prefix="cdpwatch-verify-") as data_dir:
            env = {**os.environ, **PRODUCTION, "CDPWATCH_DATA_DIR": data_dir}
            failed = [check.name for check in checks(settings.BASE_DIR) if not holds(check, env)]
        if failed:
            sys.exit(f"FAILED: {', '.join(failed)}")
        print("All checks passed.")


def holds(check: Check, env: Mapping[str, str]) -> bool:
    """Run `check` and print its line, behind its output where it failed."""
    started = time.monotonic()
    done = subprocess.run(
        check.command,
        cwd=settings.BASE_DIR,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    ok = done.returncode == 0
    if not ok:
        print(done.stdout)
    lines = done.stdout.strip().splitlines()
    word, last = ("ok" if ok else "FAILED"), (lines[-1].strip("= ") if lines else "")
    print(f"{word:<6}  {check.name:<12} {time.monotonic() - started:5.1f} s  {last}", flush=True)
    return ok
