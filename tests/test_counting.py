"""Counting: what Segment said becomes rows, once, and a hole is never a zero."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta, timezone
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from cdpwatch import counting
from cdpwatch.models import (
    Connection,
    DeliveryDay,
    PollRun,
    Reading,
    SourceDay,
    VolumeDay,
    VolumeHour,
    VolumeMinute,
    Workspace,
    WorkspaceDay,
)
from cdpwatch.readings import DayCount, DeliveryReading, Grain, NoData, Rejection, Window
from tests.factories import (
    NOVEMBER,
    NOW,
    TODAY,
    at,
    make_connection,
    make_reading,
    make_volume,
    record_days,
)

MISSING = counting.MISSING_ROW
LATE = counting.NOT_BILLED_YET
AFTER = "The row before it is missing."
WINDOW = Window(at(18, 12), at(18, 12, 5))


def nov(day: int) -> date:
    return NOVEMBER.replace(day=day)


def daily(rows: Mapping[int, int], today: int = 4, *, new: bool = False) -> list[DayCount]:
    cumulatives = {nov(day): total for day, total in rows.items()}
    return counting.daily(NOVEMBER, cumulatives, nov(today), starts_inside=new)


def days_of(workspace: Workspace) -> dict[int, int | None]:
    rows = WorkspaceDay.objects.filter(workspace=workspace)
    return {row.day.day: row.calls for row in rows.order_by("day")}


# --- a day is a difference --------------------------------------------------------------------
def test_it_takes_a_day_as_its_running_total_less_the_one_before() -> None:
    assert daily({1: 10, 2: 25, 3: 25}) == [
        DayCount(nov(1), 10),
        DayCount(nov(2), 15),
        DayCount(nov(3), 0),
    ]


def test_it_makes_a_hole_of_a_missing_row_and_the_day_after_with_their_joint_calls() -> None:
    assert daily({1: 10, 3: 40}) == [
        DayCount(nov(1), 10),
        DayCount(nov(2), None, MISSING),
        DayCount(nov(3), None, AFTER, nov(2), 30),
    ]


def test_it_joins_the_first_days_of_a_period_when_its_first_row_is_missing() -> None:
    assert daily({2: 25, 3: 40}) == [
        DayCount(nov(1), None, MISSING),
        DayCount(nov(2), None, AFTER, nov(1), 25),
        DayCount(nov(3), 15),
    ]


def test_it_begins_a_new_source_with_its_first_row() -> None:
    assert daily({2: 25, 3: 40}, new=True) == [DayCount(nov(2), 25), DayCount(nov(3), 15)]


def test_it_leaves_days_that_are_not_billed_yet_as_holes_up_to_today() -> None:
    assert daily({1: 10}, today=4)[1:] == [
        DayCount(nov(2), None, LATE),
        DayCount(nov(3), None, LATE),
    ]
    december = date(2026, 12, 5)
    late = counting.daily(NOVEMBER, {nov(29): 10}, december, starts_inside=True)
    assert [count.day for count in late] == [nov(29), nov(30)]  # not beyond the period


def test_it_does_not_trust_a_running_total_above_a_later_one() -> None:
    assert daily({1: 10, 2: 99, 3: 40}) == [
        DayCount(nov(1), 10),
        DayCount(nov(2), None, MISSING),
        DayCount(nov(3), None, AFTER, nov(2), 30),
    ]


def test_it_has_nothing_to_say_without_rows() -> None:
    assert daily({}) == []


# --- recording usage --------------------------------------------------------------------------
def test_it_never_sums_running_totals(workspace: Workspace) -> None:
    record_days(workspace, [100, 50, 7])
    rows = WorkspaceDay.objects.filter(workspace=workspace, day__lte=nov(3))
    assert sum(row.calls or 0 for row in rows) == 157


def test_it_leaves_the_same_rows_when_the_same_answer_comes_twice(workspace: Workspace) -> None:
    answer = [make_reading(10, 1), make_reading(25, 2), make_reading(6, 1, "src1")]
    assert counting.record_usage(workspace, answer, NOW) == 3
    before = list(Reading.objects.values()), list(WorkspaceDay.objects.order_by("pk").values())
    assert counting.record_usage(workspace, answer, NOW + timedelta(hours=1)) == 0
    after = list(Reading.objects.values()), list(WorkspaceDay.objects.order_by("pk").values())
    assert after == before
    assert SourceDay.objects.get(day=nov(1)).calls == 6


def test_it_appends_a_restatement_and_keeps_what_was_said_before(workspace: Workspace) -> None:
    counting.record_usage(workspace, [make_reading(10, 1), make_reading(25, 2)], NOW)
    later = NOW + timedelta(hours=1)
    assert counting.record_usage(workspace, [make_reading(10, 1), make_reading(30, 2)], later) == 1
    said = (
        Reading.objects.filter(day=nov(2)).order_by("pk").values_list("cumulative", "observed_at")
    )
    assert list(said) == [(25, NOW), (30, later)]
    assert days_of(workspace)[2] == 20


def test_it_follows_a_restatement_downwards(workspace: Workspace) -> None:
    record_days(workspace, [100, 50])
    lower = [make_reading(90, 1), make_reading(120, 2)]
    counting.record_usage(workspace, lower, NOW)
    assert (days_of(workspace)[1], days_of(workspace)[2]) == (90, 30)


def test_it_records_a_total_that_returns_to_what_it_was(workspace: Workspace) -> None:
    for total in (100, 90, 100):
        counting.record_usage(workspace, [make_reading(total, 1)], NOW)
    assert list(Reading.objects.order_by("pk").values_list("cumulative", flat=True)) == [
        100,
        90,
        100,
    ]
    assert days_of(workspace)[1] == 100


def test_it_fills_a_hole_when_the_missing_row_arrives(workspace: Workspace) -> None:
    counting.record_usage(workspace, [make_reading(10, 1), make_reading(40, 3)], NOW)
    joint = WorkspaceDay.objects.get(workspace=workspace, day=nov(3))
    assert (joint.calls, joint.joint_since, joint.joint_calls) == (None, nov(2), 30)
    counting.record_usage(workspace, [make_reading(25, 2)], NOW)
    whole = WorkspaceDay.objects.get(workspace=workspace, day=nov(3))
    assert (whole.calls, whole.reason, whole.joint_since, whole.joint_calls) == (15, "", None, None)


def test_it_takes_a_source_that_began_mid_month_from_its_first_row(workspace: Workspace) -> None:
    october = [make_reading(5, day, "old", month=10) for day in range(1, 32)]
    november = [make_reading(9, 2, "old"), make_reading(7, 2, "new")]
    counting.record_usage(workspace, [*october, *november], NOW)
    rows = {row.source.segment_id: row for row in SourceDay.objects.filter(day=nov(2))}
    assert (rows["new"].calls, rows["old"].calls, rows["old"].joint_calls) == (7, None, 9)


def test_it_keeps_usage_of_a_source_that_no_catalog_lists(workspace: Workspace) -> None:
    counting.record_usage(workspace, [make_reading(6, 1, "gone")], NOW)
    source = Connection.objects.get(segment_id="gone")
    assert (source.name, source.retired_at, source.enabled) == ("Unlisted source gone", NOW, False)
    assert SourceDay.objects.get(source=source, day=nov(1)).calls == 6


def test_it_notes_a_failed_poll_as_holes_with_a_reason(workspace: Workspace) -> None:
    record_days(workspace, [100, 50], now=at(3, 6))
    counting.note_failure(workspace, "The poll failed: 503.", nov(5))
    rows = WorkspaceDay.objects.filter(workspace=workspace, day__gt=nov(2)).order_by("day")
    assert [(row.day, row.calls, row.reason) for row in rows] == [
        (nov(3), None, "The poll failed: 503."),
        (nov(4), None, "The poll failed: 503."),
    ]


def test_it_notes_no_hole_before_anything_was_ever_read(workspace: Workspace) -> None:
    counting.note_failure(workspace, "The poll failed.", TODAY)
    assert not WorkspaceDay.objects.exists()


# --- live volume ------------------------------------------------------------------------------
def record_volume(workspace: Workspace, *counts: int, grain: Grain = Grain.MINUTE) -> int:
    """One bucket a minute from 12:00 on, with these counts."""
    readings = [
        make_volume(count, at(18, 12, minute), grain=grain)
        for minute, count in enumerate(counts)
        if count
    ]
    return counting.record_volume(workspace, grain, WINDOW, readings, NOW)


def test_it_makes_the_window_what_segment_just_said(workspace: Workspace) -> None:
    record_volume(workspace, 5, 7)
    keys = set(VolumeMinute.objects.values_list("pk", flat=True))
    assert record_volume(workspace, 5, 9) == 2
    assert set(VolumeMinute.objects.values_list("pk", flat=True)) == keys
    assert list(VolumeMinute.objects.order_by("bucket").values_list("count", flat=True)) == [5, 9]


def test_it_drops_buckets_restated_to_nothing_inside_the_window_only(workspace: Workspace) -> None:
    source = make_connection(workspace)
    outside = (WINDOW.start - timedelta(minutes=1), WINDOW.end)
    for bucket in outside:
        VolumeMinute.objects.create(
            source=source, bucket=bucket, call_type="track", event="", count=1
        )
    record_volume(workspace, 5, 7)
    record_volume(workspace, 5)
    left = VolumeMinute.objects.order_by("bucket").values_list("bucket", flat=True)
    assert list(left) == [outside[0], at(18, 12), outside[1]]


def test_it_prunes_minutes_after_three_hours_and_hours_after_two_days(workspace: Workspace) -> None:
    source = make_connection(workspace)
    for table, kept in ((VolumeMinute, 3), (VolumeHour, 48), (VolumeDay, 24 * 40)):
        for age in (timedelta(hours=kept), timedelta(hours=kept, seconds=1)):
            table.objects.create(
                source=source, bucket=NOW - age, call_type="track", event="", count=1
            )
    for grain in Grain:
        counting.record_volume(workspace, grain, WINDOW, [], NOW)
    tables = (VolumeMinute, VolumeHour, VolumeDay)
    assert [table.objects.count() for table in tables] == [1, 1, 2]


def test_it_folds_names_that_are_too_long_to_keep_apart(workspace: Workspace) -> None:
    long = "x" * counting.LONGEST_EVENT
    readings = [make_volume(n, at(18, 12), event=long + tail) for n, tail in ((2, "a"), (3, "b"))]
    counting.record_volume(workspace, Grain.MINUTE, WINDOW, readings, NOW)
    row = VolumeMinute.objects.get()
    assert (row.event, row.count) == (long, 5)


# --- deliveries and upserts -------------------------------------------------------------------
def test_it_stores_deliveries_once_per_destination_day_and_call_type(workspace: Workspace) -> None:
    row = DeliveryReading("dst1", TODAY, "track", 90, 5, 4, 1)
    for _ in range(2):
        counting.record_delivery(workspace, [row], NOW)
    stored = DeliveryDay.objects.get()
    assert (stored.delivered, stored.failed, stored.filtered, stored.retried) == (90, 5, 4, 1)
    assert Connection.objects.get(segment_id="dst1").direction == "destination"


@pytest.mark.parametrize("reason", ["", "told"])
def test_it_updates_only_the_columns_that_it_is_given(workspace: Workspace, reason: str) -> None:
    record_days(workspace, [100], now=at(2))
    rows = [(workspace.pk, nov(1), reason)]
    counting.upsert(WorkspaceDay, ("workspace_id", "day"), ("workspace_id", "day", "reason"), rows)
    row = WorkspaceDay.objects.get(workspace=workspace, day=nov(1))
    assert (row.calls, row.reason) == (100, reason)


def test_it_sees_a_missing_first_row_once_the_month_before_is_read(workspace: Workspace) -> None:
    october = [make_reading(200, 2, "src1", month=10), make_reading(300, 3, "src1", month=10)]
    counting.record_usage(workspace, october, NOW)
    assert SourceDay.objects.get(day=date(2026, 10, 2)).calls == 200  # it looks new in October
    counting.record_usage(workspace, [make_reading(50, 30, "src1", month=9)], NOW)
    first, second = SourceDay.objects.filter(day__range=(date(2026, 10, 1), date(2026, 10, 2)))
    assert (first.calls, second.calls, second.joint_calls) == (None, None, 200)


# --- rows in bulk, on whatever database the tests run --------------------------------------------
VOLUME_KEY = ("source_id", "bucket", "call_type", "event")


def put(rows: list[tuple[object, ...]]) -> int:
    return counting.upsert(VolumeDay, VOLUME_KEY, (*VOLUME_KEY, "count"), rows)


def test_it_keeps_moments_days_and_texts_as_they_were_given(workspace: Workspace) -> None:
    source = make_connection(workspace).pk
    moment = at(18, 12).astimezone(timezone(timedelta(hours=9)))
    rows = [(source, moment, "track", event, 2**62) for event in ("tab\tline\n\\N", "", "naïve 🙂")]
    assert put(rows) == 3
    stored = VolumeDay.objects.order_by("pk").values_list(*VOLUME_KEY, "count")
    assert sorted(stored) == sorted(rows)


def test_it_takes_the_last_of_two_rows_with_one_key(workspace: Workspace) -> None:
    source = make_connection(workspace).pk
    put([(source, at(18), "track", "Opened", count) for count in (1, 3, 2)])
    assert VolumeDay.objects.get().count == 2


@pytest.mark.parametrize("rows", [1, 198, 199, 200, 398, 500])
def test_it_keeps_every_row_however_many_go_into_a_statement(
    workspace: Workspace, rows: int
) -> None:
    source = make_connection(workspace).pk
    put([(source, at(18), "track", f"Event {n}", n) for n in range(rows)])
    stored = VolumeDay.objects.values_list("event", "count")
    assert sorted(stored) == sorted((f"Event {n}", n) for n in range(rows))


def test_it_rewrites_no_row_that_is_unchanged(workspace: Workspace) -> None:
    source = make_connection(workspace).pk
    row = (source, at(18), "track", "Opened", 1)
    assert [touched(row), touched(row)] == [1, 0]
    assert touched((*row[:-1], 2)) == 1


def touched(row: tuple[object, ...]) -> int:
    """How many rows the statement that writes into the table says it has written."""
    written: list[int] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if sql.startswith("INSERT"):
            written.append(context["cursor"].rowcount)
        return result

    with connection.execute_wrapper(watch):
        put([row])
    return written[-1]


def test_it_upserts_twice_in_one_transaction_and_after_one_that_failed(
    workspace: Workspace,
) -> None:
    source = make_connection(workspace).pk
    wrong = (source, at(18), "a call type too long to be one" * 20, "x", None)
    with pytest.raises(DatabaseError), transaction.atomic():
        put([wrong])
    with transaction.atomic():
        put([(source, at(18), "track", "Opened", 1)])
        put([(source, at(18), "track", "Opened", 2)])
    assert VolumeDay.objects.get().count == 2


# --- answers that are not whole -----------------------------------------------------------------
def test_it_keeps_the_buckets_that_an_incomplete_answer_lacks(workspace: Workspace) -> None:
    record_volume(workspace, 5, 7)
    readings = [make_volume(9, at(18, 12))]
    counting.record_volume(workspace, Grain.MINUTE, WINDOW, readings, NOW, complete=False)
    assert list(VolumeMinute.objects.order_by("bucket").values_list("count", flat=True)) == [9, 7]


def test_it_does_not_take_no_data_for_no_calls(workspace: Workspace) -> None:
    record_volume(workspace, 5, 7)
    with pytest.raises(NoData, match="no calls at all, though it had some before"):
        record_volume(workspace)
    counting.record_usage(workspace, [make_reading(10, 1)], NOW)
    with pytest.raises(NoData, match="no rows at all, though it had some before"):
        counting.record_usage(workspace, [], NOW, asked=[NOVEMBER])
    assert counting.record_usage(workspace, [], NOW, asked=[date(2026, 1, 1)]) == 0


def make_run(workspace: Workspace) -> PollRun:
    turn = {"workspace": workspace, "poller": "usage", "slot": NOW, "lease_until": NOW}
    return PollRun.objects.create(**turn)


def test_it_keeps_account_of_rejected_rows_by_place_and_reason(workspace: Workspace) -> None:
    run = make_run(workspace)
    rejections = [
        Rejection("GET /sources: sources", "id is missing.", '{"name": "first"}'),
        Rejection("GET /sources: sources", "id is missing.", '{"name": "second"}'),
        Rejection("GET /sources: sources", "is not an object."),
        Rejection("GET /warehouses: warehouses", "id is missing."),
    ]
    for _ in range(2):  # a turn that is recorded twice leaves the same lines
        assert counting.record_rejections(run, rejections) == 4
    rows = run.rejections.order_by("pk").values_list("where", "reason", "count", "sample")
    assert list(rows) == [
        ("GET /sources: sources", "id is missing.", 2, '{"name": "first"}'),
        ("GET /sources: sources", "is not an object.", 1, ""),
        ("GET /warehouses: warehouses", "id is missing.", 1, ""),
    ]


def test_it_cuts_what_it_keeps_of_a_row_and_takes_control_characters_out(
    workspace: Workspace,
) -> None:
    long = "x\n\0\x1b[31m\u202e" + "y" * 1000
    run = make_run(workspace)
    counting.record_rejections(run, [Rejection(long, long, long), Rejection(long + "z", long)])
    (row,) = run.rejections.all()
    assert (len(row.where), len(row.reason), len(row.sample)) == (200, 300, 300)
    assert row.count == 2
    assert (row.where + row.reason + row.sample).isprintable()


def test_it_bills_a_cycle_that_begins_on_the_17th_from_calendar_days(workspace: Workspace) -> None:
    """Segment's running totals begin anew on the 1st, in the middle of such a cycle."""
    october = [make_reading(100 * day, day, month=10) for day in range(1, 32)]
    november = [make_reading(50 * day, day) for day in range(1, 17)]
    counting.record_usage(workspace, [*october, *november], NOW)
    cycle = WorkspaceDay.objects.filter(day__gte=date(2026, 10, 17), day__lt=nov(17))
    assert sum(row.calls or 0 for row in cycle) == 15 * 100 + 16 * 50
    assert not cycle.filter(calls=None)
