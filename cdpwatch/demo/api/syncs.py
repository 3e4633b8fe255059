"""Warehouse syncs: every hour each source's calls of the hour before are loaded, as rows.

A track call makes two rows, one in `tracks` and one in its event's own table, an identify call too
(`identifies` and `users`); other calls make one. Some runs meet a column that is full, and say so.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np

from cdpwatch.demo import world
from cdpwatch.demo.api.catalog import check_warehouse, find_source
from cdpwatch.demo.ledger import Ledger, buckets
from cdpwatch.demo.query import Query
from cdpwatch.demo.state import Demo
from cdpwatch.demo.volumes import uniforms
from cdpwatch.demo.web import Refused

HOUR = timedelta(hours=1)
HOURS_KEPT = 72
ROWS = {"track": 2, "identify": 2}
ROWS_PER_SECOND = 1_500
FASTEST = 40  # seconds
PARTIAL_SHARE = 0.02
NOTICE = "A value was left out: its table has reached the most columns that it can have."


def of_warehouse(demo: Demo, query: Query, warehouse_id: str) -> dict[str, Any]:
    check_warehouse(warehouse_id)
    return _reports(demo, query, world.WAREHOUSE_SOURCES)


def of_source(demo: Demo, query: Query, warehouse_id: str, source_id: str) -> dict[str, Any]:
    check_warehouse(warehouse_id)
    source = find_source(source_id)
    if source not in world.WAREHOUSE_SOURCES:
        raise Refused(404, "The source is not connected to this warehouse")
    return _reports(demo, query, (source,))


def _reports(demo: Demo, query: Query, sources: tuple[world.Source, ...]) -> dict[str, Any]:
    """The newest run first."""
    ledger, now = demo.ledger(), demo.clock()
    found = [report for source in sources for report in _runs(ledger, source, now)]
    found.sort(key=lambda report: (report["start"], report["sourceId"]), reverse=True)
    rows, pagination = query.page(found)
    return {"reports": rows, "pagination": pagination}


def _runs(ledger: Ledger, source: world.Source, now: datetime) -> list[dict[str, Any]]:
    hour = now.replace(minute=0, second=0, microsecond=0)
    grid = buckets(hour - (HOURS_KEPT + 1) * HOUR, hour, 60)
    rows = np.zeros(len(grid.times), dtype=np.int64)
    for stream in ledger.streams():
        if stream.source == source.slug:
            weights = np.array([ROWS.get(part.call_type, 1) for part in stream.mix])
            rows += weights @ ledger.counts(stream, grid)
    offset = timedelta(minutes=5 + int(20 * uniforms(f"{source.slug}/sync", 1)[0]))
    runs = [
        _run(source, begin + HOUR + offset, count, now)
        for begin, count in zip(grid.times, rows.tolist(), strict=True)
    ]
    return [run for run in runs if run]


def _run(source: world.Source, start: datetime, rows: int, now: datetime) -> dict[str, Any]:
    """One run, still on where its time has not passed; nothing before it begins."""
    if start > now:
        return {}
    luck = float(uniforms(f"{source.slug}/{start}/sync", 1)[0])
    seconds = round((FASTEST + rows / ROWS_PER_SECOND) * (1 + luck))
    end = start + timedelta(seconds=seconds)
    partial = luck < PARTIAL_SHARE
    notice = {"level": "WARNING", "message": NOTICE, "createdAt": _stamp(start)}
    return {
        "sourceId": source.id,
        "start": _stamp(start),
        "end": _stamp(end) if end <= now else None,
        "status": ("PARTIAL" if partial else "SUCCESS") if end <= now else "STARTED",
        "duration": min(seconds, int((now - start).total_seconds())),
        "humanDuration": f"{seconds // 60 + 1} minutes",
        "count": rows,
        "notices": [notice] if partial else [],
    }


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")
