"""Usage, volume and delivery: that all of them tell the same numbers."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from cdpwatch.demo.server import running
from tests.demo.conftest import APPLICATION, BACKEND, PLENTY, Clock, World, client

STEPS = ("successful-delivery", "failed-delivery", "filtered-at-destination")

GROUPS = {"groupBy.0": "source", "groupBy.1": "eventType", "groupBy.2": "eventName"}
Counts = Counter[tuple[str, ...]]


def by_bucket(rows: list[dict[str, Any]], length: int) -> Counts:
    """Calls by series and the first `length` characters of the bucket's time."""
    counts: Counts = Counter()
    for row in rows:
        name = (row["source"]["id"], row["eventType"], row.get("eventName", ""))
        for point in row["series"]:
            counts[*name, point["time"][:length]] += point["count"]
    return +counts


def test_it_gives_usage_as_running_totals_of_the_volume(world: World) -> None:
    usage = world.data("/usage/api-calls/daily", period="2026-11-01")
    totals = [int(row["apiCalls"]) for row in usage["dailyWorkspaceAPICallsUsage"]]
    [volume] = world.volume("DAY", "2026-11-01", "2026-11-18")
    running_total, expected = 0, []
    for point in volume["series"]:
        running_total += point["count"]
        expected.append(running_total)
    assert totals == expected
    assert len(totals) == 17


def test_it_gives_usage_per_source_that_adds_up_to_the_workspace(world: World) -> None:
    rows = world.data("/usage/api-calls/sources/daily", period="2026-10-01", pagination__count=1000)
    sums: Counter[str] = Counter()
    for row in rows["dailyPerSourceAPICallsUsage"]:
        assert isinstance(row["apiCalls"], str)
        sums[row["timestamp"]] += int(row["apiCalls"])
    whole = world.data("/usage/api-calls/daily", period="2026-10-17")
    assert sums == {
        row["timestamp"]: int(row["apiCalls"]) for row in whole["dailyWorkspaceAPICallsUsage"]
    }
    assert "2026-10-31T00:00:00.000Z" in sums


@pytest.mark.parametrize(("minutes", "days"), [(734, 18), (733, 17)])
def test_it_settles_a_day_twenty_minutes_after_midnight(
    world: World, minutes: int, days: int
) -> None:
    world.clock.forward(minutes=minutes, seconds=30)  # from 12:05:30
    usage = world.data("/usage/api-calls/daily", period="2026-11-01")
    assert len(usage["dailyWorkspaceAPICallsUsage"]) == days


@pytest.mark.parametrize("period", ["2026-12-01", "2025-09-01", "2019-02-01"])
def test_it_has_no_usage_out_of_reach(world: World, period: str) -> None:
    assert world.data("/usage/api-calls/daily", period=period)["dailyWorkspaceAPICallsUsage"] == []


def test_it_has_thirteen_months_of_history(world: World) -> None:
    usage = world.data("/usage/api-calls/daily", period="2025-10-01")
    assert len(usage["dailyWorkspaceAPICallsUsage"]) == 31


def test_it_bills_near_the_contract_in_a_month_without_leaks(world: World) -> None:
    usage = world.data("/usage/api-calls/daily", period="2026-10-01")
    month = int(usage["dailyWorkspaceAPICallsUsage"][-1]["apiCalls"])
    assert 36_000_000 < month * 30 / 31 < 37_600_000


def test_it_counts_users_with_the_bounds_of_the_month(world: World) -> None:
    first = world.data("/usage/mtu/daily", period="2026-11-01")["dailyWorkspaceMTUUsage"][0]
    assert (first["periodStart"], first["periodEnd"]) == (1793491200, 1796083200)
    assert first["identified"].isdigit()


def test_it_adds_minutes_up_to_hours_and_hours_to_days(world: World) -> None:
    day = ("2026-11-17T00:00:00Z", "2026-11-18T00:00:00Z")
    minutes = world.volume("MINUTE", *day, **GROUPS)
    hours = world.volume("hour", *day, **GROUPS)
    days = world.volume("DAY", *day, **GROUPS)
    assert by_bucket(minutes, 13) == by_bucket(hours, 13)
    assert by_bucket(hours, 10) == by_bucket(days, 10)
    assert len(minutes[0]["series"]) == 1440


def test_it_orders_series_by_total_and_names_their_source(world: World) -> None:
    rows = world.volume("DAY", "2026-11-17", "2026-11-18", **GROUPS)
    totals = [row["total"] for row in rows]
    assert totals == sorted(totals, reverse=True)
    assert rows[0]["source"] == {
        "id": world.source_id(APPLICATION),
        "name": APPLICATION,
        "slug": "prod-application",
    }
    assert not [row for row in rows if row["eventType"] == "page"]


def test_it_filters_volume_by_source_and_event(world: World) -> None:
    wanted = {"sourceId.0": world.source_id(BACKEND), "eventName.0": "invoice_paid"}
    [row] = world.volume("DAY", "2026-11-17", "2026-11-18", **wanted, **{"groupBy": "eventName"})
    assert (row["eventName"], list(row)[-2:]) == ("invoice_paid", ["total", "series"])


def test_it_shows_volume_of_every_minute_that_is_over(world: World) -> None:
    [row] = world.volume("MINUTE", "2026-11-18T12:00:00Z", "2026-11-18T13:00:00Z")
    assert row["series"][-1]["time"] == "2026-11-18T12:04:00Z"
    [hour] = world.volume("HOUR", "2026-11-18T12:00:00Z", "2026-11-18T13:00:00Z")
    assert hour["total"] == row["total"]


def test_it_refuses_a_year_of_minutes(world: World) -> None:
    window = {"granularity": "MINUTE", "startTime": "2025-11-01", "endTime": "2026-11-01"}
    assert world.error("/events/volume", **window) == (422, "startTime")


def test_it_tells_two_askers_the_same() -> None:
    answers = []
    for _ in range(2):
        with running(clock=Clock(), per_minute=PLENTY) as url, client(url) as http:
            world = World(url, http)
            answers.append(
                (
                    world.data("/sources"),
                    world.volume("HOUR", "2026-11-16", "2026-11-18", **GROUPS),
                )
            )
    assert answers[0] == answers[1]


def delivery(world: World, step: str, destination: dict[str, Any], **params: Any) -> dict[str, Any]:
    where = {"startTime": "2026-11-16", "endTime": "2026-11-18", "granularity": "DAY", **params}
    ids = {"sourceId": destination["sourceId"], "destinationConfigId": destination["id"]}
    return world.data(f"/delivery-overview/{step}", **ids, **where)


def test_it_accounts_for_every_call_at_every_destination(world: World) -> None:
    for row in world.data("/destinations")["destinations"]:
        ended = sum(delivery(world, step, row)["total"] for step in STEPS)
        seen = row["metadata"]["supportedFeatures"]["deviceModeInstances"] == "NONE"
        assert ended == (delivery(world, "successfully-received", row)["total"] if seen else 0)


def test_it_knows_nothing_of_what_the_browser_sends_past_it(world: World) -> None:
    rows = world.data("/destinations")["destinations"]
    [row] = [each for each in rows if each["metadata"]["slug"] == "actions-hubspot-web"]
    assert [delivery(world, step, row)["dataset"] for step in STEPS] == [[], [], []]


@pytest.mark.parametrize("step", ["successful-delivery", "failed-delivery"])
def test_it_delivers_the_same_by_hour_as_by_day(world: World, step: str) -> None:
    for row in world.data("/destinations")["destinations"]:
        hours = delivery(world, step, row, granularity="HOUR")["total"]
        assert hours == delivery(world, step, row)["total"]


def test_it_never_shows_fewer_than_no_deliveries(world: World) -> None:
    window = {"startTime": "2026-11-18T08:00Z", "endTime": "2026-11-18T12:00Z"}
    for row in world.data("/destinations")["destinations"]:
        answer = delivery(world, "successful-delivery", row, granularity="MINUTE", **window)
        counts = [point["count"] for part in answer["dataset"] for point in part["series"]]
        assert not [count for count in counts if count < 0]


def named(world: World, name: str) -> dict[str, Any]:
    rows = world.data("/destinations")["destinations"]
    return next(dict(row) for row in rows if row["name"] == name)


def test_it_gives_reasons_for_what_fails(world: World) -> None:
    answer = delivery(
        world, "failed-delivery", named(world, "Prod - HubSpot"), groupBy="discardReason"
    )
    assert {row["discardReason"] for row in answer["dataset"]} == {"BAD_REQUEST", "429"}


def test_it_tells_retried_deliveries_from_the_first_attempt(world: World) -> None:
    hubspot = named(world, "Prod - HubSpot")
    [whole] = delivery(world, "successful-delivery", hubspot)["dataset"]
    retried = delivery(
        world,
        "successful-delivery",
        hubspot,
        filter__discardReason="successes.attempt.2",
    )["total"]
    assert 0 < whole["totalRetryCount"] == retried < whole["total"]


def test_it_rejects_some_calls_at_ingest_that_are_never_billed(world: World) -> None:
    source = {"sourceId": world.source_id(APPLICATION)}
    window = {"startTime": "2026-11-17", "endTime": "2026-11-18", "granularity": "DAY"}
    rejected = world.data("/delivery-overview/failed-on-ingest", **source, **window)
    received = world.data("/delivery-overview/successfully-received", **source, **window)
    [volume] = world.volume("DAY", "2026-11-17", "2026-11-18", **source)
    assert rejected["total"] > 0
    assert received["total"] == volume["total"]
    assert world.data("/delivery-overview/filtered-at-source", **source, **window)["dataset"] == []


@pytest.mark.parametrize(
    ("granularity", "start", "end"),
    [
        ("MINUTE", "2026-11-18T06:00Z", "2026-11-18T10:01Z"),
        ("MINUTE", "2026-11-16T12:05Z", "2026-11-16T13:00Z"),
        ("HOUR", "2026-11-01", "2026-11-16"),
        ("HOUR", "2026-10-19T12:05Z", "2026-10-20"),
        ("DAY", "2026-10-19", "2026-11-18T00:01Z"),
    ],
)
def test_it_keeps_to_the_windows_of_delivery_overview(
    world: World, granularity: str, start: str, end: str
) -> None:
    source = world.source_id(APPLICATION)
    params = {"granularity": granularity, "startTime": start, "endTime": end, "sourceId": source}
    assert world.error("/delivery-overview/successfully-received", **params)[0] == 422


def test_it_wants_a_destination_that_the_source_feeds(world: World) -> None:
    hubspot = named(world, "Prod - HubSpot")
    params = {
        "granularity": "DAY",
        "startTime": "2026-11-16",
        "endTime": "2026-11-18",
        "destinationConfigId": hubspot["id"],
        "sourceId": world.source_id(APPLICATION),
    }
    assert world.error("/delivery-overview/failed-delivery", **params)[0] == 404
    del params["destinationConfigId"]
    field = world.error("/delivery-overview/failed-delivery", **params)
    assert field == (422, "destinationConfigId")
