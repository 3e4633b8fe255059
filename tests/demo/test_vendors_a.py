"""Amplitude, Census and Customer.io of the demo: how their numbers lie beside Segment's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest

from cdpwatch.counters import COUNTERS, CountRow, Kind
from cdpwatch.http import JsonApi, Unauthorized, vendor
from cdpwatch.readings import Window
from tests.demo.conftest import NOW, World
from tests.factories import at

KEYS = ("amplitude", "amplitude_cohorts", "census", "customerio", "customerio_activities")
WEEK = Window(at(9), at(16))  # Monday to Sunday
Connect = Callable[..., tuple[JsonApi, dict[str, str]]]


@pytest.fixture
def connect(world: World) -> Iterator[Connect]:
    """A counter's client and keys, as the demo says to connect it."""
    environment = world.http.get("/vendors").json()
    with ExitStack() as stack:

        def connected(name: str, **other: str) -> tuple[JsonApi, dict[str, str]]:
            counter = COUNTERS[name]
            keys = {key.name: environment.get(key.variable, "") for key in counter.keys} | other
            url, headers = environment[counter.url_variable], counter.headers(keys)
            api = vendor(url, headers, peer=name, allow_loopback=True, attempts=1)
            return stack.enter_context(api), keys

        yield connected


@pytest.fixture
def count(connect: Connect) -> Callable[..., list[CountRow]]:
    def rows(name: str, window: Window = WEEK, **other: str) -> list[CountRow]:
        api, keys = connect(name, **other)
        return list(COUNTERS[name].fetch(api, keys, window))

    return rows


def delivered(world: World, name: str, window: Window = WEEK, grain: str = "DAY") -> Counter[str]:
    """Segment's deliveries to every destination of that name, by call type."""
    sums: Counter[str] = Counter()
    span = {"startTime": window.start.isoformat(), "endTime": window.end.isoformat()}
    for row in world.data("/destinations")["destinations"]:
        if row["name"].endswith(name):
            ids = {"sourceId": row["sourceId"], "destinationConfigId": row["id"]}
            asked = {"granularity": grain, "groupBy.0": "eventType", **ids, **span}
            answer = world.data("/delivery-overview/successful-delivery", **asked)
            for part in answer["dataset"]:
                sums[part["eventType"]] += part["total"]
    return sums


def received(world: World, name: str, group: str) -> Counter[str]:
    """Segment's calls of a source in the week, by `eventType` or `eventName`."""
    source = {"sourceId.0": world.source_id(name), "groupBy.0": group}
    rows = world.volume("DAY", WEEK.start.isoformat(), WEEK.end.isoformat(), **source)
    return Counter({row[group]: row["total"] for row in rows})


def share(vendors: int, segments: int) -> float:
    return vendors / segments - 1


# --- Amplitude --------------------------------------------------------------------------------
def test_amplitude_says_about_one_per_cent_less_of_the_events(world: World, count: Any) -> None:
    segment = delivered(world, "Amplitude")
    vendors = sum(row.count for row in count("amplitude"))
    assert share(vendors, segment["track"] + segment["page"]) == pytest.approx(-0.01, abs=0.003)


def test_amplitude_keeps_no_identify_call_as_an_event(world: World, count: Any) -> None:
    segment = delivered(world, "Amplitude")
    vendors = sum(row.count for row in count("amplitude"))
    assert share(vendors, sum(segment.values())) < -0.10


def test_amplitude_counts_a_day_of_utc_alike_by_days_and_by_hours(count: Any) -> None:
    day = Window(at(12), at(13))
    [whole], [hours] = count("amplitude", day), count("amplitude", day, time_zone="Etc/GMT")
    assert hours.count == pytest.approx(whole.count, abs=24 * 100)  # rounded in each hour
    assert whole.count > 900_000


def test_amplitude_has_no_events_of_hours_that_are_to_come(count: Any) -> None:
    [today] = count("amplitude", Window(at(18), NOW))
    [yesterday] = count("amplitude", Window(at(17), at(18)))
    assert 0.3 < today.count / yesterday.count < 0.5


def test_a_cohort_grows_by_less_than_segment_was_sent(world: World, count: Any) -> None:
    def members() -> dict[str, int]:
        window = Window(world.clock() - timedelta(hours=1), world.clock())
        rows = count("amplitude_cohorts", window)
        return {row.event: row.count for row in rows if row.dims["state"] == "members"}

    before = members()
    world.clock.forward(hours=1)
    grown = sum(members().values()) - sum(before.values())
    span = (NOW.isoformat(), world.clock().isoformat())
    source = {"sourceId.0": world.source_id("Prod - Amplitude Cohort")}
    [sent] = world.volume("MINUTE", *span, **source)
    assert 0 < grown < sent["total"]


# --- Census -----------------------------------------------------------------------------------
def test_census_says_a_little_more_than_segment_counts_of_repeated_keys(
    world: World, count: Any
) -> None:
    sent: Counter[str] = Counter()
    for row in count("census"):
        if row.grain == "day" and row.kind == Kind.EMITTED:
            sent[row.call_type] += row.count
    segment = received(world, "Prod - Census", "eventType")
    gaps = {kind: share(sent[kind], segment[kind]) for kind in segment}
    assert gaps["identify"] == gaps["group"] == 0
    assert gaps["track"] == pytest.approx(0.003, abs=0.001)


@pytest.mark.parametrize("version", ["1", "2"])
def test_census_tells_the_same_by_both_versions(count: Any, version: str) -> None:
    assert count("census", api_version=version) == count("census")


def test_census_has_no_numbers_of_a_run_that_goes_on(
    world: World, connect: Connect, count: Any
) -> None:
    world.clock.now = at(18, 12, 11)
    api, _ = connect("census")
    newest = api.get("/api/v2/syncs/511/sync_runs")["data"][0]
    assert (newest["status"], newest["records_updated"]) == ("working", 0)
    ended = [row.bucket.hour for row in count("census", Window(at(18), at(18, 12, 11)))]
    assert set(ended) == {0, 6}  # the day's row, and the run of six o'clock


# --- Customer.io ------------------------------------------------------------------------------
def test_customerio_counts_mail_as_segment_does_and_fewer_opens(world: World, count: Any) -> None:
    sums: Counter[str] = Counter()
    for row in count("customerio"):
        sums[row.event] += row.count
    segment = received(world, "Prod - Customer.io", "eventName")
    gaps = {event: share(sums[event], segment[event]) for event in segment}
    assert gaps["Email Delivered"] == pytest.approx(0, abs=0.02)
    assert gaps["Email Opened"] == pytest.approx(-0.04, abs=0.02)


def test_customerio_sends_a_newsletter_on_tuesday_and_thursday(count: Any) -> None:
    rows = [row for row in count("customerio") if row.dims["of"] == "newsletters" and row.count]
    assert {row.bucket.strftime("%a") for row in rows} == {"Tue", "Thu"}


def test_customerio_answers_in_days_of_its_own_without_version_2(connect: Connect) -> None:
    api, _ = connect("customerio")
    answer = api.get("/v1/campaigns/1/metrics", {"period": "days", "steps": "2"})
    assert len(answer["metric"]["series"]["delivered"]) == 45


def test_customerio_took_in_no_more_events_than_segment_delivered(world: World, count: Any) -> None:
    window = Window(at(18, 11), at(18, 12))
    [row] = count("customerio_activities", window)
    assert 0 < row.count <= delivered(world, "Customer.io", window, "HOUR")["track"]


# --- all of them ------------------------------------------------------------------------------
@pytest.mark.parametrize("name", KEYS)
def test_they_can_be_connected_and_tell_the_same_twice(
    connect: Connect, count: Any, name: str
) -> None:
    api, keys = connect(name)
    assert " answers: " in COUNTERS[name].check(api, keys)
    window = Window(NOW - COUNTERS[name].caps.reread, NOW)
    rows = count(name, window)
    assert rows
    assert count(name, window) == rows
    assert api.rejections == []


@pytest.mark.parametrize("name", KEYS)
def test_they_refuse_a_wrong_key(connect: Connect, name: str) -> None:
    api, keys = connect(name, api_key="another")
    with pytest.raises(Unauthorized, match="refused the key"):
        COUNTERS[name].check(api, keys)


def test_they_answer_with_the_date_of_the_demos_clock(world: World) -> None:
    assert world.http.get("/vendors").headers["date"] == "Wed, 18 Nov 2026 12:05:30 GMT"
