"""Which part of many connections a turn asks for, and which days of each."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from cdpwatch.timetable import POLLERS
from cdpwatch.watch.rounds import MOST, overview_window, past_window, portion, round_of
from tests.factories import NOW, at

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_it_asks_for_everything_where_that_is_little() -> None:
    assert portion("ingest", ["a", "b"], NOW) == ["a", "b"]
    assert portion("ingest", [], NOW) == []


@pytest.mark.parametrize("count", [301, 1000, 2000])
@pytest.mark.parametrize("name", MOST)
def test_it_goes_round_and_leaves_nobody_out(name: str, count: int) -> None:
    everything = list(range(count))
    turns = -(-count // MOST[name])
    asked = [
        each
        for number in range(turns)
        for each in portion(name, everything, NOW + number * POLLERS[name].every)
    ]
    assert set(asked) == set(everything)
    assert len(asked) == turns * MOST[name]


def test_it_takes_its_part_by_the_turn_and_not_by_the_minute() -> None:
    warehouses = ["one", "two", "three"]
    first = portion("syncs", warehouses, at(18, 12))
    assert portion("syncs", warehouses, at(18, 12, 4)) == first
    assert portion("syncs", warehouses, at(18, 12, 5)) != first
    assert portion("syncs", warehouses, at(18, 12, 15)) == first


def test_it_gets_round_while_segment_still_has_what_may_change() -> None:
    assert round_of("delivery", 2000) < DAY


@pytest.mark.parametrize(
    ("newest", "start"),
    [
        (None, at(20, month=10)),  # thirty days, today among them
        (date(2026, 11, 18), at(15)),
        (date(2026, 11, 10), at(7)),  # what a pause left out
        (date(2026, 1, 1), at(20, month=10)),
        (date(9999, 12, 31), at(15)),
    ],
)
def test_it_reads_again_what_may_have_changed(newest: date | None, start: datetime) -> None:
    window = overview_window(newest, NOW)
    assert (window.start, window.end) == (start, at(18, 12, 5))


def test_it_asks_only_for_days_that_segment_still_has_and_that_have_come() -> None:
    first, last = date(2026, 9, 1), date(2026, 10, 25)
    window = past_window((first, last), NOW)
    assert window and (window.start, window.end) == (at(20, month=10), at(26, month=10))
    assert past_window((first, date(2026, 10, 1)), NOW) is None
    assert past_window((date(2026, 11, 19), date(2026, 11, 20)), NOW) is None
