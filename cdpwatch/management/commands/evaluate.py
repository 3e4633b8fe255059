"""Projects the month and judges the traffic, without Celery.

With --as-of it judges a moment of the past by what was known then; it alerts nobody, and writes
that day's projection only where there is none.
"""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from cdpwatch import budget, snapshot, watch
from cdpwatch.seed import the_workspace


def in_utc(moment: datetime) -> datetime:
    """The moment in UTC, which is also what one without a zone is taken for."""
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--as-of", type=datetime.fromisoformat, metavar="ISO")

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = the_workspace()
        if as_of := options["as_of"]:
            view = snapshot.take(workspace, in_utc(as_of), as_of=True)
            watch.keep_projection(workspace, view, again=False)
        else:
            view = watch.evaluate(workspace, datetime.now(UTC))
        self.stdout.write(budget.headline(view.standing))
        self.stdout.write(budget.pace(view.standing))
        for leak in view.found:
            self.stdout.write(f"Leak: {leak.what} on {leak.source_name}, {leak.so_far:,} calls")
