"""Prints a table as CSV or JSON; with --as-of what was known at a moment of the past."""

import sys
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cdpwatch import exports
from cdpwatch.days import BadMoment, day_of, moment_of
from cdpwatch.seed import the_workspace


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=exports.EXPORTS)
        parser.add_argument("--from", dest="first", metavar="DAY")
        parser.add_argument("--to", dest="last", metavar="DAY")
        parser.add_argument("--as-of", metavar="ISO")
        parser.add_argument("--format", choices=exports.FORMATS, default="csv")

    def handle(self, *args: Any, **options: Any) -> None:
        now = datetime.now(UTC)
        try:
            at = moment_of(options["as_of"], now) if options["as_of"] else None
            last = day_of(options["last"]) if options["last"] else (at or now).date()
            first = day_of(options["first"]) if options["first"] else last.replace(day=1)
            rows = exports.rows(options["what"], the_workspace(), first, last, at)
        except (BadMoment, exports.NoHistory) as error:
            raise CommandError(str(error)) from None
        exports.write(options["what"], rows, options["format"], sys.stdout)
