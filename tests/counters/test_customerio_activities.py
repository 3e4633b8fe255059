from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cdpwatch.counters import Clock, CountRow, Exactness, Kind
from cdpwatch.counters.customerio_activities import (
    CUSTOMERIO_ACTIVITIES,
    MOST_PAGES,
    PATH,
    PER_PAGE,
)
from cdpwatch.http import BadPayload
from cdpwatch.readings import Window
from tests.factories import at

WINDOW = Window(at(18, 11, 5), at(18, 12, 5))


def row(hour: int, count: int) -> CountRow:
    least = Exactness.LOWER_BOUND
    return CountRow(at(18, hour), "hour", Kind.RECEIVED, count, least, Clock.EVENT, "track")


def every(seconds: int, number: int = 100_000) -> Any:
    """Events that came evenly until the end of the window, newest first."""

    def answer(params: Any) -> dict[str, Any]:
        first = int(params.get("start", 0))
        positions = range(first, min(first + PER_PAGE, number))
        rows = [
            {
                "id": f"a{n}",
                "timestamp": int((WINDOW.end - timedelta(seconds=1 + n * seconds)).timestamp()),
            }
            for n in positions
        ]
        return {"activities": rows, "next": str(first + PER_PAGE) if len(rows) == PER_PAGE else ""}

    return answer


def test_it_counts_whole_hours_back_to_the_windows_start(fake: Any, count: Any) -> None:
    fake.replies[PATH] = every(seconds=10)
    assert count(CUSTOMERIO_ACTIVITIES, WINDOW) == [row(11, 360), row(12, 30)]


def test_it_gives_silence_as_a_number(fake: Any, count: Any) -> None:
    fake.replies[PATH] = {"activities": [], "next": ""}
    assert count(CUSTOMERIO_ACTIVITIES, WINDOW) == [row(11, 0)]


def test_it_walks_so_many_pages_and_no_further(fake: Any, count: Any) -> None:
    fake.replies[PATH] = every(seconds=1)
    seen = MOST_PAGES * PER_PAGE
    assert count(CUSTOMERIO_ACTIVITIES, WINDOW) == [row(11, seen - 300), row(12, 300)]
    assert len(fake.asked) == MOST_PAGES


def test_it_counts_an_event_once_that_slips_to_the_next_page(fake: Any, count: Any) -> None:
    pages = every(seconds=60, number=30)
    first = pages({})
    fake.replies[PATH] = lambda params: first if params.get("start") else {**first, "next": "2"}
    assert sum(each.count for each in count(CUSTOMERIO_ACTIVITIES, WINDOW)) == 30


def test_it_takes_no_time_that_cannot_be(fake: Any, count: Any) -> None:
    fake.replies[PATH] = {"activities": [{"id": "a", "timestamp": 10**15}], "next": ""}
    with pytest.raises(BadPayload, match="too far away"):
        count(CUSTOMERIO_ACTIVITIES, WINDOW)
