"""Segment's own tracking libraries send to the demo workspace; cdpwatch counts what they sent."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from segment.analytics import Client

from cdpwatch import watch
from cdpwatch.models import SourceDay, VolumeMinute, Workspace
from tests.clients.conftest import Run
from tests.conftest import DemoWorkspace
from tests.demo.conftest import World, world
from tests.factories import TODAY

__all__ = ["world"]

QUIET = "Prod - Manual"  # sends nothing of its own on this day
AT_NOON = ("MINUTE", "2026-11-18T12:00:00Z", "2026-11-18T13:00:00Z")
SENT = {
    ("track", "Client Tested"): 120,  # more than one batch of either library
    ("identify", ""): 2,
    ("page", "Pricing"): 1,
    ("screen", "Home"): 1,
    ("group", ""): 1,
    ("alias", ""): 1,
}
Send = Callable[[str, str], None]  # host and write key


def python(host: str, write_key: str, **options: Any) -> None:
    errors: list[Exception] = []
    client = Client(
        write_key,
        host=host,
        max_retries=0,
        upload_interval=0.05,
        on_error=lambda error, batch: errors.append(error),
        **options,
    )
    for number in range(120):
        client.track(user_id="u1", event="Client Tested", properties={"number": number})
    client.identify(user_id="u1", traits={"plan": "pro"})
    client.identify(anonymous_id="a1")
    client.page(user_id="u1", name="Pricing", properties={"url": "https://www.example/pricing"})
    client.screen(user_id="u1", name="Home")
    client.group(user_id="u1", group_id="g1")
    client.alias(previous_id="a1", user_id="u1")
    client.shutdown()
    assert not errors


def python_compressed(host: str, write_key: str) -> None:
    python(host, write_key, gzip=True)


NODE_MESSAGES: list[tuple[str, dict[str, Any]]] = [
    *[("track", {"userId": "u1", "event": "Client Tested"})] * 120,
    ("identify", {"userId": "u1", "traits": {"plan": "pro"}}),
    ("identify", {"anonymousId": "a1"}),
    ("page", {"userId": "u1", "name": "Pricing"}),
    ("screen", {"userId": "u1", "name": "Home"}),
    ("group", {"userId": "u1", "groupId": "g1"}),
    ("alias", {"userId": "u1", "previousId": "a1"}),
]


def from_node(node: Run, host: str, write_key: str) -> None:
    sent = {"host": host, "writeKey": write_key, "messages": NODE_MESSAGES}
    assert node("track.mjs", sent) == {"sent": len(NODE_MESSAGES), "errors": []}


@pytest.fixture
def send(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Send:
    """One library, by the name of the parameter."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return request.param or partial(from_node, request.getfixturevalue("node"))


LIBRARIES = pytest.mark.parametrize(
    "send",
    [
        pytest.param(python, id="python"),
        pytest.param(python_compressed, id="python-gzip"),
        pytest.param(None, id="node", marks=pytest.mark.clients),
    ],
    indirect=True,
)


def write_key(world: World) -> str:
    rows = world.data("/sources")["sources"]
    return next(str(row["writeKeys"][0]) for row in rows if row["name"] == QUIET)


def billed(world: World) -> int:
    usage = world.data(
        "/usage/api-calls/sources/daily", period="2026-11-01", pagination__count=1000
    )
    rows = usage["dailyPerSourceAPICallsUsage"]
    return [int(row["apiCalls"]) for row in rows if row["sourceId"] == world.source_id(QUIET)][-1]


@LIBRARIES
def test_it_shows_in_volume_within_a_minute_and_in_usage_after_midnight(
    world: World, send: Send
) -> None:
    before = billed(world)
    send(world.url, write_key(world))
    world.clock.forward(minutes=1)
    groups = {"groupBy.0": "eventType", "groupBy.1": "eventName"}
    rows = world.volume(*AT_NOON, **groups, sourceId=world.source_id(QUIET))
    assert {(row["eventType"], row.get("eventName", "")): row["total"] for row in rows} == SENT
    assert billed(world) == before
    world.clock.forward(days=1)
    assert billed(world) == before + sum(SENT.values())


@LIBRARIES
def test_it_is_counted_by_cdpwatch(workspace: Workspace, demo: DemoWorkspace, send: Send) -> None:
    listed = demo.http.get("/sources", headers={"Authorization": "Bearer demo-token"}).json()
    keys = {row["name"]: row["writeKeys"][0] for row in listed["data"]["sources"]}
    send(str(demo.http.base_url), keys[QUIET])
    for name in ("catalog", "volume"):
        watch.poll(name, workspace, demo.forward(minutes=2))
    live = VolumeMinute.objects.filter(source__name=QUIET)
    assert {(row.call_type, row.event): row.count for row in live} == SENT
    watch.poll("usage", workspace, demo.forward(days=1))
    day = SourceDay.objects.get(source__name=QUIET, day=TODAY)
    assert day.calls == sum(SENT.values())
