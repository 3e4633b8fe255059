"""The pollers by name: what each reads and how often. Everything else looks them up here."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple


class Poller(NamedTuple):
    title: str
    every: timedelta
    past: bool = False  # `poll --since` reads days of the past, a month at a time


# The order is that of a first start: without a catalog the counts have no names.
POLLERS: dict[str, Poller] = {
    "catalog": Poller("Catalog of connections", timedelta(hours=1)),
    "usage": Poller("Billed usage", timedelta(hours=1), past=True),
    "volume": Poller("Live volume", timedelta(minutes=2), past=True),
    "ingest": Poller("Calls at ingest", timedelta(hours=1)),
    "delivery": Poller("Deliveries", timedelta(hours=1), past=True),
    "syncs": Poller("Warehouse syncs", timedelta(minutes=5)),
    "audit": Poller("Audit events", timedelta(minutes=15)),
    "schema": Poller("Schema settings", timedelta(hours=6)),
    "period": Poller("Usage period", timedelta(hours=24)),
}
