"""Projects the month and judges the traffic, without Celery.

With --as-of it judges a moment of the past by what was known then; it alerts nobody, and writes
that day's projection only where there is none.
"""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cdpwatch import budget, snapshot, watch
from cdpwatch.days import BadMoment, moment_of
from cdpwatch.seed import the_workspace


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--as-of", metavar="ISO")

    def handle(self, *args: Any, **options: Any) -> None:
        workspace, now = the_workspace(), datetime.now(UTC)
        if options["as_of"]:
            try:
                at = moment_of(options["as_of"], now)
            except BadMoment as error:
                raise CommandError(str(error)) from None
            view = snapshot.take(workspace, at, as_of=True)
            watch.keep_projection(workspace, view, again=False, made_at=now)
        else:
            view = watch.evaluate(workspace, now)
        self.stdout.write(budget.headline(view.standing))
        self.stdout.write(budget.pace(view.standing))
        for leak in view.found:
            self.stdout.write(f"Leak: {leak.what} on {leak.source_name}, {leak.so_far:,} calls")
