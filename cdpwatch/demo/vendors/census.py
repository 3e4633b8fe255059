"""Census's view of the demo: three syncs to Segment, each run three times a day.

It says a little more than Segment counts: of the records that become track calls some share a key
within a day, and Segment drops those as repeated. Version 1 and 2 differ as the real ones do.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from cdpwatch.demo import delivery, world
from cdpwatch.demo import query as queries
from cdpwatch.demo.ledger import at, buckets
from cdpwatch.demo.query import Query
from cdpwatch.demo.state import Demo
from cdpwatch.demo.volumes import EPOCH
from cdpwatch.demo.web import Refused, Reply, Request, as_json

API_KEY = "demo-census"
CONNECTS = {"CENSUS_API_URL": "{root}", "CENSUS_API_KEY": API_KEY, "CENSUS_API_VERSION": "2"}
HOURS = (6, 12, 18)  # UTC, at which runs begin
TAKES = timedelta(minutes=11, seconds=20)
KEPT_DAYS = 45
REPEATED_PPM, REJECTED_PPM = 3_000, 500
SEGMENT, OTHER = 71, 72
DESTINATIONS = {SEGMENT: ("Segment", "segment"), OTHER: ("Salesforce", "salesforce")}
ROOTS = {"/api/v1": "destinations", "/api/v2": "activations"}


class Sync(NamedTuple):
    label: str
    destination: int
    thing: str  # the object at the destination
    call_type: str


SYNCS = {
    511: Sync("Users to Segment", SEGMENT, "user", "identify"),
    512: Sync("Accounts to Segment", SEGMENT, "group", "group"),
    513: Sync("Account health to Segment", SEGMENT, "track", "track"),
    514: Sync("Accounts to Salesforce", OTHER, "Account", ""),
}


def answer(demo: Demo, request: Request) -> Reply:
    """The reply of either version of the API."""
    if request.headers.get("authorization") != f"Bearer {API_KEY}":
        raise Refused(401, "Invalid access token")
    root, path = request.path[:7], request.path[7:]
    if root not in ROOTS:
        raise Refused(404, "No such resource")
    query = queries.parse(request.query)
    page, pagination = _paged(_list(demo, ROOTS[root], path), query)
    rows = [_as_text(row) for row in page] if root == "/api/v2" else page
    return as_json({"status": "success", "pagination": pagination, "data": rows})


def _list(demo: Demo, destinations: str, path: str) -> list[dict[str, Any]]:
    if path == f"/{destinations}":
        return [{"id": n, "name": name, "type": t} for n, (name, t) in DESTINATIONS.items()]
    if path == "/syncs":
        return [_sync(number, sync) for number, sync in SYNCS.items()]
    match = re.fullmatch(r"/syncs/(\d+)/sync_runs", path)
    if match and int(match[1]) in SYNCS:
        return _runs(demo, int(match[1]))
    raise Refused(404, "No such resource")


def _sync(number: int, sync: Sync) -> dict[str, Any]:
    target = {"connection_id": sync.destination, "object": sync.thing}
    return {"id": number, "label": sync.label, "destination_attributes": target}


def _runs(demo: Demo, number: int) -> list[dict[str, Any]]:
    """Newest first, as `order=desc` has them."""
    today = demo.clock().date()
    days = [today - timedelta(days=n) for n in range(KEPT_DAYS)]
    begun = [at(day, hour * 60) for day in days for hour in reversed(HOURS)]
    return [_run(demo, number, start) for start in begun if start <= demo.clock()]


def _run(demo: Demo, number: int, start: datetime) -> dict[str, Any]:
    day, end = start.date(), start + TAKES
    done = end <= demo.clock()
    sent = _calls(demo, SYNCS[number].call_type, day, start.hour) if done else 0
    repeated = sent * REPEATED_PPM // 1_000_000 if number == 513 else 0
    rejected = sent * REJECTED_PPM // 1_000_000
    return {
        "id": ((day - EPOCH).days * 24 + start.hour) * 1_000 + number,
        "sync_id": number,
        "status": "completed" if done else "working",
        "full_sync": False,
        "source_record_count": 410_233,
        "source_record_updates": sent + repeated + rejected,
        "source_record_invalids": 0,
        "records_processed": sent + repeated + rejected,
        "records_updated": sent + repeated,
        "records_failed": rejected,
        "created_at": start.isoformat(),
        "completed_at": end.isoformat() if done else None,
    }


def _calls(demo: Demo, call_type: str, day: date, hour: int) -> int:
    """What Segment counted of that run, which began and ended within the hour."""
    source = next(each for each in world.SOURCES if each.slug == "prod-census")
    grid = buckets(at(day, hour * 60), at(day, hour * 60 + 60), 60)
    tallies = delivery.received(demo.ledger(), source, grid)
    return sum(int(t.counts.sum()) for t in tallies if t.part.call_type == call_type)


def _paged(rows: list[dict[str, Any]], query: Query) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    page, size = int((query.texts("page") or ["1"])[-1]), 100
    last = max(-(-len(rows) // size), 1)
    pagination = {
        "total_records": len(rows),
        "per_page": size,
        "page": page,
        "next_page": page + 1 if page < last else None,
        "last_page": last,
    }
    return rows[(page - 1) * size : page * size], pagination


def _as_text(row: dict[str, Any]) -> dict[str, Any]:
    """Ids of version 2 are text."""
    return {
        key: _as_text(value)
        if isinstance(value, dict)
        else str(value)
        if key == "id" or key.endswith("_id")
        else value
        for key, value in row.items()
    }
