"""Audit events of the last 90 days: small changes now and then, and one shortly before each leak.

Who did it carries the canary: a reader of this API must drop it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from cdpwatch.demo import world
from cdpwatch.demo.ledger import at
from cdpwatch.demo.query import Query
from cdpwatch.demo.state import Demo
from cdpwatch.demo.traffic import LEAKS
from cdpwatch.demo.volumes import EPOCH, uniforms

DAY, REACH = timedelta(days=1), timedelta(days=90)
BEFORE_A_LEAK = 25  # minutes
CHANGE_SHARE = 0.3  # of days on which something is changed
# What is changed, and the kind of its resource.
CHANGES = (
    ("Destination Filter Modified", "destination"),
    ("Source Settings Modified", "source"),
    ("Integration Modified", "destination"),
    ("Label Created", "source"),
)
FILTERS = ("resourceId", "resourceType")


def events(demo: Demo, query: Query) -> dict[str, Any]:
    """The newest first; of the last 90 days, or of the part of them that is asked for."""
    now = demo.clock()
    start = query.instant("startTime") if query.texts("startTime") else now - REACH
    end = query.instant("endTime") if query.texts("endTime") else now
    start, end = max(start, now - REACH), min(end, now)
    found = [_event(*done) for done in _done(demo, now) if start <= done[0] < end]
    wanted = {name: query.texts(name) for name in FILTERS if query.texts(name)}
    found = [row for row in found if all(row[name] in texts for name, texts in wanted.items())]
    found.sort(key=lambda row: (row["timestamp"], row["id"]), reverse=True)
    rows, pagination = query.page(found)
    return {"events": rows, "pagination": pagination}


def _done(demo: Demo, now: datetime) -> Iterator[tuple[datetime, str, str, str, str]]:
    """Moment, type, kind of the resource, its id and its name."""
    for number in range(REACH.days + 1):
        day = (now - number * DAY).date()
        chance, what, which, when = uniforms(f"{day}/audit", 4)
        if chance < CHANGE_SHARE:
            kind, resource = CHANGES[int(what * len(CHANGES))]
            rows = world.SOURCES if resource == "source" else world.DESTINATIONS
            row = rows[int(which * len(rows))]
            yield at(day, int(480 + 600 * when)), kind, resource, row.id, row.name
    sources = {flow.leak: flow.source for flow in LEAKS}
    for name, spans in demo.store.leaks().items():
        for on, _ in spans:
            row = world.SOURCE_BY_ID[world.segment_id("source", sources[name])]
            yield at(EPOCH, on - BEFORE_A_LEAK), "Source Modified", "source", row.id, row.name


def _event(
    moment: datetime, kind: str, resource: str, resource_id: str, name: str
) -> dict[str, str]:
    return {
        "id": world.segment_id("audit", f"{moment}/{kind}/{resource_id}"),
        "timestamp": moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "type": kind,
        "actor": f"{world.CANARY}-actor",
        "actorEmail": f"{world.CANARY}@example.test",
        "resourceId": resource_id,
        "resourceType": resource,
        "resourceName": name,
    }
