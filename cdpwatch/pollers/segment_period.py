"""Reads when Segment's usage periods begin and end, which its counts of calls do not say.

`GET /usage/mtu/daily` gives a row a day, each with its period in Unix seconds. The counts of users
are not read. On a plan that counts calls the list may be empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from cdpwatch.http import Api, Fields
from cdpwatch.readings import PeriodReading

PATH = "/usage/mtu/daily"
LONGEST_PERIOD = timedelta(days=366)
SECOND = timedelta(seconds=1)


def read(api: Api, months: Sequence[date]) -> tuple[PeriodReading, ...]:
    """The usage periods that Segment names for the months that begin on `months`, oldest first.

    Rows that cannot be read are in `api.rejections`. Raises ApiError.
    """
    found: set[PeriodReading] = set()
    for month in months:
        params = {"period": month.isoformat()}
        found.update(api.rows(PATH, params, key="dailyWorkspaceMTUUsage", parse=_period))
    return tuple(sorted(found, key=lambda period: period.starts_on))


def _period(row: Fields) -> PeriodReading:
    """The end that Segment gives is the moment at which the next period begins."""
    start, end = _moment(row, "periodStart"), _moment(row, "periodEnd")
    if not start < end <= start + LONGEST_PERIOD:
        raise row.wrong("periodEnd", "is not up to a year after periodStart")
    return PeriodReading(start.date(), (end - SECOND).date())


def _moment(row: Fields, key: str) -> datetime:
    try:
        return datetime.fromtimestamp(row.whole(key), UTC)
    except (ValueError, OverflowError, OSError):
        raise row.wrong(key, "is not a time in Unix seconds") from None
