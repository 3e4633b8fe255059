"""Golden payloads: for each poller and counter, and each version of its API, what is asked and what
is made of the answer.

`tests/payloads/<name>.json` are answers in the shape that the vendor documents, written by hand. A
transcript in `tests/payloads/golden/` holds the requests and the rows, a line each: the adapter
made it of the answers, and it was read against them. A change of either fails here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import Any

import httpx
import pytest

from cdpwatch.counters import COUNTERS, census, cloud_functions
from cdpwatch.counters.bigquery import BIGQUERY
from cdpwatch.demo.vendors.monitoring import KEY_FILE
from cdpwatch.http import Api, ApiError, JsonApi, segment, vendor
from cdpwatch.pollers import (
    segment_audit,
    segment_catalog,
    segment_delivery,
    segment_ingest,
    segment_period,
    segment_schema,
    segment_syncs,
    segment_usage,
    segment_volume,
)
from cdpwatch.readings import Grain, NoData, Window
from cdpwatch.timetable import POLLERS
from tests.factories import at

PAYLOADS = Path(__file__).parents[1] / "payloads"
JUNE = date(2025, 6, 1)
DAYS = Window(datetime.fromisoformat("2025-06-01T00Z"), datetime.fromisoformat("2025-06-02T12Z"))
HOURS = Window(DAYS.start, datetime.fromisoformat("2025-06-01T02Z"))
MARCH = Window(at(3, month=3), at(4, month=3))
FUNCTION = {"key_file": KEY_FILE, "function": "segment-sink", "project": "our-project"}
SERIES = "/v3/projects/our-project/timeSeries"
Read = Callable[[Api], Any]
Answers = Mapping[str, Any]


@dataclass(frozen=True)
class Golden:
    """One version of one API. `answers` maps a path, with a parameter or without, to the name of
    its payload."""

    poller: str  # or counter
    version: str
    answers: Mapping[str, str]
    read: Read | None = None  # of Segment's pollers
    keys: Mapping[str, str] = field(default_factory=dict)
    window: Window = MARCH

    @property
    def name(self) -> str:
        return f"{self.poller}-{self.version}"

    def transcript(self, answers: Answers) -> list[str]:
        """What is asked, and what is made of the answers. Raises ApiError."""
        asked: list[str] = []

        def answer(request: httpx.Request) -> httpx.Response:
            asked.append(line_of(request))
            told = answer_to(request, answers)
            served = {"Date": "Wed, 04 Mar 2026 12:00:00 GMT"}
            return httpx.Response(200 if told else 404, json=told, headers=served)

        transport = httpx.MockTransport(answer)
        with self._client(transport) as api:
            rows = [lined(row) for row in self._rows(api)]
            rejected = [f"rejected {each.where}: {each.reason}" for each in api.rejections]
        return [*asked, *rows, *rejected]

    def _client(self, transport: httpx.MockTransport) -> Api | JsonApi:
        if self.read:
            return segment("https://s.test", "sgp_test", transport=transport, attempts=1)
        headers = COUNTERS[self.poller].headers(self.keys)
        return vendor("https://v.test", headers, peer="V", transport=transport, attempts=1)

    def _rows(self, api: Any) -> list[Any]:
        if not self.read:
            return list(COUNTERS[self.poller].fetch(api, self.keys, self.window))
        told = self.read(api)
        if isinstance(told, segment_catalog.Catalog):
            return [told.workspace, *told.connections, *told.functions]
        return list(told)


def answer_to(request: httpx.Request, answers: Answers) -> Any:
    """By path and one parameter where there is such an answer, else by path."""
    path, params = request.url.path, request.url.params.items()
    asked = [f"{path}?{name}={value}" for name, value in params]
    return answers.get(next((each for each in asked if each in answers), path))


def line_of(request: httpx.Request) -> str:
    """Method, path, query and body of a request, with the headers by which versions are told."""
    way, _, _ = request.headers.get("authorization", "none").partition(" ")
    body = request.content.decode()
    said = f"{request.method} {request.url.path} accept={request.headers['accept']} auth={way}"
    return " ".join(
        [said, *sorted(f"{k}={v}" for k, v in request.url.params.items()), body]
    ).strip()


def lined(row: Any) -> str:
    """One row as a line: its fields by name, those that are empty left out."""
    values = {each.name: getattr(row, each.name) for each in fields(row)}
    told = {name: plain(value) for name, value in values.items() if value not in ("", (), {}, None)}
    return f"{type(row).__name__} " + " ".join(f"{name}={value}" for name, value in told.items())


def plain(value: Any) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return str(value)


def overview(kind: str) -> dict[str, str]:
    return {f"/delivery-overview/{path}": f"{kind}_{name}" for path, name in STEPS[kind]}


STEPS = {
    "ingest": [
        ("successfully-received", "received"),
        ("failed-on-ingest", "failed"),
        ("filtered-at-source", "filtered"),
    ],
    "delivery": [
        ("successful-delivery", "delivered"),
        ("failed-delivery", "failed"),
        ("filtered-at-destination", "filtered"),
    ],
}
CATALOG = {
    "/": "workspace",
    "/sources": "sources",
    "/destinations": "destinations",
    "/warehouses": "warehouses",
    "/warehouses/whBig01/connected-sources": "warehouse_sources",
    "/functions?resourceType=SOURCE": "functions",
    "/functions": "functions_none",
    "/functions/sfnc_Webinar1": "function",
}
USAGE = {
    "/usage/api-calls/daily": "usage_workspace",
    "/usage/api-calls/sources/daily": "usage_sources",
}
CUSTOMERIO = {
    "/v1/campaigns": "customerio_campaigns",
    "/v1/campaigns/1/metrics": "customerio_metrics",
    "/v1/broadcasts": "customerio_broadcasts",
    "/v1/newsletters": "customerio_newsletters",
    "/v1/newsletters/7/metrics": "customerio_newsletter_metrics",
    "/v1/transactional": "customerio_transactional",
}
WITHOUT_ROWS = {  # an empty list, or a token that shows in no row
    "functions_none",
    "livestorm_sessions_none",
    "customerio_broadcasts",
    "customerio_transactional",
    "helpscout_token",
}
INGEST = [segment_ingest.Ask("srcWebProd01", DAYS)]
DELIVERY = [segment_delivery.Ask("srcWebProd01", "dstAmp01", DAYS)]

GOLDEN = {
    golden.name: golden
    for golden in (
        Golden("catalog", "v1", CATALOG, segment_catalog.read),
        Golden("usage", "v1", USAGE, lambda api: segment_usage.read(api, [JUNE])),
        Golden(
            "volume",
            "v1",
            {"/events/volume": "volume"},
            lambda api: segment_volume.read(api, Grain.HOUR, HOURS),
        ),
        Golden("ingest", "beta", overview("ingest"), lambda api: segment_ingest.read(api, INGEST)),
        Golden(
            "delivery",
            "beta",
            overview("delivery"),
            lambda api: segment_delivery.read(api, DELIVERY),
        ),
        Golden(
            "syncs",
            "v1",
            {"/warehouses/whBig01/syncs": "warehouse_syncs"},
            lambda api: segment_syncs.read(api, "whBig01"),
        ),
        Golden(
            "audit",
            "v1",
            {"/audit-events": "audit_events"},
            lambda api: segment_audit.read(api, DAYS),
        ),
        Golden(
            "schema",
            "v1",
            {"/sources/srcWebProd01/settings": "schema_settings"},
            lambda api: segment_schema.read(api, ["srcWebProd01"]),
        ),
        Golden(
            "period",
            "v1",
            {"/usage/mtu/daily": "usage_users"},
            lambda api: segment_period.read(api, [JUNE]),
        ),
        Golden(
            "amplitude",
            "2",
            {"/api/2/events/segmentation": "amplitude_segmentation"},
            keys={"api_key": "a", "secret_key": "s"},
            window=Window(at(2, month=3), at(4, month=3)),
        ),
        Golden(
            "amplitude_cohorts",
            "3",
            {"/api/3/cohorts": "amplitude_cohorts"},
            keys={"api_key": "a", "secret_key": "s"},
        ),
        Golden(
            "census",
            "1",
            {
                "/api/v1/destinations": "census_destinations",
                "/api/v1/syncs": "census_syncs",
                "/api/v1/syncs/512/sync_runs": "census_sync_runs",
            },
            keys={"api_key": "k"},
        ),
        Golden(
            "census",
            "2",
            {
                "/api/v2/activations": "census2_activations",
                "/api/v2/syncs": "census2_syncs",
                "/api/v2/syncs/sync_512/sync_runs": "census2_sync_runs",
            },
            keys={"api_key": "k", "api_version": "2"},
        ),
        Golden(
            "customerio",
            "2",
            CUSTOMERIO,
            keys={"api_key": "k"},
            window=Window(at(3, month=3), at(4, 12, month=3)),
        ),
        Golden(
            "customerio_activities",
            "1",
            {"/v1/activities": "customerio_activities"},
            keys={"api_key": "k"},
            window=Window(at(4, 11, month=3), at(4, 12, month=3)),
        ),
        Golden(
            "refiner",
            "1",
            {
                "/v1/responses": "refiner_responses",
                "/v1/reporting": "refiner_reporting",
                "/v1/account": "refiner_account",
            },
            keys={"api_key": "k"},
        ),
        Golden(
            "livestorm",
            "1",
            {
                "/v1/sessions?page[number]=0": "livestorm_sessions",
                "/v1/sessions": "livestorm_sessions_none",
                "/v1/webhooks": "livestorm_webhooks",
            },
            keys={"token": "t"},
            window=Window(at(3, month=3), at(4, 13, month=3)),
        ),
        Golden(
            "cloud_functions",
            "1",
            {SERIES: "monitoring_executions"},
            keys={**FUNCTION, "generation": "1"},
            window=Window(at(3, 9, month=3), at(3, 11, month=3)),
        ),
        Golden(
            "cloud_functions",
            "2",
            {SERIES: "monitoring_requests"},
            keys=FUNCTION,
            window=Window(at(3, 9, month=3), at(3, 11, month=3)),
        ),
        Golden(
            "hubspot",
            "3",
            {
                "/crm/v3/objects/contacts/search": "hubspot_search",
                "/crm/v3/objects/companies/search": "hubspot_companies",
                "/account-info/v3/api-usage/daily/private-apps": "hubspot_usage",
            },
            keys={"token": "t"},
        ),
        Golden(
            "helpscout",
            "2",
            {
                "/v2/oauth2/token": "helpscout_token",
                "/v2/customers?modifiedSince=2026-03-03T00:00:00Z": "helpscout_customers",
                "/v2/customers": "helpscout_customers_later",
            },
            keys={"app_id": "a", "app_secret": "s"},
            window=Window(at(3, month=3), at(5, month=3)),
        ),
    )
}


def payload(name: str) -> Any:
    return json.loads((PAYLOADS / f"{name}.json").read_text())


def answers_of(golden: Golden) -> dict[str, Any]:
    return {path: payload(name) for path, name in golden.answers.items()}


def expected(golden: Golden) -> list[str]:
    return (PAYLOADS / "golden" / f"{golden.name}.txt").read_text().splitlines()


@pytest.fixture(params=GOLDEN)
def golden(request: pytest.FixtureRequest) -> Golden:
    return GOLDEN[request.param]


def test_it_makes_exactly_these_rows_of_a_documented_answer(golden: Golden) -> None:
    assert golden.transcript(answers_of(golden)) == expected(golden)


def test_it_has_a_golden_answer_of_every_poller_counter_and_version() -> None:
    """BigQuery answers Google's own client, with tables: tests/warehouse holds what it says."""
    assert {golden.poller for golden in GOLDEN.values()} == {*POLLERS, *COUNTERS} - {BIGQUERY.key}
    versions = {f"census-{number}" for number in census.VERSIONS}
    versions |= {f"cloud_functions-{number}" for number in cloud_functions.GENERATIONS}
    assert versions <= GOLDEN.keys()
    assert {path.stem for path in (PAYLOADS / "golden").glob("*.txt")} == GOLDEN.keys()


def altered(value: Any) -> Any:
    """The JSON with other numbers and other texts, in the same shape."""
    if isinstance(value, dict):
        return {name: altered(each) for name, each in value.items()}
    if isinstance(value, list):
        return [altered(each) for each in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return 2 * value + 1
    return str(2 * int(value) + 1) if value.isdigit() else f"{value}x"


def renamed(value: Any) -> Any:
    """The JSON with each field called otherwise, as a new version of an API might."""
    if isinstance(value, dict):
        return {f"{name}V9": renamed(each) for name, each in value.items()}
    return [renamed(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("change", [altered, renamed])
def test_it_notices_that_an_answer_changed(golden: Golden, change: Callable[[Any], Any]) -> None:
    answers = answers_of(golden)
    for path, name in golden.answers.items():
        if name not in WITHOUT_ROWS:
            told = outcome(golden, {**answers, path: change(answers[path])})
            assert told != expected(golden), path


def outcome(golden: Golden, answers: Answers) -> list[str]:
    try:
        return golden.transcript(answers)
    except (ApiError, NoData) as error:
        return [str(error)]
