"""The Public API of the demo: who may ask, how to ask, and what refusals look like."""

from __future__ import annotations

import base64
import json
from email.utils import parsedate_to_datetime

import httpx
import pytest

from cdpwatch.demo.server import running
from tests.demo.conftest import NOW, Clock, World, client

WINDOW = {"startTime": "2026-11-17", "endTime": "2026-11-18"}
UNKNOWN = "unknownunknownunknown1"


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}])
def test_it_turns_away_who_has_no_token(world: World, header: dict[str, str]) -> None:
    reply = httpx.get(f"{world.url}/sources", headers=header, trust_env=False)
    assert reply.status_code == 401
    assert reply.json()["errors"][0]["type"] == "unauthorized"


def test_it_says_whose_workspace_the_token_opens(world: World) -> None:
    workspace = world.data("/")["workspace"]
    assert (workspace["name"], workspace["slug"]) == ("GitBook (demo)", "gitbook-com")
    assert len(workspace["id"]) == 22


@pytest.mark.parametrize(
    ("path", "params", "field"),
    [
        ("/usage/api-calls/daily", {}, "period"),
        ("/usage/api-calls/sources/daily", {"period": "soon"}, "period"),
        ("/usage/mtu/daily", {"period": "9999-12-01"}, "period"),
        ("/events/volume", WINDOW, "granularity"),
        ("/events/volume", {**WINDOW, "granularity": "WEEK"}, "granularity"),
        ("/events/volume", {"granularity": "DAY", "endTime": "2026-11-18"}, "startTime"),
        ("/events/volume", {"granularity": "DAY", "startTime": "2026-11-18"}, "endTime"),
        ("/events/volume", {**WINDOW, "granularity": "DAY", "groupBy.0": "host"}, "groupBy"),
        ("/delivery-overview/successfully-received", WINDOW, "sourceId"),
        ("/functions", {}, "resourceType"),
        ("/functions", {"resourceType": "LAMBDA"}, "resourceType"),
        ("/sources", {"pagination.count": "0"}, "pagination.count"),
        ("/sources", {"pagination.count": "1001"}, "pagination.count"),
        ("/sources", {"pagination.count": "many"}, "pagination.count"),
        ("/sources", {"pagination.cursor": "***"}, "pagination.cursor"),
        ("/sources", {"pagination": "{"}, "pagination"),
    ],
)
def test_it_names_the_field_that_is_wrong(
    world: World, path: str, params: dict[str, str], field: str
) -> None:
    assert world.error(path, **params) == (422, field)


@pytest.mark.parametrize(
    "path",
    [
        f"/sources/{UNKNOWN}",
        f"/sources/{UNKNOWN}/connected-destinations",
        f"/destinations/{UNKNOWN}",
        f"/destination/{UNKNOWN}/filters",
        f"/warehouses/{UNKNOWN}/connected-sources",
        f"/functions/sfnc_{UNKNOWN}",
        "/nowhere",
    ],
)
def test_it_does_not_know_what_does_not_exist(world: World, path: str) -> None:
    assert world.error(path) == (404, "")


@pytest.mark.parametrize(
    "query",
    [
        "pagination.count=3&pagination.cursor=Mw==",
        "pagination%5Bcount%5D=3&pagination%5Bcursor%5D=Mw%3D%3D",
        'pagination={"cursor": "Mw==", "count": 3}',
    ],
)
def test_it_reads_pagination_in_every_spelling(world: World, query: str) -> None:
    everything = world.data("/sources")["sources"]
    page = world.http.get(f"/sources?{query}").json()["data"]
    assert page["sources"] == everything[3:6]
    assert page["pagination"]["current"] == "Mw=="


@pytest.mark.parametrize(
    "query",
    [
        "groupBy.0=eventType&groupBy.1=source&eventType.0=identify",
        "groupBy%5B0%5D=eventType&groupBy%5B1%5D=source&eventType%5B0%5D=identify",
        "groupBy=eventType&groupBy=source&eventType=identify",
    ],
)
def test_it_reads_arrays_in_every_spelling(world: World, query: str) -> None:
    where = "granularity=day&startTime=2026-11-17&endTime=2026-11-18"
    rows = world.http.get(f"/events/volume?{where}&{query}").json()["data"]["result"]
    assert {row["eventType"] for row in rows} == {"identify"}
    assert len({row["source"]["id"] for row in rows}) == len(rows) > 5


@pytest.mark.parametrize(
    "query",
    [
        "filter.eventType.0=group",
        "filter%5BeventType%5D%5B0%5D=group",
        "filter[eventType].0=group",
        'filter={"eventType": ["group"]}',
    ],
)
def test_it_reads_filters_in_every_spelling(world: World, query: str) -> None:
    where = f"granularity=DAY&startTime=2026-11-17&endTime=2026-11-18&groupBy.0=eventType&{query}"
    source = world.source_id("Prod - Backend")
    path = f"/delivery-overview/successfully-received?sourceId={source}&{where}"
    dataset = world.http.get(path).json()["data"]["dataset"]
    assert [row["eventType"] for row in dataset] == ["group"]


def test_it_walks_pages_until_there_is_no_next(world: World) -> None:
    everything = world.data("/sources")["sources"]
    first = world.data("/sources", pagination__count=7)
    cursor = first["pagination"]["next"]
    assert base64.b64decode(cursor).isdigit()
    last = world.data("/sources", pagination__count=7, pagination__cursor=cursor)
    assert first["sources"] + last["sources"] == everything
    assert "next" not in last["pagination"]
    assert last["pagination"]["totalEntries"] == len(everything) == 14


def test_it_tolerates_a_trailing_slash(world: World) -> None:
    assert world.data("/sources/") == world.data("/sources")


def test_it_echoes_without_the_token(world: World) -> None:
    echoed = world.data("/echo", message="hello")
    assert (echoed["message"], echoed["method"]) == ("hello", "GET")
    assert "demo-token" not in json.dumps(echoed)


def test_it_tells_how_much_of_the_limit_is_left(world: World) -> None:
    headers = world.http.get("/labels").headers
    consumed, left = int(headers["X-RateLimit-Consumed"]), int(headers["X-RateLimit-Remaining"])
    assert (consumed, consumed + left) == (1, 100_000)
    assert parsedate_to_datetime(headers["X-RateLimit-Reset"]) >= NOW.replace(second=0)


def test_it_asks_to_wait_once_the_limit_is_used_up() -> None:
    limits = {"": 600, "/events/volume": 2}
    with running(clock=Clock(), per_minute=limits) as url, client(url) as http:
        path = "/events/volume?granularity=DAY&startTime=2026-11-17&endTime=2026-11-18"
        replies = [http.get(path) for _ in range(3)]
        assert http.get("/labels").status_code == 200
    assert [reply.status_code for reply in replies] == [200, 200, 429]
    assert 1 <= int(replies[-1].headers["Retry-After"]) <= 30
    wait = replies[-1].json()["errors"][0]["data"]["msBeforeNext"]
    assert 0 < wait <= 30_000
