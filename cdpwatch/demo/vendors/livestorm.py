"""Livestorm's API: sessions with their people, and webhooks.

Two live sessions a week end at 17:00 UTC on Tuesday and Thursday; one recording a week takes every
other registration. Two members of the team join each live session: Livestorm counts them, and the
function sends no call for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

from cdpwatch.demo import query as queries
from cdpwatch.demo.ledger import buckets
from cdpwatch.demo.shapes import TUESDAY_THURSDAY
from cdpwatch.demo.state import Demo
from cdpwatch.demo.traffic import FLOWS
from cdpwatch.demo.vendors.tallies import check_key, received
from cdpwatch.demo.web import Refused, Reply, Request, as_json
from cdpwatch.demo.world import segment_id

TOKEN = "demo-livestorm"
CONNECTS = {"LIVESTORM_API_URL": "{root}", "LIVESTORM_API_TOKEN": TOKEN}
WEBHOOKS = (
    "people.registered",
    "people.attended",
    "people.not_attended",
    "people.watched_replay",
    "session.ended",
)
DAY, WEEK = timedelta(days=1), timedelta(days=7)
WEEKS_LISTED = 8
TEAM = 2  # of our own people in each live session
BEGINS, ENDS = timedelta(hours=16), timedelta(hours=17)


class People(NamedTuple):
    """Of one day's live session, by what Segment got."""

    attended: int
    missed: int


def answer(demo: Demo, request: Request) -> Reply:
    check_key(request, TOKEN)
    if request.path == "/v1/ping":
        return as_json({})
    if request.path == "/v1/webhooks":
        return as_json({"data": [_webhook(event) for event in WEBHOOKS]})
    if request.path == "/v1/sessions":
        return as_json(_page(list(_sessions(demo)), queries.parse(request.query)))
    raise Refused(404, "Not found")


def _webhook(event: str) -> dict[str, Any]:
    url = "https://fn.segmentapis.example/demo"
    return {"id": event, "type": "webhooks", "attributes": {"event": event, "url": url}}


def _page(rows: list[dict[str, Any]], query: queries.Query) -> dict[str, Any]:
    number, size = (int(query.text(f"page.{name}")) for name in ("number", "size"))
    pages = -(-len(rows) // size)
    return {"data": rows[number * size :][:size], "meta": {"page_count": pages}}


def _sessions(demo: Demo) -> Iterator[dict[str, Any]]:
    """Newest week first."""
    now = demo.clock()
    monday = datetime.combine(now.date() - now.weekday() * DAY, time(), UTC)
    for number in range(WEEKS_LISTED):
        yield from _week(demo, monday - number * WEEK)


def _week(demo: Demo, monday: datetime) -> Iterator[dict[str, Any]]:
    registered = received(demo, "prod-livestorm", monday, monday + WEEK)
    left = registered["track", "Webinar Registered"]
    for weekday in TUESDAY_THURSDAY:
        day = monday + weekday * DAY
        if day + BEGINS > demo.clock():
            yield _session(day + BEGINS, "upcoming", None, None, 0, 0)
            continue
        people = _people(demo, day.date())
        left -= sum(people)
        ended = day + ENDS if day + ENDS <= demo.clock() else None
        status = "past" if ended else "live"
        joined = people.attended + TEAM if ended else 0
        yield _session(day + BEGINS, status, day + BEGINS, ended, sum(people) + TEAM, joined)
    yield _session(monday, "on_demand", monday, None, max(left, 0), 0)


def _people(demo: Demo, day: date) -> People:
    """They registered before: their number is known when the session begins."""
    start = datetime.combine(day, time(), UTC)
    [flow] = (each for each in FLOWS if each.key == "livestorm-sessions")
    counts = demo.ledger().counts(flow, buckets(start, start + DAY, 1440))
    by_event = {part.event: int(row.sum()) for part, row in zip(flow.mix, counts, strict=True)}
    return People(by_event["Webinar Attended"], by_event["Webinar Missed"])


def _session(
    planned: datetime,
    status: str,
    started: datetime | None,
    ended: datetime | None,
    registrants: int,
    attendees: int,
) -> dict[str, Any]:
    attributes = {
        "status": status,
        "registrants_count": registrants,
        "attendees_count": attendees,
        "estimated_started_at": int(planned.timestamp()),
        "started_at": int(started.timestamp()) if started else None,
        "ended_at": int(ended.timestamp()) if ended else None,
    }
    return {"id": segment_id("session", str(planned)), "type": "sessions", "attributes": attributes}
