"""Deliveries: what each destination was sent, by UTC day and call type, and why some was not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cdpwatch.models import DeliveryDay, DiscardDay, Workspace
from cdpwatch.readings import DeliveryReading, Direction

from .reasons import replace_reasons
from .rows import connections, upsert


def record_delivery(
    workspace: Workspace, readings: Sequence[DeliveryReading], now: datetime
) -> int:
    """Store what each destination was sent per day and call type, and its discards by reason."""
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
    discards = [
        (targets[r.destination_id], r.day, r.call_type, each.outcome, each.reason, each.calls)
        for r in readings
        for each in r.discards
    ]
    replace_reasons(DiscardDay, "destination_id", discards, {(row[0], row[1]) for row in rows})
    key = ("destination_id", "day", "call_type")
    return upsert(DeliveryDay, key, (*key, "delivered", "failed", "filtered", "retried"), rows)
