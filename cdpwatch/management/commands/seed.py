"""Makes what a new database needs: the twelve apps, the Livestorm function, contract, policy."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand

from cdpwatch.seed import seed


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = seed(datetime.now(UTC))
        self.stdout.write(
            f"{workspace.apps.count()} apps, {workspace.functions.count()} function, "
            f"contract of {workspace.contract.allowance:,} calls."
        )
