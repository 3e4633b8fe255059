"""Makes what a new database needs: the twelve apps, the Livestorm function, contract, policy."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cdpwatch import contracts
from cdpwatch.seed import MixedData, seed


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            workspace = seed(datetime.now(UTC))
        except MixedData as error:
            raise CommandError(str(error)) from None
        self.stdout.write(
            f"{workspace.apps.count()} apps, {workspace.functions.count()} function, "
            f"contract of {contracts.contract_of(workspace).allowance:,} calls."
        )
