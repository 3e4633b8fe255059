"""HubSpot's API: what a search of contacts and companies finds, and the usage of private apps.

Several identify calls change one contact once a day, and sales people change some of their own.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta
from typing import Any

from cdpwatch.demo.state import Demo
from cdpwatch.demo.vendors.tallies import check_key, delivered
from cdpwatch.demo.web import Refused, Reply, Request, as_json

TOKEN = "demo-hubspot"
CONNECTS = {"HUBSPOT_API_URL": "{root}", "HUBSPOT_ACCESS_TOKEN": TOKEN}
# object: the call type that changes it, and of a hundred calls how many distinct ones it changes
CHANGES = {"contacts": ("identify", 62), "companies": ("group", 35)}
BY_PEOPLE = 40  # contacts a day that sales people change
EVER = {"contacts": 184_310, "companies": 21_455}
DAILY_LIMIT, OTHER_APPS_PER_HOUR = 650_000, 310


def answer(demo: Demo, request: Request) -> Reply:
    check_key(request, f"Bearer {TOKEN}")
    if request.path == "/account-info/v3/details":
        return as_json({"portalId": 5_550_100, "accountType": "STANDARD", "timeZone": "UTC"})
    if request.path == "/account-info/v3/api-usage/daily/private-apps":
        return as_json({"results": [_usage(demo.clock())]})
    for kind in CHANGES:
        if (request.method, request.path) == ("POST", f"/crm/v3/objects/{kind}/search"):
            return as_json({"total": _found(demo, kind, request), "results": []})
    raise Refused(404, "Not found")


def _usage(now: datetime) -> dict[str, Any]:
    """Of private apps alone: what Segment asks is not in it."""
    midnight = datetime.combine(now.date() + timedelta(days=1), time(), UTC)
    return {
        "name": "private-apps-api-calls-daily",
        "currentUsage": now.hour * OTHER_APPS_PER_HOUR,
        "usageLimit": DAILY_LIMIT,
        "fetchStatus": "SUCCESS",
        "collectedAt": now.isoformat(),
        "resetsAt": midnight.isoformat(),
    }


def _found(demo: Demo, kind: str, request: Request) -> int:
    """Those that a BETWEEN filter in epoch milliseconds finds; all of them without one."""
    groups = json.loads(request.body).get("filterGroups")
    if not groups:
        return EVER[kind]
    [filtered] = groups[0]["filters"]
    start, end = (_instant(int(filtered[name])) for name in ("value", "highValue"))
    if start >= demo.clock():
        return 0
    call_type, percent = CHANGES[kind]
    found = delivered(demo, "hubspot", call_type, start, end + timedelta(milliseconds=1))
    return found * percent // 100 + (BY_PEOPLE if kind == "contacts" else 0)


def _instant(milliseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
