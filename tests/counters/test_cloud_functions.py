from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as elliptic_key
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from cdpwatch.counters import Kind
from cdpwatch.counters.cloud_functions import CLOUD_FUNCTIONS
from cdpwatch.http import BadPayload, Refused, Unauthorized
from cdpwatch.readings import Window
from tests.counters.fake_vendor import FakeVendor, payload

SERIES = "/v3/projects/our-project/timeSeries"
NINE, TEN = datetime(2026, 3, 3, 9, tzinfo=UTC), datetime(2026, 3, 3, 10, tzinfo=UTC)
WINDOW = Window(datetime(2026, 3, 3, 9, 20, tzinfo=UTC), datetime(2026, 3, 3, 11, 20, tzinfo=UTC))


def pem(key: Any) -> str:
    return str(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


@pytest.fixture(scope="module")
def private() -> RSAPrivateKey:
    return generate_private_key(65537, 1024)


@pytest.fixture
def key_file(private: RSAPrivateKey) -> dict[str, Any]:
    return {
        "type": "service_account",
        "project_id": "our-project",
        "private_key_id": "k1",
        "private_key": pem(private),
        "client_email": "watch@our-project.iam.test",
    }


@pytest.fixture
def keys(key_file: dict[str, Any]) -> dict[str, str]:
    return {"key_file": json.dumps(key_file), "function": "segment-sink", "generation": "1"}


@pytest.fixture
def fake() -> FakeVendor:
    return FakeVendor({SERIES: payload("monitoring_executions")})


def test_it_gives_executions_by_hour_and_status(fake: FakeVendor, keys: dict[str, str]) -> None:
    rows = fake.fetch(CLOUD_FUNCTIONS, keys, WINDOW)
    assert [(row.bucket, row.kind, row.dims["status"], row.count) for row in rows] == [
        (TEN, Kind.RECEIVED, "ok", 1402),
        (NINE, Kind.RECEIVED, "ok", 1384),
        (NINE, Kind.FAILED, "error", 7),
    ]


def test_it_asks_for_the_whole_hours_that_are_over(fake: FakeVendor, keys: dict[str, str]) -> None:
    fake.fetch(CLOUD_FUNCTIONS, keys, WINDOW)
    assert fake.asked_of(SERIES) == [
        {
            "filter": (
                'metric.type="cloudfunctions.googleapis.com/function/execution_count"'
                ' AND resource.type="cloud_function"'
                ' AND resource.labels.function_name="segment-sink"'
            ),
            "interval.startTime": "2026-03-03T09:00:00Z",
            "interval.endTime": "2026-03-03T11:00:00Z",
            "aggregation.alignmentPeriod": "3600s",
            "aggregation.perSeriesAligner": "ALIGN_DELTA",
            "aggregation.crossSeriesReducer": "REDUCE_SUM",
            "aggregation.groupByFields": "metric.labels.status",
        }
    ]


def test_it_asks_nothing_while_no_hour_is_over(fake: FakeVendor, keys: dict[str, str]) -> None:
    running = Window(TEN, TEN.replace(minute=59))
    assert fake.fetch(CLOUD_FUNCTIONS, keys, running) == []
    assert fake.asked == []


def test_it_counts_the_second_generation_as_requests_to_cloud_run(
    fake: FakeVendor, keys: dict[str, str]
) -> None:
    del keys["generation"]
    fake.replies[SERIES] = payload("monitoring_requests")
    rows = fake.fetch(CLOUD_FUNCTIONS, keys, WINDOW)
    assert [(row.kind, row.dims["status"], row.count) for row in rows] == [
        (Kind.RECEIVED, "2xx", 1384),
        (Kind.FAILED, "5xx", 7),
    ]
    [asked] = fake.asked_of(SERIES)
    assert 'metric.type="run.googleapis.com/request_count"' in asked["filter"]
    assert 'resource.labels.service_name="segment-sink"' in asked["filter"]


def test_it_reads_every_page(fake: FakeVendor, keys: dict[str, str]) -> None:
    whole = payload("monitoring_executions")["timeSeries"]
    first = {"timeSeries": whole[:1], "nextPageToken": "more"}
    fake.replies[SERIES] = lambda request: (
        {"timeSeries": whole[1:]} if request.url.params.get("pageToken") == "more" else first
    )
    assert len(fake.fetch(CLOUD_FUNCTIONS, keys, WINDOW)) == 3


def test_it_gives_up_on_pages_without_end(fake: FakeVendor, keys: dict[str, str]) -> None:
    fake.replies[SERIES] = {"timeSeries": [], "nextPageToken": "more"}
    with pytest.raises(BadPayload, match="more than 100 pages"):
        fake.fetch(CLOUD_FUNCTIONS, keys, WINDOW)


def test_it_has_no_row_for_hours_without_executions(fake: FakeVendor, keys: dict[str, str]) -> None:
    fake.replies[SERIES] = {}
    assert fake.fetch(CLOUD_FUNCTIONS, keys, WINDOW) == []


def test_it_signs_a_token_for_this_api_that_lives_an_hour(
    keys: dict[str, str], private: RSAPrivateKey
) -> None:
    token = CLOUD_FUNCTIONS.headers(keys)["Authorization"].removeprefix("Bearer ")
    signed, _, signature = token.rpartition(".")
    private.public_key().verify(plain(signature), signed.encode(), PKCS1v15(), SHA256())
    head, claims = (json.loads(plain(part)) for part in signed.split("."))
    assert head == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
    assert claims["iss"] == claims["sub"] == "watch@our-project.iam.test"
    assert claims["aud"] == "https://monitoring.googleapis.com/"
    assert claims["exp"] - claims["iat"] == 3600


def plain(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@pytest.mark.parametrize(
    "spoiled",
    [
        {"private_key": None},
        {"private_key": "-----BEGIN PRIVATE KEY-----\nnope"},
        {"private_key": pem(elliptic_key(SECP256R1()))},
        {"private_key_id": None, "private_key": 7},
    ],
)
def test_it_says_what_a_key_file_is(key_file: dict[str, Any], spoiled: dict[str, Any]) -> None:
    keys = {"key_file": json.dumps({**key_file, **spoiled}), "function": "segment-sink"}
    with pytest.raises(Unauthorized, match="paste the whole JSON file") as refused:
        CLOUD_FUNCTIONS.headers(keys)
    assert refused.value.__suppress_context__  # the cause may quote the key


@pytest.mark.parametrize("text", ["", "[]", "/keys/ours.json", "{", '{"type": "service_account"}'])
def test_it_takes_nothing_else_for_a_key_file(text: str) -> None:
    with pytest.raises(Unauthorized, match="paste the whole JSON file"):
        CLOUD_FUNCTIONS.headers({"key_file": text, "function": "segment-sink"})


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("function", 'sink" OR metric.type="other', "name of the function"),
        ("project", "our-project/../other", "name of the project"),
        ("generation", "3", "is 1 or 2"),
    ],
)
def test_it_asks_nothing_about_names_that_none_has(
    fake: FakeVendor, keys: dict[str, str], name: str, value: str, said: str
) -> None:
    with pytest.raises(Refused, match=said):
        fake.fetch(CLOUD_FUNCTIONS, {**keys, name: value}, WINDOW)
    assert fake.asked == []


def test_it_names_the_role_that_is_missing(fake: FakeVendor, keys: dict[str, str]) -> None:
    fake.replies[SERIES] = 403
    with pytest.raises(Unauthorized, match=r"roles/monitoring\.viewer"):
        fake.fetch(CLOUD_FUNCTIONS, keys, WINDOW)


def test_it_checks_by_asking_for_the_metric(fake: FakeVendor, keys: dict[str, str]) -> None:
    metric = "cloudfunctions.googleapis.com/function/execution_count"
    fake.replies[f"/v3/projects/our-project/metricDescriptors/{metric}"] = {"type": metric}
    said = fake.check(CLOUD_FUNCTIONS, keys)
    assert said == "Cloud Monitoring answers for project our-project."


def test_it_takes_no_count_that_is_none(fake: FakeVendor, keys: dict[str, str]) -> None:
    for series in fake.replies[SERIES]["timeSeries"]:
        series["points"][0]["value"] = {"doubleValue": 1.5}
    with pytest.raises(BadPayload, match="int64Value is not a whole number"):
        fake.fetch(CLOUD_FUNCTIONS, keys, WINDOW)
