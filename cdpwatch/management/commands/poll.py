"""Asks Segment once, without Celery: all pollers, or those that are named."""

from datetime import UTC, date, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cdpwatch import watch
from cdpwatch.http import ApiError
from cdpwatch.readings import NotRecorded
from cdpwatch.seed import the_workspace
from cdpwatch.timetable import POLLERS
from cdpwatch.vault import Locked


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(POLLERS))
        parser.add_argument("--since", type=date.fromisoformat, metavar="DAY")
        parser.add_argument("--until", type=date.fromisoformat, metavar="DAY")

    def handle(self, *args: Any, **options: Any) -> None:
        unknown = set(options["names"]) - POLLERS.keys()
        if unknown:
            raise CommandError(f"No poller is called {', '.join(sorted(unknown))}.")
        failed = [
            name
            for name in options["names"] or POLLERS
            if not self._poll(name, _span(options["since"], options["until"]))
        ]
        if failed:
            raise CommandError(f"Failed: {', '.join(failed)}.")

    def _poll(self, name: str, days: tuple[date, date] | None) -> bool:
        now = datetime.now(UTC)
        try:
            run = watch.poll(name, the_workspace(), now, slot=now, days=days)
        except (ApiError, watch.NotConnected, NotRecorded, Locked) as error:
            self.stderr.write(f"{name}: {error}")
            return False
        said = f"{run.rows} rows" if run else "throttled by Segment, not asked"
        self.stdout.write(f"{name}: {said}")
        return True


def _span(since: date | None, until: date | None) -> tuple[date, date] | None:
    if since is None and until is None:
        return None
    last = until or datetime.now(UTC).date()
    first = since or last
    if first > last:
        raise CommandError("--since is after --until.")
    return first, last
