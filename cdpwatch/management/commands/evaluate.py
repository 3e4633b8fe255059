"""Projects the month and judges the traffic, without Celery.

With --as-of it prints what was known then, writes its projection row and alerts nobody.
"""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from cdpwatch import budget, snapshot, watch
from cdpwatch.seed import the_workspace


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--as-of", type=datetime.fromisoformat, metavar="ISO")

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = the_workspace()
        if as_of := options["as_of"]:
            moment = as_of if as_of.tzinfo else as_of.replace(tzinfo=UTC)
            view = snapshot.take(workspace, moment, as_of=True)
            watch.keep_projection(workspace, view)
        else:
            view = watch.evaluate(workspace, datetime.now(UTC))
        self.stdout.write(budget.headline(view.standing))
        self.stdout.write(budget.pace(view.standing))
        for leak in view.found:
            self.stdout.write(f"Leak: {leak.what} on {leak.source_name}, {leak.so_far:,} calls")
