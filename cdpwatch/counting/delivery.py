"""Deliveries: what each destination was sent, by UTC day and call type."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cdpwatch.models import DeliveryDay, Workspace
from cdpwatch.readings import DeliveryReading, Direction

from .rows import connections, upsert


def record_delivery(
    workspace: Workspace, readings: Sequence[DeliveryReading], now: datetime
) -> int:
    """Store what each destination was sent per day and call type."""
    ids = {reading.destination_id for reading in readings}
    targets = connections(workspace, ids, now, Direction.DESTINATION)
    rows = [
        (
            targets[r.destination_id],
            r.day,
            r.call_type,
            r.delivered,
            r.failed,
            r.filtered,
            r.retried,
        )
        for r in readings
    ]
    key = ("destination_id", "day", "call_type")
    return upsert(DeliveryDay, key, (*key, "delivered", "failed", "filtered", "retried"), rows)
