"""UTC days and months: the few steps on the calendar that counting takes everywhere."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

DAY = timedelta(days=1)


def start_of(day: date) -> datetime:
    """Midnight UTC at which `day` begins."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def next_month(day: date) -> date:
    """First day of the month after that of `day`."""
    return (day.replace(day=1) + 32 * DAY).replace(day=1)


def month_before(day: date) -> date:
    """First day of the month before that of `day`."""
    return (day.replace(day=1) - DAY).replace(day=1)
