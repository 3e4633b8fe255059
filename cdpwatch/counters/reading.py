"""What counters share in reading: the UTC days of a window, refusals told in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta

from cdpwatch.days import DAY
from cdpwatch.http import ApiError
from cdpwatch.readings import Window

TICK = timedelta(microseconds=1)
HOUR = timedelta(hours=1)


def days_of(window: Window) -> list[date]:
    """The UTC days that the window touches. Day counts are read whole: half a day is no day."""
    first, last = window.start.date(), (window.end - TICK).date()
    return [first + n * DAY for n in range((last - first).days + 1)]


@contextmanager
def told(refusals: Mapping[int, str]) -> Iterator[None]:
    """Say of an ApiError what a person can do about it; `refusals` is by HTTP status."""
    try:
        yield
    except ApiError as error:
        status = error.status or 0
        if status not in refusals:
            raise
        said = f"{refusals[status]} ({status})."
        raise type(error)(said, status=status, retry_after=error.retry_after) from None
