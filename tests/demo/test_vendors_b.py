"""The demo's vendors against the demo's Segment: how far their numbers are apart, and why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from cdpwatch.counters import COUNTERS, CountRow, Kind
from cdpwatch.http import JsonApi, Unauthorized, vendor
from cdpwatch.readings import Window
from tests.demo.conftest import NOW, World

DAY = timedelta(days=1)
TODAY = datetime(NOW.year, NOW.month, NOW.day, tzinfo=UTC)
WEEK = Window(TODAY - 7 * DAY, TODAY)
OURS = ("refiner", "livestorm", "cloud_functions", "hubspot", "helpscout")


def environment(world: World) -> dict[str, str]:
    return dict(world.http.get("/vendors").json())


@contextmanager
def asking(world: World, key: str, **other: str) -> Iterator[tuple[JsonApi, dict[str, str]]]:
    counter, env = COUNTERS[key], environment(world)
    keys = {each.name: env[each.variable] for each in counter.keys if each.variable in env}
    keys |= other
    url, headers = env[counter.url_variable], counter.headers(keys)
    with vendor(url, headers, peer=key, allow_loopback=True, attempts=1) as api:
        yield api, keys


def fetch(world: World, key: str, window: Window = WEEK, **other: str) -> list[CountRow]:
    with asking(world, key, **other) as (api, keys):
        rows = list(COUNTERS[key].fetch(api, keys, window))
        assert api.rejections == []
    return rows


def by_day(rows: list[CountRow], kind: Kind, name: str) -> dict[datetime, int]:
    """Calls by UTC day of the rows with that call type or event."""
    days: dict[datetime, int] = {}
    for row in rows:
        if row.kind is kind and name in (row.call_type, row.event):
            day = row.bucket.replace(hour=0, minute=0)
            days[day] = days.get(day, 0) + row.count
    return days


def received(world: World, name: str, group: str) -> dict[tuple[str, datetime], int]:
    """What Segment got from a source, by call type or event name and day."""
    rows = world.volume(
        "DAY",
        WEEK.start.isoformat(),
        WEEK.end.isoformat(),
        sourceId=world.source_id(name),
        groupBy=group,
    )
    return {
        (row[group], datetime.fromisoformat(point["time"])): point["count"]
        for row in rows
        for point in row["series"]
    }


def delivered(world: World, kind: str, call_type: str) -> dict[datetime, int]:
    """What Segment delivered to the destinations of one name, by day."""
    days: dict[datetime, int] = {}
    for row in world.data("/destinations", pagination__count=1000)["destinations"]:
        if row["metadata"]["slug"] != kind:
            continue
        found = world.data(
            "/delivery-overview/successful-delivery",
            sourceId=row["sourceId"],
            destinationConfigId=row["id"],
            startTime=WEEK.start.isoformat(),
            endTime=WEEK.end.isoformat(),
            granularity="DAY",
            **{"filter.eventType": call_type},
        )
        for point in found["dataset"][0]["series"] if found["dataset"] else ():
            day = datetime.fromisoformat(point["time"])
            days[day] = days.get(day, 0) + point["count"]
    return days


@pytest.mark.parametrize("key", OURS)
def test_it_lets_in_who_has_the_keys_of_the_demo(world: World, key: str) -> None:
    with asking(world, key) as (api, keys):
        assert "answers" in COUNTERS[key].check(api, keys)


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("refiner", {"api_key": "wrong"}),
        ("livestorm", {"token": "Bearer demo-livestorm"}),
        ("hubspot", {"token": "wrong"}),
        ("helpscout", {"app_secret": "wrong"}),
        ("helpscout", {"refresh_token": "wrong"}),
    ],
)
def test_it_turns_away_who_has_others(world: World, key: str, wrong: dict[str, str]) -> None:
    with asking(world, key, **wrong) as (api, keys), pytest.raises(Unauthorized):
        COUNTERS[key].check(api, keys)


def test_it_turns_away_a_token_that_its_own_key_did_not_sign(world: World) -> None:
    root = environment(world)["GOOGLE_MONITORING_API_URL"]
    with asking(world, "cloud_functions") as (_, keys):
        token = COUNTERS["cloud_functions"].headers(keys)["Authorization"]
    for sent in ("Bearer a.b.c", token[:-8] + "AAAAAAAA", ""):
        headers = {"Authorization": sent}
        reply = world.http.get(f"{root}/v3/projects/demo-project/timeSeries", headers=headers)
        assert reply.status_code == 401


def test_it_counts_responses_completed_after_midnight_on_the_next_day(world: World) -> None:
    segment = {
        day: calls
        for (call_type, day), calls in received(world, "Prod - Refiner", "eventType").items()
        if call_type == "identify"
    }
    refiner = by_day(fetch(world, "refiner"), Kind.EMITTED, "identify")
    gaps = [refiner[day] - segment[day] for day in segment]
    assert len(gaps) == 7
    assert any(gaps)
    assert all(abs(gap) <= 3 for gap in gaps)
    assert abs(sum(gaps)) <= 3  # none is lost: a day gives to the next


def test_it_counts_our_own_two_people_in_each_webinar(world: World) -> None:
    segment = received(world, "Prod - Livestorm", "eventName")
    rows = fetch(world, "livestorm")
    attended = by_day(rows, Kind.EMITTED, "Webinar Attended")
    missed = by_day(rows, Kind.EMITTED, "Webinar Missed")
    assert len(attended) == 2
    for day in attended:
        assert attended[day] - segment["Webinar Attended", day] == 2
        assert missed[day] == segment["Webinar Missed", day]


def test_it_takes_the_registrations_of_a_week_for_its_sessions(world: World) -> None:
    monday = TODAY - (TODAY.weekday() + 7) * DAY
    rows = fetch(world, "livestorm", Window(monday, monday + 7 * DAY))
    registered = sum(by_day(rows, Kind.EMITTED, "Webinar Registered").values())
    found = world.volume(
        "DAY",
        monday.isoformat(),
        (monday + 7 * DAY).isoformat(),
        sourceId=world.source_id("Prod - Livestorm"),
        eventName="Webinar Registered",
    )
    assert registered - sum(row["total"] for row in found) == 4  # two in each of two webinars


@pytest.mark.parametrize("generation", ["1", "2"])
def test_it_counts_more_executions_than_deliveries(world: World, generation: str) -> None:
    rows = fetch(world, "cloud_functions", generation=generation)
    executions = by_day(rows, Kind.RECEIVED, "*")
    segment = delivered(world, "actions-webhook", "track")
    for day, calls in segment.items():
        assert 0.01 < executions[day] / calls - 1 < 0.05
    failed = by_day(rows, Kind.FAILED, "*")
    assert 0 < sum(failed.values()) < sum(segment.values()) / 100


@pytest.mark.parametrize(
    ("key", "slug", "name"),
    [
        ("hubspot", "actions-hubspot-cloud", "contacts changed"),
        ("helpscout", "help-scout", "customers changed"),
    ],
)
def test_it_changes_fewer_people_than_calls_were_delivered(
    world: World, key: str, slug: str, name: str
) -> None:
    changed = by_day(fetch(world, key), Kind.RECEIVED, name)
    segment = delivered(world, slug, "identify")
    assert len(changed) >= 6  # Help Scout's last day is not over
    assert all(0 < count < segment[day] for day, count in changed.items())


def test_it_replaces_a_refresh_token_at_each_use(world: World) -> None:
    kept: list[str] = []
    for refresh in ("demo-refresh-1", "demo-refresh-2"):
        with asking(world, "helpscout", refresh_token=refresh) as (api, keys):
            api.rotated = lambda name, value: kept.append(value)
            COUNTERS["helpscout"].check(api, keys)
    assert kept == ["demo-refresh-2", "demo-refresh-3"]
    with (
        asking(world, "helpscout", refresh_token="demo-refresh-1") as (api, keys),
        pytest.raises(Unauthorized, match="each works once"),
    ):
        COUNTERS["helpscout"].check(api, keys)


@pytest.mark.parametrize("key", OURS)
def test_it_says_the_same_twice(world: World, key: str) -> None:
    assert fetch(world, key) == fetch(world, key)
