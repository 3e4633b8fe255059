"""Reads what became of calls on their way to each destination: delivered, failed, filtered.

Delivery Overview (beta) is asked per source and destination, three requests a pair. It reaches 30
days back, lags by some minutes, and does not see warehouses or destinations in device mode.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from cdpwatch.http import Api, NotFound, iso_utc
from cdpwatch.readings import DeliveryReading, Window

OUTCOMES = {
    "delivered": "/delivery-overview/successful-delivery",
    "failed": "/delivery-overview/failed-delivery",
    "filtered": "/delivery-overview/filtered-at-destination",
}


class Tally(NamedTuple):
    """Calls with one outcome, and the retries they took."""

    calls: int = 0
    retries: int = 0


Day = tuple[date, str]  # UTC day, call type


def read(api: Api, pairs: Sequence[tuple[str, str]], window: Window) -> tuple[DeliveryReading, ...]:
    """Calls per destination, UTC day and call type in `window`: whole days, 30 at most.

    `pairs` are (source id, destination id). A destination that Segment no longer knows is left
    out. Raises ApiError.
    """
    readings: list[DeliveryReading] = []
    for source_id, destination_id in pairs:
        try:
            readings += _destination(api, source_id, destination_id, window)
        except NotFound:
            continue
    return tuple(readings)


def _destination(
    api: Api, source_id: str, destination_id: str, window: Window
) -> list[DeliveryReading]:
    outcomes = {
        name: _outcome(api, path, source_id, destination_id, window)
        for name, path in OUTCOMES.items()
    }
    days = sorted({day for tallies in outcomes.values() for day in tallies})
    return [
        DeliveryReading(
            destination_id=destination_id,
            day=day,
            call_type=call_type,
            retried=sum(tallies[day, call_type].retries for tallies in outcomes.values()),
            **{name: tallies[day, call_type].calls for name, tallies in outcomes.items()},
        )
        for day, call_type in days
    ]


def _outcome(
    api: Api, path: str, source_id: str, destination_id: str, window: Window
) -> dict[Day, Tally]:
    params = {
        "sourceId": source_id,
        "destinationConfigId": destination_id,
        "startTime": iso_utc(window.start),
        "endTime": iso_utc(window.end),
        "granularity": "DAY",
        "groupBy.0": "eventType",
    }
    tallies: defaultdict[Day, Tally] = defaultdict(Tally)
    for row in api.rows(path, params, key="dataset"):
        call_type = row.text("eventType")
        for point in row.parts("series"):
            tally = Tally(point.whole("count"), point.whole("retryCount", 0))
            tallies[point.day("time"), call_type] = tally
    return tallies
