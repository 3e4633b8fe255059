"""Reads what became of calls on their way to each destination: delivered, failed, filtered.

Delivery Overview (beta) is asked per source and destination, three requests a pair. It reaches 30
days back, lags by some minutes, and does not see warehouses or destinations in device mode.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import NamedTuple

from cdpwatch.http import Api, ApiError, Fields, NoRowTaken, NotFound, Unauthorized, iso_utc
from cdpwatch.readings import LONGEST_CALL_TYPE, DeliveryReading, Rejection, Window

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
    out; one that the token may not see (403), or of which a row cannot be read, is left out too,
    and told in `api.rejections`: half of its outcomes would look like a day without failures.
    Raises ApiError; where every pair was left out like that, the first one's.
    """
    readings: list[DeliveryReading] = []
    left_out: list[ApiError] = []
    for source_id, destination_id in pairs:
        try:
            readings += _destination(api, source_id, destination_id, window)
        except NotFound:
            continue
        except (Unauthorized, NoRowTaken) as error:
            if error.status == 401:  # the token itself is refused: nothing more is asked
                raise
            left_out.append(error)
            api.rejections.append(Rejection(f"destination {destination_id}", str(error)))
    if pairs and len(left_out) == len(pairs):
        raise left_out[0]
    return tuple(readings)


def _destination(
    api: Api, source_id: str, destination_id: str, window: Window
) -> list[DeliveryReading]:
    rejected = len(api.rejections)
    outcomes = {
        name: _outcome(api, path, source_id, destination_id, window)
        for name, path in OUTCOMES.items()
    }
    if len(api.rejections) > rejected:
        return []
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
    for points in api.rows(path, params, key="dataset", parse=partial(_tallies, window)):
        tallies.update(points)
    return tallies


def _tallies(window: Window, row: Fields) -> dict[Day, Tally]:
    call_type = row.text("eventType", longest=LONGEST_CALL_TYPE)
    tallies: dict[Day, Tally] = {}
    for point in row.parts("series"):
        day = point.day("time")
        if not window.start.date() <= day <= window.end.date():
            raise point.wrong("time", "is outside of the days that were asked for")
        tallies[day, call_type] = Tally(point.whole("count"), point.whole("retryCount", 0))
    return tallies
