"""Event volume: calls by source, call type and event, of every minute that is over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time
from typing import Any

from cdpwatch.demo import world
from cdpwatch.demo.api.series import Key, Window, grouped, iso, points, read_window, stamps
from cdpwatch.demo.query import Query
from cdpwatch.demo.state import VOLUME_LAG, Demo
from cdpwatch.demo.traffic import Slice
from cdpwatch.demo.volumes import Counts
from cdpwatch.demo.web import Refused

GROUPS = ("source", "eventType", "eventName")
FILTERS = ("sourceId", "eventName", "eventType", "appVersion")
MAX_SERIES = 5_000
# Segment states no limit; this one keeps a slip of the keyboard from asking for a year of minutes.
MAX_LENGTH_DAYS = {"MINUTE": 2, "HOUR": 100, "DAY": 800}


def events(demo: Demo, query: Query) -> dict[str, Any]:
    window = read_window(query)
    if window.length.days >= MAX_LENGTH_DAYS[window.granularity]:
        raise Refused(422, "the window is too long for this granularity", "startTime")
    groups = query.choices("groupBy", GROUPS)
    filters = {name: query.texts(name) for name in FILTERS if query.texts(name)}
    times, rows = _series(demo, window, groups, filters)
    page, pagination = query.page(rows[:MAX_SERIES])
    return {
        "path": "/observability/event_volume/v2.json",
        "query": _asked(window, groups, filters),
        "result": [_row(groups, key, times, counts) for key, counts in page],
        "pagination": pagination,
    }


def _series(
    demo: Demo, window: Window, groups: list[str], filters: dict[str, list[str]]
) -> tuple[list[str], list[tuple[Key, Counts]]]:
    ledger = demo.ledger()
    begin = datetime.combine(ledger.begin, time(), UTC)
    grid = window.grid(begin, demo.visible_until(VOLUME_LAG))

    def rows() -> Iterator[tuple[Key, Counts]]:
        for flow in ledger.streams():
            source_id = world.segment_id("source", flow.source)
            if source_id not in filters.get("sourceId", [source_id]):
                continue
            for part, counts in zip(flow.mix, ledger.counts(flow, grid), strict=True):
                if _wanted(part, filters):
                    yield _key(groups, source_id, part), counts

    return stamps(grid), grouped(rows())


def _wanted(part: Slice, filters: dict[str, list[str]]) -> bool:
    return (
        part.event in filters.get("eventName", [part.event])
        and part.call_type in filters.get("eventType", [part.call_type])
        and "appVersion" not in filters  # the demo's calls carry none
    )


def _key(groups: list[str], source_id: str, part: Slice) -> Key:
    values = {"source": source_id, "eventType": part.call_type, "eventName": part.event}
    return tuple(values[name] for name in groups)


def _row(groups: list[str], key: Key, times: list[str], counts: Counts) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, value in zip(groups, key, strict=True):
        if name == "source":
            source = world.SOURCE_BY_ID[value]
            row["source"] = {"id": source.id, "name": source.name, "slug": source.slug}
        elif value:
            row[name] = value
    return {**row, "total": int(counts.sum()), "series": points(times, counts)}


def _asked(window: Window, groups: list[str], filters: dict[str, list[str]]) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "workspaceId": world.WORKSPACE["id"],
        "granularity": window.granularity,
        "startTime": iso(window.start),
        "endTime": iso(window.end),
        **filters,
    }
    return {**asked, "groupBy": groups} if groups else asked
