"""Customer.io's view of the demo: its mail by day, and the events that it took in.

It says less than Segment of opens and clicks, for it counts each message once however often it is
opened. On Tuesday and Thursday a newsletter goes out. Campaigns and broadcasts know UTC days when
asked with `version=2`; everything else is in days of US Eastern time, as at the real one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from cdpwatch.demo import delivery, world
from cdpwatch.demo import query as queries
from cdpwatch.demo.ledger import at, buckets
from cdpwatch.demo.query import Query
from cdpwatch.demo.shapes import TUESDAY_THURSDAY
from cdpwatch.demo.state import DELIVERY_LAG, Demo
from cdpwatch.demo.web import Refused, Reply, Request, as_json

API_KEY = "demo-customerio"
CONNECTS = {"CUSTOMERIO_API_URL": "{root}", "CUSTOMERIO_API_KEY": API_KEY}
EASTERN = "America/New_York"
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MOST_STEPS = 45
PPM = 1_000_000
# Metric: Segment's event, and how many of those it counts, in parts per million.
METRICS = {
    "sent": ("Email Sent", PPM),
    "delivered": ("Email Delivered", PPM),
    "opened": ("Email Opened", 960_000),
    "clicked": ("Email Link Clicked", 980_000),
    "bounced": ("Email Bounced", PPM),
    "unsubscribed": ("Email Unsubscribed", PPM),
    "spammed": ("Email Marked as Spam", PPM),
    "converted": ("Email Converted", PPM),
}
MESSAGES: dict[str, dict[int, str]] = {
    "campaigns": {1: "Onboarding", 2: "Trial is ending", 3: "Not started yet"},
    "broadcasts": {11: "Incident notice"},
    "transactional": {21: "Password reset", 22: "Receipt"},
}
DRAFT = 3
# Per cent of a day's mail that each has: on days with a newsletter, on days without.
SHARES = {
    "campaigns": {1: (20, 60), 2: (5, 20), 3: (0, 0)},
    "broadcasts": {11: (5, 5)},
    "transactional": {21: (7, 10), 22: (3, 5)},
}
NEWSLETTER_SHARE = 60
SENT_AT = timedelta(hours=10)


def answer(demo: Demo, request: Request) -> Reply:
    """The reply of the App API."""
    if request.headers.get("authorization") != f"Bearer {API_KEY}":
        raise Refused(401, "Unauthorized: an App API key is needed")
    query = queries.parse(request.query)
    if request.path == "/v1/workspaces":
        return as_json({"workspaces": [{"id": 1, "name": "GitBook (demo)"}]})
    if request.path == "/v1/activities":
        return as_json(_activities(demo, query))
    match = re.fullmatch(r"/v1/([a-z]+)(?:/([0-9]+)/metrics)?", request.path)
    if not match or match[1] not in (*MESSAGES, "newsletters"):
        raise Refused(404, "No such resource")
    if match[2] is None:
        return as_json(_list(demo, match[1]))
    return as_json({"metric": {"series": _metrics(demo, query, match[1], int(match[2]))}})


def _list(demo: Demo, kind: str) -> dict[str, Any]:
    if kind == "newsletters":
        return {"newsletters": _newsletters(demo)}
    rows = [
        {"id": number, "name": name, "state": "draft" if number == DRAFT else "running"}
        for number, name in MESSAGES[kind].items()
    ]
    return {"messages" if kind == "transactional" else kind: rows}


def _newsletters(demo: Demo) -> list[dict[str, Any]]:
    """One for each Tuesday and Thursday, newest first; its id is the number of the day."""
    today = demo.clock().date()
    days = [today - n * DAY for n in range(MOST_STEPS)]
    return [
        {"id": day.toordinal(), "name": f"News of {day}", "sent_at": int(sent.timestamp())}
        for day in days
        if day.weekday() in TUESDAY_THURSDAY and (sent := at(day, 0) + SENT_AT) <= demo.clock()
    ]


def _metrics(demo: Demo, query: Query, kind: str, number: int) -> dict[str, list[int]]:
    share = _share_of(kind, number)
    if kind in ("campaigns", "broadcasts") and query.texts("version") == ["2"]:
        zone, days = "UTC", _asked(query)
    else:
        today = demo.clock().astimezone(ZoneInfo(EASTERN)).date()
        zone, days = EASTERN, [today - n * DAY for n in range(MOST_STEPS)][::-1]
    mail = [_mail(demo, day, zone) if share(day) else {} for day in days]
    return {
        metric: [
            calls.get(event, 0) * share(day) * ppm // (100 * PPM)
            for day, calls in zip(days, mail, strict=True)
        ]
        for metric, (event, ppm) in METRICS.items()
    }


def _asked(query: Query) -> list[date]:
    if query.text("tz") != "UTC" or query.text("res") != "daily":
        raise Refused(400, "The demo knows daily metrics in UTC only")
    first, last = (_unix(query, name).date() for name in ("start", "end"))
    return [first + n * DAY for n in range((last - first).days + 1)]


def _share_of(kind: str, number: int) -> Callable[[date], int]:
    """Per cent of a day's mail that the message has."""
    if kind == "newsletters":
        return lambda day: NEWSLETTER_SHARE if day.toordinal() == number else 0
    if number not in SHARES[kind]:
        raise Refused(404, "No such message")
    return lambda day: SHARES[kind][number][day.weekday() not in TUESDAY_THURSDAY]


def _mail(demo: Demo, day: date, zone: str) -> Mapping[str, int]:
    """Calls by event that Segment received on a day of the zone."""
    source = next(each for each in world.SOURCES if each.slug == "prod-customer-io")
    start = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    grid = buckets(start, min(start + DAY, demo.visible_until(DELIVERY_LAG)), 60)
    sums: Counter[str] = Counter()
    for tally in delivery.received(demo.ledger(), source, grid):
        sums[tally.part.event] += int(tally.counts.sum())
    return sums


def _activities(demo: Demo, query: Query) -> dict[str, Any]:
    """The newest events of the last two hours; the cursor is how many came before."""
    offset, limit = int((query.texts("start") or ["0"])[-1]), int(query.text("limit"))
    rows = list(islice(_newest(demo), offset, offset + limit + 1))
    return {
        "activities": rows[:limit],
        "next": str(offset + limit) if len(rows) > limit else "",
    }


def _newest(demo: Demo) -> Iterator[dict[str, Any]]:
    end = demo.visible_until(DELIVERY_LAG)
    grid = buckets(end - 2 * HOUR, end, 1)
    totals = np.zeros(len(grid.times), dtype=np.int64)
    for destination in world.DESTINATIONS:
        if destination.kind == "customer-io":
            for tally in delivery.outcomes(demo.ledger(), destination, grid):
                if tally.outcome[0] == "delivered" and tally.part.call_type == "track":
                    totals += tally.counts
    for time, count in zip(reversed(grid.times), reversed(totals.tolist()), strict=True):
        second = int(time.timestamp())
        for n in range(count):
            yield {"id": f"{second}-{n}", "type": "event", "timestamp": second}


def _unix(query: Query, name: str) -> datetime:
    try:
        return datetime.fromtimestamp(int(query.text(name)), UTC)
    except (ValueError, OverflowError) as error:
        raise Refused(400, f"{name} must be a unix time", name) from error
