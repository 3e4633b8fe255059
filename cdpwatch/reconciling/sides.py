"""Whose count it is: the clock that files a call under a day, and when that day is final."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from cdpwatch.days import DAY

HOUR = timedelta(hours=1)
RECEIPT = "receipt by Segment, UTC"
DELIVERY = "delivery by Segment, UTC"
LOAD = "load into the warehouse, UTC"


@dataclass(frozen=True)
class Side:
    """One count. A UTC day is final `settles` after its end."""

    title: str
    clock: str
    settles: timedelta

    def last_final(self, now: datetime) -> date:
        """The newest UTC day whose number changes no more."""
        return (now - self.settles).date() - DAY


# Segment retries a delivery for up to 4 hours; the bill is restated for about a day.
SIDES: Mapping[str, Side] = {
    "workspace": Side("Billed, workspace", RECEIPT, 24 * HOUR),
    "sources": Side("Billed, sum of sources", RECEIPT, 24 * HOUR),
    "billed": Side("Billed", RECEIPT, 24 * HOUR),
    "live": Side("Live", RECEIPT, HOUR),
    "received": Side("Received", RECEIPT, 4 * HOUR),
    "sent": Side("Received for it", RECEIPT, 4 * HOUR),
    "handled": Side("Delivered, failed or filtered", DELIVERY, 4 * HOUR),
    "delivered": Side("Delivered", DELIVERY, 4 * HOUR),
    "warehouse": Side("Warehouse rows", RECEIPT, 24 * HOUR),
    "syncs": Side("Rows of Segment's syncs", LOAD, HOUR),
    "partitions": Side("Rows by partition", LOAD, HOUR),
}
# By which moment of a call's life a vendor files it (counters.Clock), in words.
CLOCKS = {
    "receive": "receipt by the vendor",
    "deliver": "delivery by Segment",
    "event": "the event's own time",
    "upload": "upload to the vendor",
    "load": "load into the vendor",
}


def last_settled(now: datetime) -> date:
    """The last UTC day that all of Segment's own counts are final for."""
    return min(side.last_final(now) for side in SIDES.values())
