"""Cloud Monitoring's API: executions of the demo's function by hour and status.

Besides what Segment delivered there are uptime probes (ten an hour), attempts that failed before a
retry, and calls that Segment gave up waiting for and the function finished all the same.
"""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from cdpwatch.demo import delivery
from cdpwatch.demo.query import Query
from cdpwatch.demo.state import Demo
from cdpwatch.demo.vendors.tallies import outcomes
from cdpwatch.demo.web import Refused, Reply, Request, as_json

PROJECT, FUNCTION = "demo-project", "segment-sink"
EMAIL = f"watch@{PROJECT}.iam.example"
AUDIENCE = "https://monitoring.googleapis.com/"
PRIVATE = generate_private_key(65537, 1024)  # made at each start; it guards nothing
KEY_FILE = json.dumps(
    {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "demo",
        "private_key": PRIVATE.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ).decode(),
        "client_email": EMAIL,
    }
)
CONNECTS = {
    "GOOGLE_MONITORING_API_URL": "{root}",
    "GOOGLE_MONITORING_KEY": KEY_FILE,
    "GOOGLE_MONITORING_FUNCTION": FUNCTION,
    "GOOGLE_MONITORING_GENERATION": "2",
}
# metric: its label for the function, its label for the status, and what that calls good and bad
METRICS = {
    "cloudfunctions.googleapis.com/function/execution_count": (
        "function_name",
        "status",
        "ok",
        "error",
    ),
    "run.googleapis.com/request_count": ("service_name", "response_code_class", "2xx", "5xx"),
}
HOUR = timedelta(hours=1)
PROBES_PER_HOUR = 10
LONGEST_TOKEN = 3600  # seconds


def answer(demo: Demo, request: Request) -> Reply:
    _check_token(request.headers.get("authorization", ""))
    root = f"/v3/projects/{PROJECT}"
    if request.path == f"{root}/timeSeries":
        return as_json(_series(demo, _query(request.query)))
    metric = request.path.removeprefix(f"{root}/metricDescriptors/")
    if metric in METRICS:
        return as_json({"type": metric, "metricKind": "DELTA", "valueType": "INT64"})
    raise Refused(404, "NOT_FOUND")


def _query(text: str) -> Query:
    """As it is: here `filter` is a sentence, not JSON."""
    return Query({name: [value] for name, value in parse_qsl(text)})


def _series(demo: Demo, query: Query) -> dict[str, Any]:
    """One series for each status, newest period first, cut back from the interval's end."""
    asked = query.text("filter")
    [metric] = [name for name in METRICS if f'metric.type="{name}"' in asked]
    label, status, good, bad = METRICS[metric]
    if not re.search(rf'resource\.labels?\.{label}="{FUNCTION}"', asked):
        return {}
    start, end = query.instant("interval.startTime"), query.instant("interval.endTime")
    points: dict[str, list[dict[str, Any]]] = {good: [], bad: []}
    while end > start:
        calls = _executions(demo, end - HOUR, end)
        for name, count in ((good, calls["good"]), (bad, calls["bad"])):
            if count:
                points[name].append(_point(end, count))
        end -= HOUR
    series = partial(_one_series, status)
    return {"timeSeries": [series(name, found) for name, found in points.items() if found]}


def _one_series(label: str, status: str, points: list[dict[str, Any]]) -> dict[str, Any]:
    return {"metric": {"labels": {label: status}}, "valueType": "INT64", "points": points}


def _point(end: datetime, count: int) -> dict[str, Any]:
    interval = {"startTime": _iso(end - HOUR), "endTime": _iso(end)}
    return {"interval": interval, "value": {"int64Value": str(count)}}


def _executions(demo: Demo, start: datetime, end: datetime) -> Counter[str]:
    calls = Counter(good=PROBES_PER_HOUR)
    for (_, *outcome), count in outcomes(demo, "cloud-function", start, end).items():
        step, reason = outcome
        if step == "delivered" or reason == "ETIMEDOUT":
            calls["good"] += count
        if reason == "502" or (step, reason) == delivery.RETRIED:
            calls["bad"] += count
    return calls


def _check_token(sent: str) -> None:
    """Raises Refused (401) unless the token was signed by our key, for this API, for an hour."""
    try:
        signed, signature = sent.removeprefix("Bearer ").rsplit(".", 1)
        PRIVATE.public_key().verify(_bytes(signature), signed.encode(), PKCS1v15(), SHA256())
        claims = json.loads(_bytes(signed.split(".")[1]))
    except (ValueError, IndexError, InvalidSignature):
        raise Refused(401, "UNAUTHENTICATED") from None
    lives = claims["exp"] - claims["iat"]
    if (claims["iss"], claims["aud"]) != (EMAIL, AUDIENCE) or not 0 < lives <= LONGEST_TOKEN:
        raise Refused(401, "UNAUTHENTICATED")


def _bytes(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
