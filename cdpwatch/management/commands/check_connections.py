"""Says in words whether Segment and Slack can be reached with what is configured."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdpwatch import watch
from cdpwatch.seed import the_workspace


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        results = watch.check(the_workspace())
        for name, works, said in results:
            self.stdout.write(f"{'ok     ' if works else 'FAILED '} {name}: {said}")
        if not all(works for _, works, _ in results):
            raise CommandError("Not everything is connected.")
