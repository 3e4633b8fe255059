"""Refiner's API: responses and views by time of the last answer, and the account's quota.

Some responses are completed after midnight: Refiner counts them a day later than Segment.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from cdpwatch.demo import query as queries
from cdpwatch.demo.query import Query
from cdpwatch.demo.state import Demo
from cdpwatch.demo.vendors.tallies import check_key, received
from cdpwatch.demo.volumes import uniforms
from cdpwatch.demo.web import Refused, Reply, Request, as_json

KEY = "demo-refiner"
CONNECTS = {"REFINER_API_URL": "{root}", "REFINER_API_KEY": KEY}
DAY = timedelta(days=1)
MOST_LATE = 3  # responses of a day that are completed after its midnight
VIEWS_PER_RESPONSE = 15
TRACKED_USERS, TRACKED_USERS_LIMIT = 48_200, 60_000


def answer(demo: Demo, request: Request) -> Reply:
    check_key(request, f"Bearer {KEY}")
    query = queries.parse(request.query)
    if request.path == "/v1/account":
        return as_json(_account(demo))
    if request.path == "/v1/responses":
        return as_json(_responses(_completed(demo, *_range(query))))
    if request.path == "/v1/reporting":
        return as_json(_report(_completed(demo, *_range(query)), query))
    raise Refused(404, "Not found")


def _account(demo: Demo) -> dict[str, Any]:
    now = demo.clock()
    month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    responses = _completed(demo, month, now)
    used = {"msr_count": responses, "mpv_count": responses * 400, "mte_count": 0}
    tracked = {"mtu_count": TRACKED_USERS, "mtu_limit": TRACKED_USERS_LIMIT}
    environment = {"name": "Production", "uuid": "demo", "msr": responses, "mtu": TRACKED_USERS}
    return {
        "environments": [environment],
        "subscription": {"plan": "growth", **used, **tracked},
    }


def _responses(completed: int) -> dict[str, Any]:
    page = {"current_page": 1, "last_page": completed, "items_count": completed, "page_length": 1}
    items = [{"uuid": "demo-response"}] if completed else []
    return {"items": items, "pagination": {**page, "next_page_cursor": None}}


def _report(completed: int, query: Query) -> dict[str, Any]:
    query.choice("type", ("COUNT",))
    return {
        "count": completed + completed // 12,  # partial ones too
        "views": completed * VIEWS_PER_RESPONSE,
        "date_range_start": query.text("date_range_start"),
        "date_range_end": query.text("date_range_end"),
    }


def _completed(demo: Demo, start: datetime, end: datetime) -> int:
    """Each sends an identify call at its first complete answer."""
    sent = received(demo, "prod-refiner", start, end)["identify", ""]
    moved_in = _late(demo, start.date() - DAY) if start.time() == time() else 0
    over = end.time() == time() and end <= demo.clock()
    moved_out = _late(demo, end.date() - DAY) if over else 0
    return sent + moved_in - moved_out


def _late(demo: Demo, day: date) -> int:
    start = datetime.combine(day, time(), UTC)
    sent = received(demo, "prod-refiner", start, start + DAY)["identify", ""]
    return min(int(uniforms(f"refiner/{day}/late", 1)[0] * (MOST_LATE + 1)), sent)


def _range(query: Query) -> tuple[datetime, datetime]:
    return query.instant("date_range_start"), query.instant("date_range_end")
