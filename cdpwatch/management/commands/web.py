"""`manage.py web`: serve the pages alone, for a supervisor other than `up`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from cdpwatch import web
from cdpwatch.env import env


class Command(BaseCommand):
    help = "Serve the pages until SIGTERM or Ctrl-C."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        host, port = env("CDPWATCH_BIND", default="127.0.0.1"), env.int("PORT", default=8000)
        parser.add_argument("--host", default=host, help="address to listen on")
        parser.add_argument("--port", type=int, default=port, help="port to listen on")

    def handle(self, *args: Any, **options: Any) -> None:
        web.serve(options["host"], options["port"])
