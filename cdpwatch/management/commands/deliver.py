"""Sends the messages that wait in the outbox, without Celery."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand

from cdpwatch import watch


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{watch.deliver(datetime.now(UTC))} sent.")
