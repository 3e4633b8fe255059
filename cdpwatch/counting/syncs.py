"""Warehouse syncs: when each source's rows were loaded, and how many."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cdpwatch.models import Connection, WarehouseSync, Workspace
from cdpwatch.readings import SyncReading

from .rows import connections, upsert

KEY = ("warehouse_id", "source_id", "started_at")
TOLD = ("ended_at", "status", "rows", "said")


def record_syncs(
    workspace: Workspace, warehouse: Connection, readings: Sequence[SyncReading], now: datetime
) -> int:
    """Store the runs that loaded `warehouse`; one that still ran is brought up to date."""
    sources = connections(workspace, {reading.source_id for reading in readings}, now)
    rows = [
        (warehouse.pk, sources[r.source_id], r.started_at, r.ended_at, r.status, r.rows, r.said)
        for r in readings
    ]
    return upsert(WarehouseSync, KEY, (*KEY, *TOLD), rows)
