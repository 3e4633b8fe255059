"""docs/explanation/scale.md says what the code asks of a large workspace: planned, from the code's
own constants, and counted, by `python -m tests.bench scale`. Here a small one is counted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from cdpwatch import roster
from cdpwatch.counters import COUNTERS
from cdpwatch.models import Workspace
from cdpwatch.pacing import pace, rule_for
from cdpwatch.timetable import POLLERS
from cdpwatch.watch.rounds import MOST, round_of
from tests.large import HOUR, LARGE, Size, count, in_an_hour, planned, segment_of

PAGE = Path(__file__).parent.parent / "docs/explanation/scale.md"
SMALL = Size(sources=40, pairs=70, warehouses=2, functions=3, series=1_001)
PART = 6  # connections that a turn asks for here


def hour_of(size: Size) -> dict[str, int]:
    return {name: in_an_hour(n, POLLERS[name].every) for name, n in planned(size).items()}


def told() -> dict[str, list[str]]:
    """The cells of the page's tables by their first."""
    lines = re.findall(r"^\| `?(\w+)`? \|(.+)\|$", PAGE.read_text(), re.MULTILINE)
    return {name: [cell.strip() for cell in rest.split("|")] for name, rest in lines}


def number(cell: str) -> int:
    return int(cell.replace(",", ""))


def test_it_tells_the_requests_of_every_poller() -> None:
    page, turn, hour = told(), planned(LARGE), hour_of(LARGE)
    assert turn.keys() == POLLERS.keys()
    for name in POLLERS:
        assert page[name][:2] == [f"{turn[name]:,}", f"{hour[name]:,}"], name
    assert page["together"][1] == f"{sum(hour.values()):,}"


def test_it_was_counted_as_it_was_planned() -> None:
    page = told()
    for name in (*POLLERS, "together"):
        assert page[name][2] == page[name][1], name


def test_it_tells_the_requests_of_every_counter() -> None:
    page = told()
    for name in COUNTERS:
        turn, hour = (number(cell) for cell in page[name][:2])
        assert hour == in_an_hour(turn, roster.everyone()[name].every), name


def test_it_tells_how_long_a_round_takes() -> None:
    page = told()
    rounds = {"ingest": LARGE.sources, "delivery": LARGE.pairs, "schema": LARGE.sources}
    for name, connections in rounds.items():
        assert f"round after {round_of(name, connections) / HOUR:g} h" in page[name][3]


def test_it_fits_into_half_of_what_segment_takes() -> None:
    limit = rule_for("SEGMENT_API_URL", "/").limit
    at_once, step = pace(limit, 0, 0.5)
    half = limit.calls // 2
    said = f"Half of it is {half} a minute: {at_once} at once and {half - at_once} paced"
    assert said in " ".join(PAGE.read_text().split())
    assert sum(hour_of(LARGE).values()) <= HOUR.total_seconds() / step
    _, step = pace(rule_for("SEGMENT_API_URL", "/events/volume").limit, 0, 0.5)
    assert hour_of(LARGE)["volume"] <= HOUR.total_seconds() / step
    _, step = pace(rule_for("SEGMENT_API_URL", "/warehouses/w/syncs").limit, 0, 0.5)
    assert HOUR / POLLERS["syncs"].every * MOST["syncs"] <= HOUR.total_seconds() / step


@pytest.fixture
def asked(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Paths asked of a Segment of SMALL, of which a turn takes a part."""
    for name in ("ingest", "delivery", "schema"):
        monkeypatch.setitem(MOST, name, PART)
    with segment_of(SMALL) as (url, paths):
        settings.SEGMENT_API_URL, settings.SEGMENT_API_TOKEN = url, "sgp_scale"
        settings.ALLOW_LOOPBACK = True
        yield paths


def test_it_asks_in_an_hour_what_is_planned(asked: list[str], workspace: Workspace) -> None:
    """Each poller's turns of an hour, really run and counted by the server."""
    assert count(asked, workspace, POLLERS) == hour_of(SMALL)
