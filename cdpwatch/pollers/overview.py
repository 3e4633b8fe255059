"""Segment's Delivery Overview (beta): calls of one step of the pipeline, by UTC day.

It reaches 30 days back and lags by some minutes. It does not see warehouses, destinations in
device mode, and Reverse ETL.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import NamedTuple

from cdpwatch.http import Api, Fields, iso_utc
from cdpwatch.readings import LONGEST_CALL_TYPE, LONGEST_REASON, Window


class Tally(NamedTuple):
    """Calls that met one outcome, and the retries they took."""

    calls: int = 0
    retries: int = 0


class Slot(NamedTuple):
    """Where calls are counted: a UTC day, a call type, and why; "" where it is not asked for."""

    day: date
    call_type: str
    reason: str = ""


Tallies = Mapping[Slot, Tally]


def read_step(
    api: Api, step: str, where: Mapping[str, str], window: Window, *, reasons: bool = False
) -> Tallies:
    """One step of the pipeline, e.g. "failed-on-ingest", for the source or pair in `where`.

    `window` is whole UTC days, 30 at most; `reasons` divides by Segment's discard reasons. Slots
    that the answer lacks have an empty Tally. Rows that cannot be read are in `api.rejections`.
    Raises ApiError.
    """
    params = {
        **where,
        "startTime": iso_utc(window.start),
        "endTime": iso_utc(window.end),
        "granularity": "DAY",
        "groupBy.0": "eventType",
    }
    if reasons:
        params["groupBy.1"] = "discardReason"
    tallies: defaultdict[Slot, Tally] = defaultdict(Tally)
    path = f"/delivery-overview/{step}"
    for points in api.rows(path, params, key="dataset", parse=partial(_points, window)):
        tallies.update(points)
    return tallies


def _points(window: Window, row: Fields) -> dict[Slot, Tally]:
    call_type = row.text("eventType", longest=LONGEST_CALL_TYPE)
    reason = row.text("discardReason", "")[:LONGEST_REASON]
    points: dict[Slot, Tally] = {}
    for point in row.parts("series"):
        day = point.day("time")
        if not window.start.date() <= day <= window.end.date():
            raise point.wrong("time", "is outside of the days that were asked for")
        tally = Tally(point.whole("count"), point.whole("retryCount", 0))
        points[Slot(day, call_type, reason)] = tally
    return points
