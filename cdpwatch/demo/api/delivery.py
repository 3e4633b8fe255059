"""Delivery Overview: what was received, and what each destination did with it.

Five minutes behind the clock, within the windows that Segment states (Public API, "Delivery
Overview"): minutes at most 4 hours and 48 hours back, hours at most 14 days, days at most 30 days,
both at most 30 days back.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

import numpy as np

from cdpwatch.demo import delivery, world
from cdpwatch.demo.api.catalog import find_destination, find_source
from cdpwatch.demo.api.series import Key, grouped, points, read_window, stamps
from cdpwatch.demo.delivery import Tally
from cdpwatch.demo.ledger import Grid
from cdpwatch.demo.query import Query
from cdpwatch.demo.state import DELIVERY_LAG, Demo
from cdpwatch.demo.volumes import Counts
from cdpwatch.demo.web import Refused

# granularity: longest window, oldest start
WINDOWS = {
    "MINUTE": (timedelta(hours=4), timedelta(hours=48)),
    "HOUR": (timedelta(days=14), timedelta(days=30)),
    "DAY": (timedelta(days=30), timedelta(days=30)),
}
RECEIVED_GROUPS = ("eventName", "eventType", "appVersion")
SOURCE_GROUPS = (*RECEIVED_GROUPS, "discardReason")
DESTINATION_ONLY = ("subscriptionId", "activationId", "audienceId", "spaceId")
DESTINATION_GROUPS = SOURCE_GROUPS + DESTINATION_ONLY


def successfully_received(demo: Demo, query: Query) -> dict[str, Any]:
    source, grid = _source(query), _grid(demo, query)
    ledger = demo.ledger()
    found = delivery.received(ledger, source, grid) + delivery.blocked(ledger, source, grid)
    return _answer(query, grid, found, RECEIVED_GROUPS)


def failed_on_ingest(demo: Demo, query: Query) -> dict[str, Any]:
    source, grid = _source(query), _grid(demo, query)
    return _answer(query, grid, delivery.rejected(demo.ledger(), source, grid), SOURCE_GROUPS)


def filtered_at_source(demo: Demo, query: Query) -> dict[str, Any]:
    source, grid = _source(query), _grid(demo, query)
    return _answer(query, grid, delivery.blocked(demo.ledger(), source, grid), SOURCE_GROUPS)


def filtered_at_destination(demo: Demo, query: Query) -> dict[str, Any]:
    return _destination_step(demo, query, "filtered")


def failed_delivery(demo: Demo, query: Query) -> dict[str, Any]:
    return _destination_step(demo, query, "failed")


def successful_delivery(demo: Demo, query: Query) -> dict[str, Any]:
    return _destination_step(demo, query, "delivered")


def _destination_step(demo: Demo, query: Query, step: str) -> dict[str, Any]:
    source, destination = _source(query), find_destination(query.text("destinationConfigId"))
    if destination.source != source.slug:
        raise Refused(404, "The destination is not connected to this source")
    grid = _grid(demo, query)
    found = delivery.outcomes(demo.ledger(), destination, grid)
    tallies = [tally for tally in found if tally.outcome[0] == step]
    return _answer(query, grid, tallies, DESTINATION_GROUPS)


def _source(query: Query) -> world.Source:
    return find_source(query.text("sourceId"))


def _grid(demo: Demo, query: Query) -> Grid:
    window = read_window(query)
    longest, oldest = WINDOWS[window.granularity]
    if window.length > longest:
        raise Refused(422, f"the window is longer than {longest}", "startTime")
    if window.start < demo.clock() - oldest:
        raise Refused(422, f"the window starts more than {oldest} ago", "startTime")
    begin = datetime.combine(demo.ledger().begin, time(), UTC)
    return window.grid(begin, demo.visible_until(DELIVERY_LAG))


def _answer(
    query: Query, grid: Grid, tallies: list[Tally], allowed: tuple[str, ...]
) -> dict[str, Any]:
    groups = query.choices("groupBy", allowed)
    wanted = [tally for tally in tallies if _wanted(tally, query, allowed)]
    rows = grouped((_key(groups, tally), tally.counts) for tally in wanted)
    retries = dict(grouped(_retries(groups, wanted)))
    page, pagination = query.page(rows)
    times = stamps(grid)
    return {
        "total": sum(int(counts.sum()) for _, counts in rows),
        "dataset": [_row(groups, key, times, counts, retries.get(key)) for key, counts in page],
        "pagination": pagination,
    }


def _wanted(tally: Tally, query: Query, allowed: tuple[str, ...]) -> bool:
    filters = {name: query.texts(f"filter.{name}") for name in allowed}
    return all(_value(tally, name) in texts for name, texts in filters.items() if texts)


def _value(tally: Tally, name: str) -> str:
    """The demo's calls carry no app version and no subscription: those are empty."""
    values = {
        "eventName": tally.part.event,
        "eventType": tally.part.call_type,
        "discardReason": tally.outcome[1],
    }
    return values.get(name, "")


def _key(groups: list[str], tally: Tally) -> Key:
    return tuple(_value(tally, name) for name in groups)


def _retries(groups: list[str], tallies: list[Tally]) -> Iterator[tuple[Key, Counts]]:
    for tally in tallies:
        if tally.outcome == delivery.RETRIED:
            yield _key(groups, tally), tally.counts


def _row(
    groups: list[str], key: Key, times: list[str], counts: Counts, retries: Counts | None
) -> dict[str, Any]:
    named = {
        name: value
        for name, value in zip(groups, key, strict=True)
        if value and name not in DESTINATION_ONLY
    }
    retried = np.zeros_like(counts) if retries is None else retries
    series = points(times, counts)
    for point, count in zip(series, retried.tolist(), strict=True):
        point["retryCount"] = count
    totals = {"total": int(counts.sum()), "totalRetryCount": int(retried.sum())}
    return {**named, **totals, "series": series}
