"""Help Scout's API: sign-in with tokens that work once, and customers changed since a moment.

Several identify calls of one customer change it once.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from cdpwatch.demo import query as queries
from cdpwatch.demo.query import Query
from cdpwatch.demo.state import Demo
from cdpwatch.demo.vendors.tallies import check_key, delivered
from cdpwatch.demo.web import Refused, Reply, Request, as_json

APP_ID, APP_SECRET, ACCESS = "demo-helpscout", "demo-helpscout-secret", "demo-helpscout-access"
REFRESH = re.compile(r"demo-refresh-([0-9]{1,9})")
CONNECTS = {
    "HELPSCOUT_API_URL": "{root}",
    "HELPSCOUT_APP_ID": APP_ID,
    "HELPSCOUT_APP_SECRET": APP_SECRET,
}
LIVES = 172_800  # seconds: two days
PERCENT_DISTINCT = 71  # customers changed for a hundred identify calls
PAGE_SIZE = 50
LIMITS = {"X-RateLimit-Limit-Minute": "400", "X-RateLimit-Remaining-Minute": "388"}


def answer(demo: Demo, request: Request) -> Reply:
    if (request.method, request.path) == ("POST", "/v2/oauth2/token"):
        return as_json(_token(demo, request.fields()))
    check_key(request, f"Bearer {ACCESS}")
    if request.path == "/v2/users/me":
        return as_json({"id": 501, "type": "user"}).with_headers(LIMITS)
    if request.path == "/v2/customers":
        return as_json(_customers(demo, queries.parse(request.query))).with_headers(LIMITS)
    raise Refused(404, "Not found")


def _token(demo: Demo, sent: dict[str, str]) -> dict[str, Any]:
    if (sent.get("client_id"), sent.get("client_secret")) != (APP_ID, APP_SECRET):
        raise Refused(401, "invalid_client")
    access = {"access_token": ACCESS, "token_type": "bearer", "expires_in": LIVES}
    if sent.get("grant_type") == "client_credentials":
        return access
    used = REFRESH.fullmatch(sent.get("refresh_token", ""))
    if sent.get("grant_type") != "refresh_token" or not used or not demo.store.use_up(used[0]):
        raise Refused(400, "invalid_grant")
    return {**access, "refresh_token": f"demo-refresh-{int(used[1]) + 1}"}


def _customers(demo: Demo, query: Query) -> dict[str, Any]:
    since, now = query.instant("modifiedSince"), demo.clock() + timedelta(minutes=1)
    total = delivered(demo, "help-scout", "identify", since, now) * PERCENT_DISTINCT // 100
    page = {"size": PAGE_SIZE, "totalElements": total, "totalPages": -(-total // PAGE_SIZE)}
    found = {"_embedded": {"customers": [{"id": 901}]}} if total else {}
    return {**found, "page": {**page, "number": 1}}
