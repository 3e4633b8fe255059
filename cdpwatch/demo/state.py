"""What a request handler is given: the clock, the store, and what follows from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cdpwatch.demo.ledger import HISTORY_MONTHS, Ledger, months_before
from cdpwatch.demo.limits import Limits
from cdpwatch.demo.store import Store

DEFAULT_TOKEN = "demo-token"
VOLUME_LAG = timedelta(0)  # every minute that is over: a call shows within a minute
VOLUME_SETTLES_AFTER = timedelta(minutes=1)  # readers should lag the clock by that much
DELIVERY_LAG = timedelta(minutes=5)


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Demo:
    """One running demo workspace. `clock` gives aware UTC instants."""

    store: Store
    clock: Callable[[], datetime]
    token: str
    limits: Limits

    def ledger(self) -> Ledger:
        anchor = self.store.anchor()
        begin = months_before(anchor, HISTORY_MONTHS)
        return Ledger(anchor, begin, self.store.leaks(), self.store.arrivals())

    def visible_until(self, lag: timedelta) -> datetime:
        """The end of what can be seen: whole minutes, `lag` behind the clock."""
        return (self.clock() - lag).replace(second=0, microsecond=0)
