"""Reads what Segment bills: API calls so far in a usage period, for the workspace and by source.

Rows are running totals since the period began, not calls of a day; calls are digits in strings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from cdpwatch.http import Api
from cdpwatch.readings import UsageReading

WORKSPACE = ("/usage/api-calls/daily", "dailyWorkspaceAPICallsUsage")
BY_SOURCE = ("/usage/api-calls/sources/daily", "dailyPerSourceAPICallsUsage")


def read(api: Api, periods: Sequence[date]) -> tuple[UsageReading, ...]:
    """Running totals of the usage periods that begin on `periods`, oldest first.

    One reading for each source (None for the workspace) and UTC day: periods that overlap repeat
    days, and the last period asked for then wins. An empty result is "no data", never zero calls.
    Raises ApiError.
    """
    latest: dict[tuple[str | None, date], UsageReading] = {}
    for period in periods:
        for reading in (*_workspace(api, period), *_by_source(api, period)):
            latest[reading.source_id, reading.day] = reading
    return tuple(latest.values())


def _workspace(api: Api, period: date) -> Iterator[UsageReading]:
    path, key = WORKSPACE
    for row in api.rows(path, {"period": period.isoformat()}, key=key):
        yield UsageReading(None, period, row.day("timestamp"), row.whole("apiCalls"))


def _by_source(api: Api, period: date) -> Iterator[UsageReading]:
    path, key = BY_SOURCE
    for row in api.rows(path, {"period": period.isoformat()}, key=key):
        source_id = row.text("sourceId")
        yield UsageReading(source_id, period, row.day("timestamp"), row.whole("apiCalls"))
