"""`test`: the whole suite, as tests/__main__.py runs it: on SQLite, and on PostgreSQL if it can.

Whatever follows goes to pytest: `manage.py test -k budget`.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Become the suite."""

    help = "Run the tests; what follows is passed to pytest."

    def run_from_argv(self, argv: list[str]) -> None:
        # Not parsed here: Django's own -v and --settings would be taken from pytest's words.
        os.chdir(os.path.dirname(os.path.abspath(argv[0])))
        os.execv(sys.executable, [sys.executable, "-m", "tests", *argv[2:]])

    def handle(self, *args: Any, **options: Any) -> None:
        self.run_from_argv(["manage.py", "test", *args])
