"""Reads what Segment bills: API calls so far in a usage period, for the workspace and by source.

Rows are running totals since the period began, not calls of a day; calls are digits in strings.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from cdpwatch.http import Api, Fields
from cdpwatch.readings import LONGEST_ID, UsageReading

WORKSPACE = ("/usage/api-calls/daily", "dailyWorkspaceAPICallsUsage")
BY_SOURCE = ("/usage/api-calls/sources/daily", "dailyPerSourceAPICallsUsage")
LONGEST_PERIOD = timedelta(days=31)


def read(api: Api, periods: Sequence[date]) -> tuple[UsageReading, ...]:
    """Running totals of the usage periods that begin on `periods`, oldest first.

    One reading for each source (None for the workspace) and UTC day: periods that overlap repeat
    days, and the last period asked for then wins, as the last of two rows of a day does. An empty
    result is "no data", never zero calls. Rows that cannot be read are in `api.rejections`.
    Raises ApiError.
    """
    latest: dict[tuple[str | None, date], UsageReading] = {}
    for period in periods:
        for reading in (*_workspace(api, period), *_by_source(api, period)):
            latest[reading.source_id, reading.day] = reading
    return tuple(latest.values())


def _workspace(api: Api, period: date) -> list[UsageReading]:
    def parse(row: Fields) -> UsageReading:
        return UsageReading(None, period, _day(row, period), row.whole("apiCalls"))

    path, key = WORKSPACE
    return api.rows(path, {"period": period.isoformat()}, key=key, parse=parse)


def _by_source(api: Api, period: date) -> list[UsageReading]:
    def parse(row: Fields) -> UsageReading:
        source_id = row.text("sourceId", longest=LONGEST_ID)
        return UsageReading(source_id, period, _day(row, period), row.whole("apiCalls"))

    path, key = BY_SOURCE
    return api.rows(path, {"period": period.isoformat()}, key=key, parse=parse)


def _day(row: Fields, period: date) -> date:
    """The row's UTC day; a day of the year 9999 would make a hole of millions of days."""
    day = row.day("timestamp")
    if not period <= day < period + LONGEST_PERIOD:
        raise row.wrong("timestamp", "is outside of the period that was asked for")
    return day
