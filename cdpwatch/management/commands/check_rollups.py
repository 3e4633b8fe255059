"""Proves the months equal to their days; exits with an error and the rows where they are not."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cdpwatch import counting, wording
from cdpwatch.readings import MonthCount
from cdpwatch.seed import the_workspace


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--mend", action="store_true", help="sum the months that differ from their days anew"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = the_workspace()
        differing = list(counting.differences(workspace))
        for row in differing:
            self.stdout.write(_line(row))
        if not differing:
            self.stdout.write("Every month is the sum of its days.")
            return
        if options["mend"]:
            counting.refresh_months(workspace, {row.month for row in differing})
            differing = list(counting.differences(workspace))
        if differing:
            raise CommandError(f"Months that differ: {len(differing)}.")


def _line(row: counting.Difference) -> str:
    whose = f"{row.table} of {row.owner}, {row.month:%Y-%m}"
    return f"{whose}: {_words(row.kept)}, but its days make {_words(row.summed)}"


def _words(count: MonthCount | None) -> str:
    if count is None:
        return "nothing"
    return f"{count.calls} calls and {wording.plural(count.unknown_days, 'unknown day')}"
