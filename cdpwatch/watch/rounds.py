"""What a turn asks for where everything would be too many requests: a part, and round it goes.

The part follows from the turn's number alone, so nothing needs to be kept between two turns, and
whichever worker has the next one goes on where the last one was.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import TypeVar

from cdpwatch.days import DAY, start_of
from cdpwatch.readings import Window
from cdpwatch.timetable import POLLERS

Each = TypeVar("Each")

# Connections, or pairs of them, that a turn asks for. Each costs three requests at `ingest` and
# `delivery`, one at `schema`. The warehouses share 2 requests a minute, so theirs is one at a time.
MOST = {"ingest": 300, "delivery": 300, "schema": 300, "syncs": 1}
OVERVIEW_DAYS = 30  # Segment keeps no older days of its Delivery Overview
RESTATED = 3 * DAY  # what may still change: deliveries are tried again for hours


def portion(name: str, everything: Sequence[Each], now: datetime) -> list[Each]:
    """What the turn of `now` asks for, of `everything` in a steady order.

    Turns that follow each other take adjoining parts; the last one goes on at the beginning.
    """
    most = MOST[name]
    if len(everything) <= most:
        return list(everything)
    number = int(now.timestamp()) // int(POLLERS[name].every.total_seconds())
    start = number * most % len(everything)
    return [*everything, *everything][start : start + most]


def round_of(name: str, count: int) -> timedelta:
    """How long it takes until each of `count` connections has been asked for."""
    return -(-count // MOST[name]) * POLLERS[name].every


def overview_window(newest: date | None, now: datetime) -> Window:
    """What to read of a connection whose newest stored day is `newest`: what may have changed.

    Everything that Segment still has where nothing is stored. Whole UTC days, the running one up
    to the minute.
    """
    oldest = now.date() - (OVERVIEW_DAYS - 1) * DAY
    since = max(oldest, min(newest, now.date()) - RESTATED) if newest else oldest
    return Window(start_of(since), now.replace(second=0, microsecond=0))


def past_window(days: tuple[date, date], now: datetime) -> Window | None:
    """The asked days as far as Segment still has them and they have come; None for none."""
    whole = overview_window(None, now)
    window = Window(max(start_of(days[0]), whole.start), min(start_of(days[1]) + DAY, whole.end))
    return window if window.start < window.end else None
