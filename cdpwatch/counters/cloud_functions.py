"""Google Cloud Functions: executions by hour, as Cloud Monitoring counts them.

The calls that Segment's destination makes are executions; so are its retries, uptime probes and
everybody else who knows the URL. Functions of the 2nd generation run on Cloud Run and are counted
there as requests. A key of a service account signs a token for this API alone, which Google takes
as it is (AIP-4111, "self-signed JWT"): nothing is exchanged, nothing to keep.
"""

from __future__ import annotations

import json
import re
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from cdpwatch.http import BadPayload, Fields, JsonApi, Refused, Unauthorized, iso_utc, whole
from cdpwatch.http.payload import fields_of
from cdpwatch.readings import Window

from .base import Caps, Clock, Counter, CountRow, Exactness, Key, Keys, Kind
from .reading import HOUR, told

AUDIENCE = "https://monitoring.googleapis.com/"
LIFETIME = 3600  # seconds; Google takes no longer one
MOST_PAGES = 100
PAGE = {
    "timeSeries",
    "nextPageToken",
    "executionErrors",
    "unit",
}  # or none of them
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]*")  # of a project or a function: quoted in a filter
REFUSALS = {
    401: (
        "Google refused the key of the service account: it was deleted or disabled, or this"
        " machine's clock is wrong"
    ),
    403: (
        "The service account may not read the project's metrics: give it the role Monitoring"
        " Viewer (roles/monitoring.viewer)"
    ),
    404: "Google knows no such project, or no such metric in it: check project and generation",
}
NO_KEY_FILE = (
    "That is no key file of a service account: paste the whole JSON file, from { to }, or name the"
    " file in GOOGLE_MONITORING_KEY_FILE"
)


class Metric(NamedTuple):
    """What Cloud Monitoring calls the executions of one generation of functions."""

    type: str
    resource: str
    name_label: str
    status_label: str
    good: str


GENERATIONS = {
    "1": Metric(
        "cloudfunctions.googleapis.com/function/execution_count",
        "cloud_function",
        "function_name",
        "status",
        "ok",
    ),
    "2": Metric(
        "run.googleapis.com/request_count",
        "cloud_run_revision",
        "service_name",
        "response_code_class",
        "2xx",
    ),
}


def headers(keys: Keys) -> Mapping[str, str]:
    """A token good for an hour. Raises Unauthorized for a key that is none."""
    key = _key_file(keys)
    now, email = int(time.time()), key.get("client_email")
    claims = {"iss": email, "sub": email, "aud": AUDIENCE, "iat": now, "exp": now + LIFETIME}
    try:
        return {"Authorization": f"Bearer {_signed(claims, key)}"}
    except (KeyError, TypeError, ValueError, AttributeError, UnsupportedAlgorithm):
        raise Unauthorized(NO_KEY_FILE) from None


def _signed(claims: Mapping[str, Any], key: Mapping[str, Any]) -> str:
    """A JSON Web Token, RS256 (RFC 7515)."""
    head = {"alg": "RS256", "typ": "JWT", "kid": key["private_key_id"]}
    signed = b".".join(_base64(json.dumps(part).encode()) for part in (head, claims))
    private = load_pem_private_key(key["private_key"].encode(), password=None)
    if not isinstance(private, RSAPrivateKey):
        raise ValueError("not an RSA key")
    signature = private.sign(signed, PKCS1v15(), SHA256())
    return b".".join((signed, _base64(signature))).decode()


def _base64(part: bytes) -> bytes:
    return urlsafe_b64encode(part).rstrip(b"=")


def check(api: JsonApi, keys: Keys) -> str:
    metric = _metric(keys)
    with told(REFUSALS):
        api.get(f"/v3/projects/{_project(keys)}/metricDescriptors/{metric.type}")
    return f"Cloud Monitoring answers for project {_project(keys)}."


def fetch(api: JsonApi, keys: Keys, window: Window) -> Iterator[CountRow]:
    """Executions by hour and status, of the hours that are over. Raises ApiError.

    An hour without any has no row: Cloud Monitoring does not tell it from a function unknown.
    """
    metric = _metric(keys)
    path = f"/v3/projects/{_project(keys)}/timeSeries"
    start, end = (_hour(each) for each in (window.start, window.end))
    if start < end:
        with told(REFUSALS):
            series = _series(api, path, _question(metric, _function(keys), start, end))
        for rows in api.taken(series, f"GET {path}: timeSeries", lambda row: _rows(metric, row)):
            yield from rows


def _question(metric: Metric, function: str, start: datetime, end: datetime) -> dict[str, str]:
    return {
        "filter": (
            f'metric.type="{metric.type}" AND resource.type="{metric.resource}"'
            f' AND resource.labels.{metric.name_label}="{function}"'
        ),
        "interval.startTime": iso_utc(start),
        "interval.endTime": iso_utc(end),  # periods are cut back from here
        "aggregation.alignmentPeriod": "3600s",
        "aggregation.perSeriesAligner": "ALIGN_DELTA",
        "aggregation.crossSeriesReducer": "REDUCE_SUM",
        "aggregation.groupByFields": f"metric.labels.{metric.status_label}",
    }


def _series(api: JsonApi, path: str, question: dict[str, str]) -> list[object]:
    """Every page; no function has many statuses, so one page is the rule."""
    found: list[object] = []
    token = ""
    for _ in range(MOST_PAGES):
        asked = {**question, "pageToken": token} if token else question
        page = fields_of(api.get(path, asked), f"GET {path}")
        if set(page.row) - PAGE:
            raise page.wrong("timeSeries", "is missing")
        found += page.items("timeSeries") if page.has("timeSeries") else []
        token = page.text("nextPageToken", "")
        if not token:
            return found
    raise BadPayload(f"GET {path} has more than {MOST_PAGES} pages.")


def _rows(metric: Metric, series: Fields) -> list[CountRow]:
    status = series.part("metric").part("labels").text(metric.status_label, longest=40)
    kind = Kind.RECEIVED if status == metric.good else Kind.FAILED
    return [
        CountRow(
            _hour(point.part("interval").instant("endTime")) - HOUR,
            "hour",
            kind,
            whole(point.part("value").row.get("int64Value"), f"{point.where}.value.int64Value"),
            Exactness.EXACT,
            Clock.DELIVER,
            dims={"status": status},
        )
        for point in series.parts("points")
    ]


def _key_file(keys: Keys) -> dict[str, Any]:
    try:
        key = json.loads(keys["key_file"])
    except (ValueError, RecursionError):
        raise Unauthorized(NO_KEY_FILE) from None
    if not isinstance(key, dict):
        raise Unauthorized(NO_KEY_FILE)
    return key


def _project(keys: Keys) -> str:
    return _named(keys.get("project") or str(_key_file(keys).get("project_id")), "project")


def _function(keys: Keys) -> str:
    return _named(keys["function"], "function")


def _named(name: str, what: str) -> str:
    if not NAME.fullmatch(name):
        raise Refused(f"The name of the {what} holds characters that no name of Google's has.")
    return name


def _metric(keys: Keys) -> Metric:
    generation = keys.get("generation") or "2"
    if generation not in GENERATIONS:
        raise Refused("The generation of the function is 1 or 2.")
    return GENERATIONS[generation]


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


CLOUD_FUNCTIONS = Counter(
    key="cloud_functions",
    title="Google Cloud Functions: executions",
    app="cloud-function",
    keys=(
        Key("key_file", "GOOGLE_MONITORING_KEY", "Key file of a service account (JSON)"),
        Key("function", "GOOGLE_MONITORING_FUNCTION", "Name of the function", secret=False),
        Key(
            "generation",
            "GOOGLE_MONITORING_GENERATION",
            "Generation of the function: 1 or 2; 2 if left empty",
            secret=False,
            optional=True,
        ),
        Key(
            "project",
            "GOOGLE_MONITORING_PROJECT",
            "Project; that of the key file if left empty",
            secret=False,
            optional=True,
        ),
    ),
    url="https://monitoring.googleapis.com",
    url_variable="GOOGLE_MONITORING_API_URL",
    headers=headers,
    check=check,
    fetch=fetch,
    caps=Caps(
        every=HOUR / 2,
        settles=HOUR / 4,
        reread=3 * HOUR,
        reach=timedelta(days=41),
        covers="every call that was delivered",
        tolerance=(0.0, 0.05),
    ),
    blind=(
        "Cloud Monitoring counts executions, whoever asked: retries, probes and other callers are"
        " in it, and nothing says which source a call came from."
    ),
)
