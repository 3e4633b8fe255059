"""The pollers by name: what each reads and how often. Everything else looks them up here."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple


class Poller(NamedTuple):
    title: str
    every: timedelta


# The order is that of a first start: without a catalog the counts have no names.
POLLERS: dict[str, Poller] = {
    "catalog": Poller("Catalog of connections", timedelta(hours=1)),
    "usage": Poller("Billed usage", timedelta(hours=1)),
    "volume": Poller("Live volume", timedelta(minutes=2)),
    "delivery": Poller("Deliveries", timedelta(hours=1)),
}
