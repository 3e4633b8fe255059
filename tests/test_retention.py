"""What is kept how long: every table has its line, and the daily job keeps to it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib.sessions.models import Session
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cdpwatch import counting, retention, watch, wording
from cdpwatch.counting.folding import FOLDABLE, OTHER, fold
from cdpwatch.counting.rows import upsert
from cdpwatch.models import (
    Connection,
    PollRun,
    QueryJob,
    RequestKind,
    RequestState,
    TrafficDay,
    VendorCount,
    VolumeDay,
    VolumeHour,
    VolumeMinute,
    WorkRequest,
    Workspace,
)
from cdpwatch.readings import Grain, Window
from cdpwatch.watch import lasting, pruning
from tests.factories import NOW, make_connection, make_volume

DAY = timedelta(days=1)
AUGUST = date(2026, 8, 1)
PAGE = Path(__file__).parent.parent / "docs/reference/retention.md"
VOLUME, TRAFFIC = FOLDABLE


def prune(now: datetime = NOW) -> int:
    return watch.prune(now, sleep=lambda seconds: None)


def make_runs(workspace: Workspace, number: int, started: datetime) -> None:
    PollRun.objects.bulk_create(
        PollRun(
            workspace=workspace,
            poller="usage",
            slot=started + timedelta(seconds=n),
            lease_until=started,
            started_at=started,
        )
        for n in range(number)
    )


def volume(source: Connection, day: date, calls: dict[str, int], call_type: str = "track") -> None:
    """Calls of one UTC day by event."""
    bucket = datetime(day.year, day.month, day.day, tzinfo=UTC)
    key = ("source_id", "bucket", "call_type", "event")
    rows = [(source.pk, bucket, call_type, event, count) for event, count in calls.items()]
    upsert(VolumeDay, key, (*key, "count"), rows)


def names(day: date = AUGUST) -> dict[str, int]:
    rows = VolumeDay.objects.filter(bucket__date=day)
    return dict(rows.values_list("event", "count"))


# --- the table --------------------------------------------------------------------------------
def test_it_has_a_line_for_every_table() -> None:
    own = set(apps.get_app_config("cdpwatch").get_models())
    assert own <= retention.RETENTION.keys()


def test_it_says_in_the_documentation_what_it_does() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]*) \|", PAGE.read_text(), re.MULTILINE)
    assert [(name, age, by.replace("`", "")) for name, age, by in rows] == [
        (
            table.__name__,
            "for ever" if kept.age is None else wording.length(kept.age),
            kept.by.replace("__", " "),
        )
        for table, kept in retention.RETENTION.items()
    ]


# --- pruning ----------------------------------------------------------------------------------
def test_it_drops_what_is_past_its_keeping_and_nothing_younger(workspace: Workspace) -> None:
    make_runs(workspace, 2, NOW - 31 * DAY)
    make_runs(workspace, 3, NOW - 29 * DAY)
    prune()
    assert PollRun.objects.count() == 3


def test_it_keeps_each_table_as_long_as_it_says(workspace: Workspace) -> None:
    source = make_connection(workspace)
    hour = timedelta(hours=1)
    ages = {VolumeMinute: 3 * hour, VolumeHour: 48 * hour, VolumeDay: 800 * DAY}
    for table, age in ages.items():
        for more in (-hour, hour):
            bucket = NOW - age - more
            table.objects.create(source=source, bucket=bucket, event="x", count=1)
    prune()
    left = [(table, table.objects.get().bucket) for table in ages]
    assert left == [(table, NOW - age + hour) for table, age in ages.items()]


def test_it_drops_the_hours_of_a_vendor_and_keeps_its_days(workspace: Workspace) -> None:
    fields = {"app": "amplitude", "counter": "amplitude", "kind": "received", "count": 1}
    for grain in ("hour", "day"):
        bucket = NOW - 61 * DAY
        VendorCount.objects.create(workspace=workspace, bucket=bucket, grain=grain, **fields)
    prune()
    assert VendorCount.objects.get().grain == "day"


def test_it_drops_sessions_that_ended_and_old_requests_and_jobs(workspace: Workspace) -> None:
    Session.objects.create(session_key="old", expire_date=NOW - DAY)
    Session.objects.create(session_key="new", expire_date=NOW + DAY)
    WorkRequest.objects.create(
        workspace=workspace,
        kind=RequestKind.POLL,
        state=RequestState.DONE,
        asked_at=NOW - 31 * DAY,
    )
    QueryJob.objects.create(workspace=workspace, job_id="j1", asked_at=NOW - 401 * DAY)
    assert prune() == 3
    assert [row.session_key for row in Session.objects.all()] == ["new"]


def test_it_deletes_in_short_transactions_with_rests_between(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "AT_ONCE", 10)
    make_runs(workspace, 35, NOW - 31 * DAY)
    rests: list[float] = []
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert watch.prune(NOW, sleep=rests.append) == 35
    deletes = [q for q in queries if q["sql"].startswith('DELETE FROM "cdpwatch_pollrun"')]
    assert len(deletes) == 4
    assert rests == [pruning.REST] * 4


def test_it_stops_between_two_transactions_and_goes_on_the_next_day(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "AT_ONCE", 10)
    make_runs(workspace, 35, NOW - 31 * DAY)
    lasting.stop()
    try:
        assert prune() == 10
    finally:
        lasting.stop(False)
    assert prune() == 25


# --- folding ----------------------------------------------------------------------------------
def test_it_folds_the_names_beyond_the_largest_into_other(workspace: Workspace) -> None:
    source = make_connection(workspace)
    volume(source, AUGUST, {"a": 5, "b": 4, "c": 3, "d": 2})
    volume(source, AUGUST + DAY, {"c": 30, "d": 1})
    assert sum(fold(VOLUME, AUGUST, most=2)) == 3
    assert names() == {"a": 5, "c": 3, OTHER: 6}  # b has 4 in the month and c has 33
    assert names(AUGUST + DAY) == {"c": 30, OTHER: 1}


def test_it_keeps_the_sums_by_day_and_call_type(workspace: Workspace) -> None:
    source = make_connection(workspace)
    for call_type in ("track", "page"):
        volume(source, AUGUST, {f"event {n}": n + 1 for n in range(20)}, call_type)
    before = sum(names().values())
    list(fold(VOLUME, AUGUST, most=3))
    others = VolumeDay.objects.filter(event=OTHER)
    assert {row.call_type: row.count for row in others} == {"track": 153, "page": 153}
    assert sum(names().values()) == before


def test_it_folds_once_and_adds_what_comes_later(workspace: Workspace) -> None:
    source = make_connection(workspace)
    volume(source, AUGUST, {"a": 5, "b": 4, "c": 3})
    assert sum(fold(VOLUME, AUGUST, most=1)) == 2
    assert sum(fold(VOLUME, AUGUST, most=1)) == 0
    volume(source, AUGUST, {"z": 1})
    list(fold(VOLUME, AUGUST, most=1))
    assert names() == {"a": 5, OTHER: 8}


def test_it_may_be_cut_off_between_two_transactions(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cdpwatch.counting.folding.AT_ONCE", 4)
    source = make_connection(workspace)
    volume(source, AUGUST, {f"event {n:02}": 100 - n for n in range(20)})
    cut = fold(VOLUME, AUGUST, most=5)
    assert next(cut) == 4
    cut.close()
    assert sum(names().values()) == 1_810
    list(fold(VOLUME, AUGUST, most=5))
    assert names() == {**{f"event {n:02}": 100 - n for n in range(5)}, OTHER: 1_320}


def test_it_leaves_other_sources_and_months_alone(workspace: Workspace) -> None:
    one, two = make_connection(workspace), make_connection(workspace, "src2")
    volume(one, AUGUST, {"a": 5, "b": 4, "c": 3})
    volume(two, AUGUST, {"a": 1})
    volume(one, date(2026, 9, 1), {"a": 5, "b": 4, "c": 3})
    list(fold(VOLUME, AUGUST, most=2))
    assert VolumeDay.objects.filter(source=two).get().event == "a"
    assert names(date(2026, 9, 1)) == {"a": 5, "b": 4, "c": 3}


def test_it_folds_what_the_warehouse_says_place_by_place(workspace: Workspace) -> None:
    source = make_connection(workspace)
    for host in ("docs", "app"):
        for event, count in {"a": 9, "b": 2, "c": 1}.items():
            TrafficDay.objects.create(
                source=source,
                day=AUGUST,
                call_type="track",
                host=host,
                event=event,
                count=count,
                anonymous=False,
            )
    list(fold(TRAFFIC, AUGUST, most=1))
    rows = TrafficDay.objects.order_by("host", "event").values_list("host", "event", "count")
    assert list(rows) == [("app", OTHER, 3), ("app", "a", 9), ("docs", OTHER, 3), ("docs", "a", 9)]


def test_it_folds_months_that_are_settled_and_no_younger_one(workspace: Workspace) -> None:
    source = make_connection(workspace)
    many = {f"event {n}": 1 for n in range(501)}
    for month in (date(2026, 8, 31), date(2026, 9, 30), date(2026, 10, 1)):
        volume(source, month, many)
    prune()  # on 18 November: a month is looked at again for 31 days
    folded = VolumeDay.objects.filter(event=OTHER).values_list("bucket__date", flat=True)
    assert sorted(folded) == [date(2026, 8, 31), date(2026, 9, 30)]


@pytest.mark.parametrize("complete", [True, False])
def test_it_counts_nothing_twice_when_a_folded_day_is_read_again(
    workspace: Workspace, complete: bool
) -> None:
    source = make_connection(workspace)
    calls = {"a": 5, "b": 4, "c": 3}
    volume(source, AUGUST, calls)
    list(fold(VOLUME, AUGUST, most=1))
    start = datetime(2026, 8, 1, tzinfo=UTC)
    said = [
        make_volume(count, start, grain=Grain.DAY, event=event) for event, count in calls.items()
    ]
    window = Window(start, start + DAY)
    counting.record_volume(workspace, Grain.DAY, window, said, NOW, complete=complete)
    assert names() == (calls if complete else {"a": 5, OTHER: 7})
