"""What the demo answers beyond the counts of calls: syncs, audit events, settings, users."""

from __future__ import annotations

from typing import Any

import pytest

from cdpwatch.demo import world as there
from cdpwatch.demo.limits import Limits
from cdpwatch.demo.web import Refused
from tests.demo.conftest import APPLICATION, BACKEND, NOW, World

SYNCS = f"/warehouses/{there.WAREHOUSE_ID}/syncs"


def reports(world: World, path: str = SYNCS) -> list[dict[str, Any]]:
    return list(world.data(path, pagination__count=1000)["reports"])


def test_it_loads_every_source_each_hour(world: World) -> None:
    found = reports(world)
    by_source = {row["sourceId"]: 0 for row in found}
    assert by_source.keys() == {source.id for source in there.WAREHOUSE_SOURCES}
    for row in found:
        by_source[row["sourceId"]] += 1
    assert set(by_source.values()) <= {72, 73}  # the run of this hour is on or still to come
    starts = [row["start"] for row in found]
    assert starts == sorted(starts, reverse=True)


def test_it_loads_the_calls_of_the_hour_before_as_rows(world: World) -> None:
    source = world.source_id(APPLICATION)
    path = f"/warehouses/{there.WAREHOUSE_ID}/connected-sources/{source}/syncs"
    run = next(row for row in reports(world, path) if row["start"] < "2026-11-18T11:00")
    calls = world.volume(
        "HOUR",
        "2026-11-18T09:00:00Z",
        "2026-11-18T10:00:00Z",
        **{"sourceId.0": source, "groupBy.0": "eventType"},
    )
    weights = {"track": 2, "identify": 2, "group": 1}
    assert run["count"] == sum(weights[row["eventType"]] * row["total"] for row in calls)


def test_it_shows_a_run_that_is_still_on_and_says_why_one_was_partial(world: World) -> None:
    world.clock.now = NOW.replace(minute=59)
    runs = reports(world)
    assert {row["status"] for row in runs} == {"SUCCESS", "PARTIAL"}
    assert all(row["notices"] for row in runs if row["status"] == "PARTIAL")
    first = min(row["start"] for row in runs if row["start"] > "2026-11-18T12:00")
    world.clock.now = NOW.replace(minute=int(first[14:16]), second=1)
    (running,) = [row for row in reports(world) if row["end"] is None]
    assert (running["start"], running["status"]) == (first, "STARTED")


def test_it_takes_two_requests_a_minute_for_all_warehouses_together() -> None:
    limits = Limits(monotonic=lambda: 0.0)
    for _ in range(2):
        limits.spend("/warehouses/one/syncs", NOW)
    with pytest.raises(Refused) as refused:
        limits.spend("/warehouses/two/syncs", NOW)
    assert refused.value.status == 429
    limits.spend("/warehouses/one/connected-sources/a/syncs", NOW)
    limits.spend("/warehouses", NOW)


def events(world: World, **params: str) -> list[dict[str, Any]]:
    return list(world.data("/audit-events", **params)["events"])


def test_it_tells_what_was_done_in_the_last_ninety_days(world: World) -> None:
    found = events(world)
    assert 10 < len(found) < 90
    assert found[-1]["timestamp"] > "2026-08-20"
    november = events(world, startTime="2026-11-01", endTime="2026-11-18")
    assert november == [row for row in found if "2026-11-01" <= row["timestamp"] < "2026-11-18"]
    assert {row["resourceType"] for row in events(world, resourceType="source")} == {"source"}


def test_it_tells_of_a_change_shortly_before_a_leak(world: World) -> None:
    world.http.post("/_demo/leaks/L2", json={"on": "1"}).raise_for_status()
    where = {"startTime": "2026-11-18", "resourceId": world.source_id(APPLICATION)}
    changes = [(row["type"], row["timestamp"][11:16]) for row in events(world, **where)]
    assert ("Source Modified", "11:40") in changes


def test_it_blocks_and_forwards_what_breaks_a_schema(world: World) -> None:
    anna = world.source_id("Segment test (Anna)")
    where = {"startTime": "2026-11-16", "endTime": "2026-11-18", "granularity": "DAY"}
    for name, blocks in ((BACKEND, False), ("Staging - Application", True)):
        source = world.source_id(name)
        settings = world.data(f"/sources/{source}/settings")["settings"]
        assert settings["track"]["allowEventOnViolations"] is not blocks
        assert settings.get("forwardingViolationsTo") == (anna if blocks else None)
        path = "/delivery-overview/filtered-at-source"
        rows = world.data(path, sourceId=source, groupBy="discardReason", **where)["dataset"]
        assert [row["discardReason"] for row in rows] == ["schema_violation"] * blocks
        received, blocked = (
            world.data(f"/delivery-overview/{step}", sourceId=source, **where)["total"]
            for step in ("successfully-received", "filtered-at-source")
        )
        [volume] = world.volume("DAY", "2026-11-16", "2026-11-18", **{"sourceId.0": source})
        assert received - blocked == volume["total"]


def test_it_divides_the_users_of_the_workspace_among_its_sources(world: World) -> None:
    whole = world.data("/usage/mtu/daily", period="2026-11-01")["dailyWorkspaceMTUUsage"]
    parts = world.data("/usage/mtu/sources/daily", period="2026-11-01", pagination__count=1000)[
        "dailyPerSourceMTUUsage"
    ]
    first = [row for row in parts if row["timestamp"] == whole[0]["timestamp"]]
    assert len(first) == len(there.SOURCES)
    total = sum(int(row["identified"]) for row in first)
    assert abs(total - int(whole[0]["identified"])) <= len(first)


@pytest.mark.parametrize(
    "path",
    [
        "/warehouses/unknown/syncs",
        f"/warehouses/{there.WAREHOUSE_ID}/connected-sources/unknown/syncs",
        "/sources/unknown/settings",
    ],
)
def test_it_knows_nothing_of_what_is_not_there(world: World, path: str) -> None:
    assert world.error(path) == (404, "")
