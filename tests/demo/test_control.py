"""The control page: leaks, truth and faults."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from cdpwatch.demo.server import running
from tests.demo.conftest import APPLICATION, PLENTY, Clock, World, client

AROUND_NOON = ("MINUTE", "2026-11-18T12:00:00Z", "2026-11-18T12:30:00Z")


def switch(world: World, leak: str, on: int) -> None:
    reply = world.http.post(f"/_demo/leaks/{leak}", json={"on": on})
    assert reply.json()["leaks"][leak] is bool(on)


def pages(world: World) -> dict[str, int]:
    """Page calls by minute, where there were any."""
    rows = world.volume(*AROUND_NOON, **{"eventType": "page"})
    points = [point for row in rows for point in row["series"]]
    return {point["time"][11:16]: point["count"] for point in points if point["count"]}


def test_it_leaks_from_the_minute_it_is_switched_on(world: World) -> None:
    switch(world, "L1", 1)
    world.clock.forward(minutes=4)
    switch(world, "L1", 0)
    world.clock.forward(minutes=10)
    found = pages(world)
    assert list(found) == ["12:05", "12:06", "12:07", "12:08"]
    assert min(found.values()) > 50


def test_it_leaks_page_names_or_a_track_event(world: World) -> None:
    switch(world, "L1", 1)
    switch(world, "L2", 1)
    world.clock.forward(minutes=10)
    rows = world.volume(*AROUND_NOON, **{"groupBy.0": "eventType", "groupBy.1": "eventName"})
    names = {(row["eventType"], row.get("eventName", "")) for row in rows}
    assert {("page", "Home"), ("page", "Pricing"), ("track", "[GitBook] site_view")} <= names


def test_it_bills_what_leaked(world: World) -> None:
    def november() -> int:
        usage = world.data("/usage/api-calls/daily", period="2026-11-01")
        return int(usage["dailyWorkspaceAPICallsUsage"][-1]["apiCalls"])

    world.clock.forward(days=2)
    dry = november()
    world.clock.forward(days=-2)
    switch(world, "L1", 1)
    world.clock.forward(days=2)
    leaked = world.volume("DAY", "2026-11-18", "2026-11-20", **{"eventType": "page"})
    assert november() - dry == leaked[0]["total"]
    assert 240_000 < leaked[0]["total"] < 290_000


def test_it_has_one_leak_behind_it_and_none_running(world: World) -> None:
    rows = world.volume("DAY", "2026-05-18", "2026-11-18", **{"eventType": "page"})
    days = [point["time"][:10] for point in rows[0]["series"] if point["count"]]
    assert (days[0], days[-1], len(days)) == ("2026-06-11", "2026-06-20", 10)
    assert not any(world.http.get("/_demo/state.json").json()["leaks"].values())


def test_it_remembers_leaks_in_its_folder(tmp_path: Path) -> None:
    clock = Clock()
    for _ in range(2):
        with running(data_dir=tmp_path, clock=clock, per_minute=PLENTY) as url, client(url) as http:
            world = World(url, http, clock)
            if clock.now.minute == 5:
                switch(world, "L1", 1)
                clock.forward(minutes=10)
            found = pages(world)
    assert list(found)[0] == "12:05"


def test_it_tells_the_truth_about_calls_and_deliveries(world: World) -> None:
    switch(world, "L1", 1)
    world.clock.forward(days=1)
    truth = world.http.get("/_demo/truth.json?from=2026-11-17&to=2026-11-19").json()
    said: Counter[tuple[str, str]] = Counter()
    for row in world.volume("DAY", "2026-11-17", "2026-11-19T12:04:00Z", **{"groupBy": "source"}):
        for point in row["series"]:
            said[row["source"]["name"], point["time"][:10]] += point["count"]
    assert +Counter({(row["source"], row["day"]): row["calls"] for row in truth["calls"]}) == +said
    assert [row["complete"] for row in truth["calls"] if row["source"] == APPLICATION] == [
        True,
        True,
        False,
    ]
    ended: Counter[tuple[str, str]] = Counter()
    for row in truth["deliveries"]:
        ended[row["destination_id"], row["day"]] = (
            row["delivered"] + row["failed"] + row["filtered"]
        )
    calls = {(row["source_id"], row["day"]): row["calls"] for row in truth["calls"]}
    fed = {row["destination_id"]: row["source_id"] for row in truth["deliveries"]}
    for (destination, day), count in ended.items():
        if day < "2026-11-19":
            assert count == calls[fed[destination], day]


def test_it_shows_a_page_without_scripts(world: World) -> None:
    world.http.post("/_demo/faults", json={"path_prefix": "/<script>", "kind": "500"})
    page = world.http.get("/_demo")
    assert "Switch on L1" in page.text
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "light dark" in world.http.get("/_demo/style.css").text


def test_it_is_switched_by_a_plain_form(world: World) -> None:
    reply = world.http.post("/_demo/leaks/L2", data={"on": "1"})
    assert (reply.status_code, reply.headers["Location"]) == (303, "/_demo")
    assert "on since 2026-11-18 12:05 UTC" in world.http.get("/_demo").text


def test_it_lets_no_other_site_switch(world: World) -> None:
    reply = world.http.post(
        "/_demo/leaks/L2", data={"on": "1"}, headers={"Sec-Fetch-Site": "same-site"}
    )
    assert reply.status_code == 403


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"path_prefix": "/", "kind": "explode"}, "kind"),
        ({"path_prefix": "usage", "kind": "500"}, "path_prefix"),
        ({"path_prefix": "/", "kind": "slow", "seconds": "nan"}, "seconds"),
        ({"path_prefix": "/", "kind": "slow", "times": "-1"}, "times"),
    ],
)
def test_it_refuses_a_fault_it_does_not_know(
    world: World, fields: dict[str, str], field: str
) -> None:
    reply = world.http.post("/_demo/faults", json=fields)
    assert (reply.status_code, reply.json()["errors"][0]["field"]) == (422, field)


def fault(world: World, kind: str, **more: Any) -> None:
    path = more.pop("path_prefix", "/labels")
    reply = world.http.post("/_demo/faults", json={"path_prefix": path, "kind": kind, **more})
    assert reply.status_code == 200


@pytest.mark.parametrize("kind", ["401", "403", "429", "500", "503"])
def test_it_answers_with_the_status_it_was_told(world: World, kind: str) -> None:
    fault(world, kind, times=2, seconds=7)
    assert world.http.get("/sources").status_code == 200
    replies = [world.http.get("/labels") for _ in range(3)]
    assert [reply.status_code for reply in replies] == [int(kind), int(kind), 200]
    assert replies[0].json()["errors"][0]["message"]
    assert replies[0].headers.get("Retry-After") == ("7" if kind == "429" else None)


def test_it_answers_with_a_page_or_nothing(world: World) -> None:
    fault(world, "html")
    fault(world, "empty")
    page, nothing = world.http.get("/labels"), world.http.get("/labels")
    assert page.headers["Content-Type"].startswith("text/html")
    assert (nothing.status_code, nothing.content) == (200, b"")


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("reset", httpx.ReadError),
        ("truncate", httpx.RemoteProtocolError),
        ("hang", httpx.RemoteProtocolError),
    ],
)
def test_it_breaks_the_connection(
    world: World, kind: str, error: type[httpx.TransportError]
) -> None:
    fault(world, kind, seconds=0.05)
    with pytest.raises(error):
        world.http.get("/labels")
    assert world.http.get("/labels").status_code == 200


@pytest.mark.parametrize("kind", ["slow", "drip"])
def test_it_takes_its_time_but_answers(world: World, kind: str) -> None:
    whole = world.data("/labels")
    fault(world, kind, seconds=0.3)
    with pytest.raises(httpx.ReadTimeout):
        world.http.get("/labels", timeout=0.01)
    fault(world, kind, seconds=0.1)
    assert world.data("/labels") == whole


def test_it_forgets_faults_when_told(world: World) -> None:
    fault(world, "500", times=5)
    world.http.delete("/_demo/faults")
    assert world.http.get("/labels").status_code == 200
    fault(world, "500", times=5)
    world.http.post("/_demo/faults/clear")
    assert world.http.get("/labels").status_code == 200


def test_it_stops_at_once_though_a_request_hangs() -> None:
    before = set(threading.enumerate())
    with running(clock=Clock()) as url, client(url) as http:
        fault(World(url, http), "hang", seconds=600)
        with pytest.raises(httpx.ReadTimeout):
            http.get("/labels", timeout=0.05)
    left = set(threading.enumerate()) - before
    for thread in left:
        thread.join(timeout=5)
    assert not [thread for thread in left if thread.is_alive()]
