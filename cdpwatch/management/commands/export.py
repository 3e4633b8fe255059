"""Prints a table as CSV or JSON: usage, projection, leaks, alerts or catalog."""

import sys
from datetime import UTC, date, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from cdpwatch import exports
from cdpwatch.management.commands.evaluate import in_utc
from cdpwatch.seed import the_workspace


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=exports.EXPORTS)
        parser.add_argument("--from", type=date.fromisoformat, dest="first", metavar="DAY")
        parser.add_argument("--to", type=date.fromisoformat, dest="last", metavar="DAY")
        parser.add_argument("--as-of", type=datetime.fromisoformat, metavar="ISO")
        parser.add_argument("--format", choices=exports.FORMATS, default="csv")

    def handle(self, *args: Any, **options: Any) -> None:
        as_of = in_utc(options["as_of"]) if options["as_of"] else None
        last = options["last"] or (as_of.date() if as_of else datetime.now(UTC).date())
        if as_of:
            last = min(last, as_of.date())
        first = options["first"] or last.replace(day=1)
        rows = exports.EXPORTS[options["what"]](the_workspace(), first, last)
        exports.write(options["what"], rows, options["format"], sys.stdout)
