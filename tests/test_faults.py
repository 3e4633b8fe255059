"""Every fault of the demo workspace: a sentence, nothing half-written, healed by the next poll."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from django.db import transaction
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from cdpwatch import counting, watch
from cdpwatch.demo.faults import KINDS
from cdpwatch.demo.server import running
from cdpwatch.http import ApiError, BadPayload, RateLimited, segment
from cdpwatch.models import (
    Connection,
    DeliveryDay,
    Link,
    PollerState,
    PollRun,
    SourceDay,
    VolumeDay,
    VolumeHour,
    VolumeMinute,
    Workspace,
    WorkspaceDay,
)
from cdpwatch.readings import NotRecorded
from cdpwatch.timetable import POLLERS
from tests.conftest import DemoWorkspace
from tests.factories import NOW, make_workspace

pytestmark = pytest.mark.usefixtures("no_waiting")
PLENTY = {"": 100_000, "/events/volume": 100_000}
HOUR = timedelta(hours=1)
PATHS = {
    "catalog": "/sources",
    "usage": "/usage",
    "volume": "/events/volume",
    "delivery": "/delivery-overview",
}
TABLES = {
    "catalog": (Connection, Link),
    "usage": (WorkspaceDay, SourceDay),
    "volume": (VolumeDay, VolumeHour, VolumeMinute),
    "delivery": (DeliveryDay,),
}
CLOCKS = {"id", "last_seen"}  # columns that say when, not what
Rows = list[list[tuple[object, ...]]]


@pytest.fixture(scope="module")
def polled(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[DemoWorkspace]:
    """A demo workspace that every poller has read once; each test starts from there."""
    demo = DemoWorkspace(NOW, httpx.Client())
    with (
        running(clock=lambda: demo.now, per_minute=PLENTY) as url,
        httpx.Client(base_url=url, trust_env=False, verify=False) as demo.http,
        django_db_blocker.unblock(),
        transaction.atomic(),
    ):
        workspace = make_workspace()
        for name in ("volume", "delivery"):  # not new to the world, so that they read little
            PollerState.objects.create(workspace=workspace, poller=name, last_good=NOW - HOUR)
        with override_settings(**pointing_at(url)):
            for name in POLLERS:
                watch.poll(name, workspace, NOW)
        yield demo
        transaction.set_rollback(True)


@pytest.fixture
def demo(polled: DemoWorkspace, db: None) -> Iterator[DemoWorkspace]:
    polled.now = NOW
    with override_settings(**pointing_at(str(polled.http.base_url))):
        yield polled
    polled.http.delete("/_demo/faults").raise_for_status()


def pointing_at(url: str) -> dict[str, Any]:
    return {
        "SEGMENT_API_URL": url.rstrip("/"),
        "SEGMENT_API_TOKEN": "demo-token",
        "ALLOW_LOOPBACK": True,
    }


def workspace() -> Workspace:
    return Workspace.objects.get()


def poll(demo: DemoWorkspace, name: str) -> tuple[PollRun, str]:
    """The poller's next turn, an hour on, and what it said where it failed."""
    said = ""
    try:
        watch.poll(name, workspace(), demo.forward(hours=1))
    except (ApiError, NotRecorded) as error:
        said = str(error)
    return PollRun.objects.filter(poller=name).latest("slot"), said


def rows_of(name: str) -> Rows:
    tables = []
    for table in TABLES[name]:
        columns = [f.attname for f in table._meta.concrete_fields if f.attname not in CLOCKS]
        tables.append(list(table._default_manager.order_by(*columns).values_list(*columns)))
    return tables


# What each fault of the usage answers comes to.
FAILS = {
    "401": r"refused \(401\): the token is wrong, revoked",
    "403": r"refused \(403\): the token is wrong, revoked",
    "403-quota": r"refused \(403\): the token is wrong, revoked",
    "404": r"not found \(404\)",
    "422": r"refused \(422\): The request is not valid",
    "429": r"rate limited \(429\)",
    "429-date": r"rate limited \(429\)",
    "429-body": r"rate limited \(429\)",
    "429-bare": r"rate limited \(429\)",
    "429-day": r"rate limited \(429\)",
    "500": r"failed on the server's side \(500\)",
    "502": r"failed on the server's side \(502\)",
    "503": r"failed on the server's side \(503\)",
    "html": "answered with text/html instead of JSON: a proxy or a sign-in page",
    "html-json": "something that is not JSON",
    "empty": "answered 200 with nothing in it",
    "no-content": "answered 204 with nothing in it",
    "redirect": r"redirect \(302\), which is not followed",
    "error-200": "answered 200 without data: Something went wrong on our side",
    "list": "JSON that is not an object",
    "null-data": "answered 200 without data",
    "bomb": "sent more than 32 MiB",
    "digits": "something that is not JSON",
    "nesting": "something that is not JSON",
    "hang": "broke off its answer",
    "truncate": "broke off its answer",
    "too-short": "something that is not JSON",
    "too-long": "broke off its answer",
    "flood": "sent more than 32 MiB",
    "reset": "broke off its answer",
    "text": "answered with text/plain instead of JSON",
    "hollow": r"is missing\. No row of this list could be taken",
    "emptied": "has no rows at all, though it had some before",
    "renamed-list": "is missing",
    "other-workspace": "This token belongs to the workspace “Somebody else”",
    "endless": "one empty page after another",
    "looping": "the same page cursor twice",
    "shifting": "changed each time while it was read",
    "expiring": "its cursor was refused each time",
}
PARTIAL = {
    "null": "apiCalls is missing.",
    "float": "apiCalls is not a whole number.",
    "negative": "apiCalls is not a whole number.",
    "wrong-type": "apiCalls is not a whole number.",
    "huge": "apiCalls is not a whole number.",
    "exponent": "apiCalls is not a whole number.",
    "underscore": "apiCalls is not a whole number.",
    "spaces": "apiCalls is not a whole number.",
    "full-width": "apiCalls is not a whole number.",
    "missing": "apiCalls is missing.",
    "renamed": "apiCalls is missing.",
    "far-day": "timestamp is outside of the period that was asked for.",
    "not-an-object": "is not an object.",
}
HARMLESS = ("unknown", "doubled", "slow", "drip", "drip-head", "lost-day", "late-day")
HARMLESS += ("hidden-source",)  # what was read of it before stays
TOLD = ("restated", "falling")  # taken as what Segment says now
WAITED_OUT = ("429-zero", "429-negative")


def test_it_knows_what_becomes_of_every_fault() -> None:
    assert {*FAILS, *PARTIAL, *HARMLESS, *TOLD, *WAITED_OUT} == set(KINDS)


def strike(demo: DemoWorkspace, kind: str, path: str) -> None:
    seconds = 60 if kind.startswith("429") else 0.05
    prefix = "/" if kind == "other-workspace" else path
    demo.fault(prefix, kind, times=1000, seconds=seconds)


def check_sentence(said: str) -> None:
    assert said.endswith(".") and said.isprintable() and len(said) < 400
    assert not any(word in said for word in ("demo-token", "Traceback", "Error", "<", "{", "http:"))


def heals(demo: DemoWorkspace, name: str, rows: Rows) -> None:
    demo.http.delete("/_demo/faults").raise_for_status()
    run, said = poll(demo, name)
    assert (said, run.state, run.rejected) == ("", "good", 0)
    assert rows_of(name) == rows
    state = PollerState.objects.get(poller=name)
    assert (state.failures, state.error, state.rejected) == (0, "", 0)


@pytest.mark.parametrize("kind", FAILS)
def test_it_says_what_failed_writes_nothing_and_heals(demo: DemoWorkspace, kind: str) -> None:
    before = rows_of("usage")
    strike(demo, kind, "/usage")
    run, said = poll(demo, "usage")
    assert (run.state, run.error) == ("failed", said)
    assert re.search(FAILS[kind], said)
    check_sentence(said)
    assert rows_of("usage") == before
    heals(demo, "usage", before)


@pytest.mark.parametrize("kind", PARTIAL)
def test_it_takes_the_other_rows_and_tells_of_the_bad_ones(demo: DemoWorkspace, kind: str) -> None:
    before = rows_of("usage")
    strike(demo, kind, "/usage")
    run, said = poll(demo, "usage")
    assert (said, run.state) == ("", "good")
    lines = run.rejections.values_list("where", "reason", "count")
    assert {(reason, count) for _, reason, count in lines} == {(PARTIAL[kind], 2)}  # two months
    assert run.rejected == PollerState.objects.get(poller="usage").rejected == 4
    assert rows_of("usage") == before
    heals(demo, "usage", before)


@pytest.mark.parametrize("kind", HARMLESS)
def test_it_is_not_put_off_by(demo: DemoWorkspace, kind: str) -> None:
    before = rows_of("usage")
    strike(demo, kind, "/usage")
    run, said = poll(demo, "usage")
    assert (said, run.state, run.rejected) == ("", "good", 0)
    assert rows_of("usage") == before


@pytest.mark.parametrize("kind", TOLD)
def test_it_follows_what_segment_restates_there_and_back(demo: DemoWorkspace, kind: str) -> None:
    before = rows_of("usage")
    strike(demo, kind, "/usage")
    run, said = poll(demo, "usage")
    assert (said, run.state) == ("", "good")
    assert rows_of("usage") != before
    heals(demo, "usage", before)


@pytest.mark.parametrize("kind", WAITED_OUT)
def test_it_waits_a_second_at_least(demo: DemoWorkspace, kind: str) -> None:
    waits: list[float] = []
    strike(demo, kind, "/sources")
    url = str(demo.http.base_url)
    with segment(url, "demo-token", allow_loopback=True, attempts=1) as api:
        api.on_throttled = waits.append
        pytest.raises(RateLimited, api.get, "/sources")
    assert set(waits) == {1.0}


# What the other pollers make of the kinds that differ from one to another.
ELSEWHERE = {
    ("catalog", "negative"): "enabled is not true or false.",
    ("catalog", "missing"): "enabled is missing.",
    ("catalog", "not-an-object"): "is not an object.",
    ("volume", "null"): "series[].count is missing.",
    ("volume", "far-day"): "series[].time is outside of the time that was asked for.",
    ("volume", "not-an-object"): "is not an object.",
    ("delivery", "full-width"): "series[].count is not a whole number.",
}


@pytest.mark.parametrize(("name", "kind"), ELSEWHERE)
def test_it_drops_nothing_for_want_of_a_row_it_could_not_read(
    demo: DemoWorkspace, name: str, kind: str
) -> None:
    before = [len(rows) for rows in rows_of(name)]
    strike(demo, kind, PATHS[name])
    run, said = poll(demo, name)
    assert (said, run.state) == ("", "good")
    assert ELSEWHERE[name, kind] in run.rejections.values_list("reason", flat=True)
    assert not Connection.objects.exclude(retired_at=None)
    assert all(now >= then for now, then in zip(map(len, rows_of(name)), before, strict=True))
    demo.http.delete("/_demo/faults").raise_for_status()
    run, said = poll(demo, name)
    assert (said, run.rejected) == ("", 0)


@pytest.mark.parametrize("kind", ["emptied", "hollow", "truncate", "html", "renamed-list"])
@pytest.mark.parametrize("name", ["catalog", "volume"])
def test_it_writes_nothing_of_a_failed_turn_of(demo: DemoWorkspace, name: str, kind: str) -> None:
    before = rows_of(name)
    strike(demo, kind, PATHS[name])
    run, said = poll(demo, name)
    assert run.state == "failed"
    check_sentence(said)
    assert rows_of(name) == before


def test_it_goes_on_with_the_other_pollers(demo: DemoWorkspace) -> None:
    strike(demo, "html", "/usage")
    states = {name: poll(demo, name)[0].state for name in ("usage", "catalog")}
    assert states == {"usage": "failed", "catalog": "good"}


def test_it_makes_a_rejected_day_a_hole_with_a_reason(demo: DemoWorkspace) -> None:
    demo.now = datetime(2026, 12, 3, 11, 5, tzinfo=UTC)
    strike(demo, "null", "/usage/api-calls/daily")
    poll(demo, "usage")
    first, second = WorkspaceDay.objects.filter(day__gte="2026-12-01").order_by("day")
    assert (first.calls, first.reason) == (None, counting.MISSING_ROW)
    assert (second.calls, second.joint_since) == (None, first.day)
    demo.http.delete("/_demo/faults").raise_for_status()
    poll(demo, "usage")
    first.refresh_from_db()
    second.refresh_from_db()
    assert first.calls and second.calls
    assert (first.reason, second.reason) == ("", "")


def test_it_reads_a_list_again_that_moved_once(demo: DemoWorkspace) -> None:
    before = rows_of("catalog")
    demo.fault("/sources", "shifting", times=2)
    run, said = poll(demo, "catalog")
    assert (said, run.state, rows_of("catalog")) == ("", "good", before)


def test_it_grows_by_less_than_50_mb_under_a_bomb(demo: DemoWorkspace) -> None:
    strike(demo, "bomb", "/sources")
    url = str(demo.http.base_url)
    demo.http.get("/sources")  # packed now, for the demo lives in this process
    with segment(url, "demo-token", allow_loopback=True, attempts=1) as api:
        tracemalloc.start()
        pytest.raises(BadPayload, api.get, "/sources")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 50e6
