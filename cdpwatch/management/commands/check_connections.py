"""Says in words whether Segment, Slack and the vendors can be reached with what is configured."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdpwatch import watch
from cdpwatch.seed import the_workspace

WORDS = {True: "ok", False: "FAILED", None: "off"}  # off: a vendor that nobody connected


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        results = watch.check(the_workspace())
        for name, works, said in results:
            self.stdout.write(f"{WORDS[works]:8}{name}: {said}")
        if any(works is False for _, works, _ in results):
            raise CommandError("Not everything is connected.")
