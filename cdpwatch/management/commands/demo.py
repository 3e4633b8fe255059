"""`manage.py demo`: serve the demo Segment workspace alone, until it is told to stop."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from cdpwatch.demo.server import serve
from cdpwatch.demo.state import DEFAULT_TOKEN


class Command(BaseCommand):
    help = "Serve a demo Segment workspace on loopback."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        token = os.environ.get("DEMO_TOKEN") or DEFAULT_TOKEN
        parser.add_argument("--port", type=int, default=8010, help="0 takes a free port")
        parser.add_argument("--data-dir", type=Path, help="without it nothing outlives the demo")
        parser.add_argument("--port-file", type=Path, help="file to write the URL to")
        parser.add_argument("--token", default=token, help="bearer token to ask for")

    def handle(self, *args: Any, **options: Any) -> None:
        serve(options["port"], options["data_dir"], options["port_file"], options["token"])
