"""The Tracking API of the demo: what it takes in, what it turns away, and where that shows."""

from __future__ import annotations

import base64
import gzip
import json
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from cdpwatch.demo.server import running
from tests.demo.conftest import APPLICATION, BACKEND, PLENTY, Clock, World, client

TRACK = {"type": "track", "event": "Intake Tested", "userId": "u1"}
QUIET = "Prod - Manual"  # sends nothing of its own on this day
AROUND_NOON = ("MINUTE", "2026-11-18T12:00:00Z", "2026-11-18T13:00:00Z")


def write_key(world: World, name: str = BACKEND) -> str:
    rows = world.data("/sources")["sources"]
    return next(str(row["writeKeys"][0]) for row in rows if row["name"] == name)


def post(world: World, path: str, body: object, **headers: str) -> httpx.Response:
    """Sent as a stranger: without the token of the Public API."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.post(f"{world.url}{path}", content=content, headers=headers, trust_env=False)


def batch(world: World, *messages: object, name: str = BACKEND) -> httpx.Response:
    return post(world, "/v1/batch", {"writeKey": write_key(world, name), "batch": messages})


def basic(key: str) -> str:
    return f"Basic {base64.b64encode(f'{key}:'.encode()).decode()}"


def taken(world: World, event: str = "Intake Tested") -> dict[str, int]:
    """Calls by minute of a track event that only these tests send."""
    rows = world.volume(*AROUND_NOON, **{"eventName": event})
    points = [point for row in rows for point in row["series"]]
    return {point["time"][11:16]: point["count"] for point in points if point["count"]}


# --- what is taken ----------------------------------------------------------------------------
def test_it_shows_a_message_in_volume_within_a_minute(world: World) -> None:
    reply = batch(world, TRACK, TRACK)
    assert (reply.status_code, reply.json()) == (200, {"success": True})
    assert batch(world, TRACK).status_code == 200
    assert taken(world) == {}
    world.clock.forward(minutes=1)
    assert taken(world) == {"12:05": 3}


def test_it_bills_a_message_after_midnight(world: World) -> None:
    def billed() -> Counter[str]:
        usage = world.data(
            "/usage/api-calls/sources/daily", period="2026-11-01", pagination__count=1000
        )
        rows = usage["dailyPerSourceAPICallsUsage"]
        return Counter({row["sourceId"]: int(row["apiCalls"]) for row in rows})

    world.clock.forward(days=1)
    before = billed()
    world.clock.forward(days=-1)
    batch(world, TRACK, TRACK, TRACK)
    world.clock.forward(days=1)
    assert billed() - before == {world.source_id(BACKEND): 3}


@pytest.mark.parametrize(
    ("path", "message", "named"),
    [
        ("/v1/track", {"event": "Opened"}, ("track", "Opened")),
        ("/v1/t", {"event": "Opened"}, ("track", "Opened")),
        ("/v1/identify", {"traits": {"plan": "pro"}}, ("identify", "")),
        ("/v1/i", {}, ("identify", "")),
        ("/v1/page", {"name": "Pricing"}, ("page", "Pricing")),
        ("/v1/p", {}, ("page", "")),
        ("/v1/screen", {"name": "Home"}, ("screen", "Home")),
        ("/v1/s", {"name": "Home"}, ("screen", "Home")),
        ("/v1/group", {"groupId": "g1"}, ("group", "")),
        ("/v1/g", {"groupId": "g1"}, ("group", "")),
        ("/v1/alias", {"previousId": "a1"}, ("alias", "")),
        ("/v1/a", {"previousId": "a1"}, ("alias", "")),
        ("/v1/batch", {"batch": [TRACK]}, ("track", "Intake Tested")),
        ("/v1/b", {"batch": [TRACK]}, ("track", "Intake Tested")),
        ("/v1/import", {"batch": [TRACK]}, ("track", "Intake Tested")),
    ],
)
def test_it_takes_every_kind_of_call(
    world: World, path: str, message: dict[str, Any], named: tuple[str, str]
) -> None:
    def seen() -> dict[tuple[str, str], int]:
        groups = {"groupBy.0": "eventType", "groupBy.1": "eventName"}
        rows = world.volume(*AROUND_NOON, **groups, sourceId=world.source_id(QUIET))
        return {(row["eventType"], row.get("eventName", "")): row["total"] for row in rows}

    key = write_key(world, QUIET)
    post(world, path, {"writeKey": key, "userId": "u1", **message})
    world.clock.forward(minutes=1)
    assert seen() == {named: 1}


def test_it_takes_the_write_key_from_basic_authentication(world: World) -> None:
    key = write_key(world)
    reply = post(world, "/v1/batch", {"batch": [TRACK]}, Authorization=basic(key))
    world.clock.forward(minutes=1)
    assert (reply.status_code, taken(world)) == (200, {"12:05": 1})


def test_it_inflates_what_was_sent_compressed(world: World) -> None:
    body = json.dumps({"writeKey": write_key(world), "batch": [TRACK]}).encode()
    post(world, "/v1/batch", gzip.compress(body), **{"Content-Encoding": "gzip"})
    world.clock.forward(minutes=1)
    assert taken(world) == {"12:05": 1}


def test_it_counts_a_message_id_once_a_day(world: World) -> None:
    message = {**TRACK, "messageId": "m1"}
    batch(world, message, message)
    world.clock.forward(hours=23)
    batch(world, message, name=APPLICATION)
    world.clock.forward(hours=2)
    batch(world, message)
    world.clock.forward(minutes=1)
    rows = world.volume("HOUR", "2026-11-18", "2026-11-20", eventName="Intake Tested")
    points = [point for row in rows for point in row["series"] if point["count"]]
    assert [(point["time"][8:13], point["count"]) for point in points] == [
        ("18T12", 1),
        ("19T13", 1),
    ]


def test_it_remembers_messages_in_its_folder(tmp_path: Path) -> None:
    clock = Clock()
    for _ in range(2):
        with running(data_dir=tmp_path, clock=clock, per_minute=PLENTY) as url, client(url) as http:
            world = World(url, http, clock)
            batch(world, {**TRACK, "messageId": "m1"})
            clock.forward(minutes=1)
            found = taken(world)
    assert found == {"12:05": 1}


# --- what it does at destinations ----------------------------------------------------------------
def delivery(
    world: World, step: str, source: str = BACKEND, **params: Any
) -> dict[tuple[str, str], int]:
    """Calls of the hour by event and reason."""
    window = {"startTime": "2026-11-18T12:00Z", "endTime": "2026-11-18T13:00Z"}
    groups = {"groupBy.0": "eventName", "groupBy.1": "discardReason"}
    if step == "successfully-received":
        del groups["groupBy.1"]
    where = {"granularity": "HOUR", "sourceId": world.source_id(source), **window}
    rows = world.data(f"/delivery-overview/{step}", **where, **groups, **params)["dataset"]
    return {(row.get("eventName", ""), row.get("discardReason", "")): row["total"] for row in rows}


def test_it_passes_messages_on_to_the_destinations(world: World) -> None:
    batch(world, *[TRACK] * 50)
    world.clock.forward(minutes=6)
    assert delivery(world, "successfully-received")["Intake Tested", ""] == 50
    rows = world.data("/destinations")["destinations"]
    source = world.source_id(BACKEND)
    fed = {row["name"]: row["id"] for row in rows if row["sourceId"] == source}
    amplitude, hubspot = fed["Prod - Amplitude"], fed["Prod - HubSpot"]
    done = delivery(world, "successful-delivery", destinationConfigId=amplitude)
    assert sum(count for (event, _), count in done.items() if event == "Intake Tested") >= 48
    dropped = delivery(world, "filtered-at-destination", destinationConfigId=hubspot)
    assert dropped["Intake Tested", "NO_MATCHING_MAPPING"] == 50


# --- what is turned away -----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"type": "track", "event": "Refused"}, "no_user_anon_id"),
        (
            {"type": "track", "event": "Refused", "userId": "", "anonymousId": None},
            "no_user_anon_id",
        ),
        ({"type": "track", "userId": "u1"}, "event_not_defined"),
        ({"type": "track", "event": 7, "userId": "u1"}, "event_not_string"),
        ({**TRACK, "properties": []}, "properties_not_object"),
        ({"type": "identify", "userId": "u1", "traits": "pro"}, "traits_not_object"),
        ({"type": "page", "name": {}, "userId": "u1"}, "name_not_string"),
        ({"type": "page", "category": 1, "userId": "u1"}, "category_not_string"),
        ({"type": "group", "userId": "u1"}, "id_required"),
        ({"type": "alias", "userId": "u1", "previousId": 5}, "id_not_string"),
        ({"type": "telegraph", "userId": "u1"}, "bad_request"),
        ("not an object", "bad_request"),
    ],
)
def test_it_says_200_to_what_it_turns_away_and_tells_why(
    world: World, message: object, reason: str
) -> None:
    assert batch(world, message, name=QUIET).json() == {"success": True}
    world.clock.forward(minutes=6)
    turned_away = delivery(world, "failed-on-ingest", QUIET)
    assert [(key[1], count) for key, count in turned_away.items()] == [(reason, 1)]
    assert delivery(world, "successfully-received", QUIET) == {}


def test_it_takes_names_in_any_script(world: World) -> None:
    for name in ("Überprüft", "検索", "half \ud800 a pair"):
        assert batch(world, {**TRACK, "event": name}).status_code == 200
    world.clock.forward(minutes=1)
    assert [taken(world, name) for name in ("Überprüft", "検索", "half ? a pair")] == [
        {"12:05": 1}
    ] * 3


@pytest.mark.parametrize("header", ["Basic", "Basic !!!", "Basic /w==", "Basic \xfc", "Bearer x"])
def test_it_takes_the_key_of_the_body_where_the_header_holds_none(
    world: World, header: str
) -> None:
    body = json.dumps({**TRACK, "writeKey": write_key(world)})
    headers = {"Authorization": header.encode("latin-1")}
    httpx.post(f"{world.url}/v1/track", content=body, headers=headers, trust_env=False)
    world.clock.forward(minutes=1)
    assert taken(world) == {"12:05": 1}


def test_it_lets_a_message_that_was_mended_be_sent_again(world: World) -> None:
    batch(world, {**TRACK, "messageId": "m1", "userId": ""})
    batch(world, {**TRACK, "messageId": "m1"})
    world.clock.forward(minutes=1)
    assert taken(world) == {"12:05": 1}


def test_it_says_200_to_a_write_key_that_no_source_has(world: World) -> None:
    reply = post(world, "/v1/track", {**TRACK, "writeKey": "<nobody's>"})
    assert (reply.status_code, reply.json()) == (200, {"success": True})
    world.clock.forward(minutes=1)
    assert taken(world) == {}
    assert "1 messages came with a write key that no source has" in world.http.get("/_demo").text


def test_it_takes_nothing_for_a_source_that_is_switched_off(world: World) -> None:
    assert batch(world, TRACK, name="prod-application-old").status_code == 200
    world.clock.forward(minutes=1)
    assert taken(world) == {}


def test_it_takes_none_of_more_than_2500_messages(world: World) -> None:
    small = {"type": "track", "event": "E", "userId": "u"}
    assert batch(world, *[small] * 2501).status_code == 200
    world.clock.forward(minutes=1)
    assert taken(world, "E") == {}


BIG = {"event": "Intake Tested", "userId": "u1", "properties": {"text": "x" * 32 * 1024}}


def too_large(key: str) -> bytes:
    return json.dumps({"writeKey": key, "batch": [{**TRACK, "pad": "x" * 30_000}] * 18}).encode()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/track", lambda key: b"{"),
        ("/v1/track", lambda key: b"[]"),
        ("/v1/track", lambda key: b""),
        ("/v1/track", lambda key: b'{"a":' * 100_000),
        ("/v1/track", lambda key: b"\xff\xfe"),
        ("/v1/batch", lambda key: json.dumps({"writeKey": key, "batch": {}}).encode()),
        ("/v1/track", lambda key: json.dumps({"writeKey": key, **BIG}).encode()),
        ("/v1/batch", lambda key: json.dumps({"writeKey": key, "batch": [TRACK, BIG]}).encode()),
        ("/v1/batch", too_large),
    ],
)
def test_it_refuses_what_is_not_json_or_too_large(
    world: World, path: str, body: Callable[[str], bytes]
) -> None:
    reply = post(world, path, body(write_key(world)))
    assert (reply.status_code, reply.json()["success"]) == (400, False)
    world.clock.forward(minutes=1)
    assert taken(world) == {}


def test_it_refuses_what_is_not_gzip(world: World) -> None:
    reply = post(world, "/v1/batch", b"no gzip", **{"Content-Encoding": "gzip"})
    assert (reply.status_code, reply.json()["success"]) == (400, False)


def test_it_does_not_inflate_more_than_a_batch(world: World) -> None:
    bomb = gzip.compress(b"x" * 50_000_000)
    tracemalloc.start()
    reply = post(world, "/v1/batch", bomb, **{"Content-Encoding": "gzip"})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert reply.status_code == 400
    assert peak < 10_000_000


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/track"), ("POST", "/v1/telegraph")])
def test_it_does_not_know_other_paths(world: World, method: str, path: str) -> None:
    assert httpx.request(method, f"{world.url}{path}", trust_env=False).status_code == 404


# --- the control page ---------------------------------------------------------------------------
def test_it_shows_the_write_keys_and_what_came_with_them(world: World) -> None:
    batch(world, TRACK, TRACK, {**TRACK, "userId": ""})
    page = world.http.get("/_demo").text
    assert f"<code>{write_key(world)}</code></td><td>2</td><td>1</td>" in page
