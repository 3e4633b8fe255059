"""Amplitude's view of the demo: events that it kept of what Segment delivered, and its cohorts.

It says about one per cent less than Segment: it keeps no identify call as an event, drops two
blocked types of event, and people whose id is shorter than five characters.
"""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from cdpwatch.demo import delivery, world
from cdpwatch.demo import query as queries
from cdpwatch.demo.ledger import Grid, at, buckets
from cdpwatch.demo.query import Query
from cdpwatch.demo.state import DELIVERY_LAG, Demo
from cdpwatch.demo.web import Refused, Reply, Request, as_json

API_KEY, SECRET_KEY = "demo-amplitude", "demo-secret"
CONNECTS = {
    "AMPLITUDE_API_URL": "{root}",
    "AMPLITUDE_API_KEY": API_KEY,
    "AMPLITUDE_SECRET_KEY": SECRET_KEY,
}
BLOCKED = frozenset(("file_uploaded", "upgrade_modal_viewed"))
SHORT_ID_PPM = 2_000
EVENT_TYPES = ("track", "page", "screen")
STEPS = {"1": (1440, "%Y-%m-%d", 365), "-3600000": (60, "%Y-%m-%dT%H:00:00", 7)}
DAY = timedelta(days=1)
# Id: name, members, how often it is sent to Segment ("" for never).
COHORTS = {
    "k3xp9": ("Activated editors 30d", 48_211, "hourly"),
    "m81qa": ("Trial accounts without a published site", 6_340, "daily"),
    "z02wd": ("Everybody at our own company", 140, ""),
}


def answer(demo: Demo, request: Request) -> Reply:
    """The reply of the Dashboard REST API or the cohorts API."""
    pair = base64.b64encode(f"{API_KEY}:{SECRET_KEY}".encode()).decode()
    if request.headers.get("authorization") != f"Basic {pair}":
        raise Refused(401, "Invalid API key or secret key")
    query = queries.parse(request.query)
    if request.path == "/api/2/events/list":
        return as_json({"data": [{"value": name, "hidden": False} for name in _names(demo)]})
    if request.path == "/api/2/events/segmentation":
        return as_json({"data": _segmentation(demo, query)})
    if request.path == "/api/3/cohorts":
        return as_json({"cohorts": _cohorts(demo)})
    raise Refused(404, "No such resource")


def _segmentation(demo: Demo, query: Query) -> dict[str, Any]:
    if query.text("e") != '{"event_type":"_all"}' or query.text("m") != "totals":
        raise Refused(400, "The demo knows totals of any event only")
    if query.text("i") not in STEPS:
        raise Refused(400, "i must be 1 or -3600000")
    step, form, longest = STEPS[query.text("i")]
    first, last = _day(query, "start"), _day(query, "end")
    if not 0 <= (last - first).days < longest:
        raise Refused(400, f"the span must be 1 to {longest} days")
    start, end = at(first, 0), at(last, 1440)
    times = buckets(start, end, step).times
    counts = _kept(demo, buckets(start, min(end, demo.visible_until(DELIVERY_LAG)), step))
    counts += [0] * (len(times) - len(counts))  # what is still to come
    return {
        "series": [counts],
        "seriesLabels": [0],
        "seriesCollapsed": [[{"setId": "", "value": sum(counts)}]],
        "xValues": [time.strftime(form) for time in times],
    }


def _kept(demo: Demo, grid: Grid) -> list[int]:
    """Events in each bucket."""
    ledger, kept = demo.ledger(), np.zeros(len(grid.times), dtype=np.int64)
    for destination in world.DESTINATIONS:
        if destination.kind == "amplitude":
            for tally in delivery.outcomes(ledger, destination, grid):
                if _is_event(tally):
                    kept += tally.counts - tally.counts * SHORT_ID_PPM // 1_000_000
    return [int(count) for count in kept]


def _is_event(tally: delivery.Tally) -> bool:
    part = tally.part
    taken = part.call_type in EVENT_TYPES and part.event not in BLOCKED
    return taken and tally.outcome[0] == "delivered"


def _names(demo: Demo) -> list[str]:
    fed = {each.source for each in world.DESTINATIONS if each.kind == "amplitude"}
    streams = [stream for stream in demo.ledger().streams() if stream.source in fed]
    return sorted({p.event for s in streams for p in s.mix if p.call_type == "track"} - BLOCKED)


def _cohorts(demo: Demo) -> list[dict[str, Any]]:
    """Members come and go with the calls of the day: a hundredth of them stays in the end."""
    now = demo.clock()
    minutes = int((now - at(now.date(), 0)).total_seconds() // 60)
    source = world.segment_id("source", "prod-amplitude-cohort")
    changed = demo.ledger().day_calls(now.date(), minutes)[source] // 100
    return [
        {
            "id": key,
            "name": name,
            "size": size + (changed if every == "hourly" else 0),
            "lastComputed": int(now.timestamp()) // 3600 * 3600,
            "archived": False,
            "syncMetadata": [_sync(every, now)] if every else [],
        }
        for key, (name, size, every) in COHORTS.items()
    ]


def _sync(every: str, now: datetime) -> dict[str, Any]:
    hour = now.replace(minute=2, second=11, microsecond=0)
    last = hour if every == "hourly" else hour.replace(hour=2)
    if last > now:
        last -= timedelta(hours=1) if every == "hourly" else DAY
    return {
        "target": "segment",
        "frequency": every,
        "last_successful": last.isoformat(),
        "last_failure": None,
        "params": {},
    }


def _day(query: Query, name: str) -> date:
    try:
        return datetime.strptime(query.text(name), "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError as error:
        raise Refused(400, f"{name} must be YYYYMMDD", name) from error
