"""docs/explanation/scale.md says what the code would ask, computed from its own constants."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from pathlib import Path

from cdpwatch.http.api import LARGEST_COUNT
from cdpwatch.pacing import pace, rule_for
from cdpwatch.pollers import segment_catalog, segment_delivery, segment_ingest, segment_volume
from cdpwatch.readings import Grain
from cdpwatch.timetable import POLLERS
from cdpwatch.watch.rounds import MOST, round_of

PAGE = Path(__file__).parent.parent / "docs/explanation/scale.md"
SOURCES, PAIRS, WAREHOUSES, FUNCTIONS = 1_000, 2_000, 5, 10
HOUR = timedelta(hours=1)
DAYS, PERIODS = 31, 2  # of a usage period; periods that a turn reads
WORKSPACE = 1  # the request by which each turn makes sure whose token it is


def pages(rows: int) -> int:
    return math.ceil(rows / LARGEST_COUNT)


def asked_in_a_turn() -> dict[str, int]:
    """Requests of one turn, after the first, by poller."""
    listed = pages(SOURCES) + pages(PAIRS) + pages(WAREHOUSES)
    functions = len(segment_catalog.FUNCTION_KINDS) + FUNCTIONS
    return {
        "catalog": WORKSPACE + 1 + listed + WAREHOUSES + functions,
        "usage": WORKSPACE + PERIODS * (1 + pages(SOURCES * DAYS)),
        "volume": WORKSPACE + len(Grain) * pages(segment_volume.MOST_SERIES),
        "ingest": WORKSPACE + min(SOURCES, MOST["ingest"]) * len(segment_ingest.STEPS),
        "delivery": WORKSPACE + min(PAIRS, MOST["delivery"]) * len(segment_delivery.STEPS),
        "syncs": WORKSPACE + min(WAREHOUSES, MOST["syncs"]),
        "audit": WORKSPACE + 1,
        "schema": WORKSPACE + min(SOURCES, MOST["schema"]),
        "period": WORKSPACE + PERIODS,
    }


def in_an_hour() -> dict[str, int]:
    return {
        name: math.ceil(asked * (HOUR / POLLERS[name].every))
        for name, asked in asked_in_a_turn().items()
    }


def told() -> dict[str, list[str]]:
    """The cells of the page's table by their first."""
    lines = re.findall(r"^\| `?(\w+)`? \|(.+)\|$", PAGE.read_text(), re.MULTILINE)
    return {name: [cell.strip() for cell in rest.split("|")] for name, rest in lines}


def test_it_tells_the_requests_of_every_poller() -> None:
    page, turn, hour = told(), asked_in_a_turn(), in_an_hour()
    assert turn.keys() == POLLERS.keys()
    for name in POLLERS:
        assert page[name][:2] == [f"{turn[name]:,}", f"{hour[name]:,}"], name
    assert page["together"][1] == f"{sum(hour.values()):,}"


def test_it_tells_how_long_a_round_takes() -> None:
    page = told()
    for name, number in {"ingest": SOURCES, "delivery": PAIRS, "schema": SOURCES}.items():
        assert f"round after {round_of(name, number) / HOUR:g} h" in page[name][2]


def test_it_fits_into_half_of_what_segment_takes() -> None:
    _, step = pace(rule_for("SEGMENT_API_URL", "/").limit, 0, 0.5)
    assert sum(in_an_hour().values()) <= 3600 / step
    _, step = pace(rule_for("SEGMENT_API_URL", "/events/volume").limit, 0, 0.5)
    assert in_an_hour()["volume"] <= 3600 / step
    _, step = pace(rule_for("SEGMENT_API_URL", "/warehouses/w/syncs").limit, 0, 0.5)
    assert HOUR / POLLERS["syncs"].every * MOST["syncs"] <= 3600 / step
