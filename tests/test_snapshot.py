"""One workspace at one moment: what is used, what leaks, and in how many queries."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cdpwatch import budget, counting, snapshot
from cdpwatch.budget import Period, Verdict
from cdpwatch.models import (
    Connection,
    PollerState,
    Projection,
    VolumeDay,
    VolumeHour,
    VolumeMinute,
    Workspace,
)
from cdpwatch.readings import DayCount, MonthCount
from cdpwatch.snapshot.counts import counted, shared
from tests.factories import (
    NOVEMBER,
    NOW,
    TODAY,
    at,
    bill,
    make_connection,
    make_reading,
    record_days,
)

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
MONTH = Period(NOVEMBER, date(2026, 12, 1))


def source_of(workspace: Workspace, segment_id: str = "src1") -> Connection:
    app = workspace.apps.get(slug="application")
    prod = workspace.environments.get(name="Prod")
    return make_connection(workspace, segment_id, app=app, environment=prod)


def live(
    source: Connection, bucket: datetime, count: int, call_type: str = "track", event: str = ""
) -> None:
    """Live calls in one minute, counted at every grain as Segment does."""
    for table, start in (
        (VolumeDay, bucket.replace(hour=0, minute=0)),
        (VolumeHour, bucket.replace(minute=0)),
        (VolumeMinute, bucket),
    ):
        row, _ = table.objects.get_or_create(
            source=source,
            bucket=start,
            call_type=call_type,
            event=event,
            defaults={"count": 0},
        )
        table.objects.filter(pk=row.pk).update(count=row.count + count)


def count(day: int, calls: int | None, joint: int | None = None) -> tuple[date, DayCount]:
    when = NOVEMBER.replace(day=day)
    since = when - DAY if joint is not None else None
    return when, DayCount(when, calls, "", since, joint)


# --- used -------------------------------------------------------------------------------------
def test_it_takes_live_calls_only_for_days_that_are_not_billed() -> None:
    days = dict([count(15, 100), count(16, 110), count(17, None)])
    seen = {date(2026, 11, day): calls for day, calls in ((16, 999), (17, 120), (18, 60))}
    used = snapshot.used_by_day(days, seen, TODAY)
    assert {day.day: calls for day, calls in used.items()} == {15: 100, 16: 110, 17: 120, 18: 60}
    assert snapshot.used_in(counted(used, days, TODAY), MONTH, TODAY) == 390


def test_it_counts_a_joint_sum_once_and_its_days_as_unknown() -> None:
    days = dict([count(14, 100), count(15, None), count(16, None, joint=230)])
    used = snapshot.used_by_day(days, {}, TODAY)
    assert used[date(2026, 11, 15)] is used[date(2026, 11, 16)] is None
    assert snapshot.billed_to(days, TODAY) == date(2026, 11, 16)
    assert snapshot.used_in(counted(used, days, TODAY), MONTH, TODAY) == 330


def test_it_does_not_take_the_running_day_for_billed() -> None:
    days = dict([count(17, 100), count(18, 5)])
    assert snapshot.billed_to(days, TODAY) == date(2026, 11, 17)
    assert snapshot.used_by_day(days, {TODAY: 60}, TODAY)[TODAY] == 60


def test_it_adds_up_billed_and_live_calls(workspace: Workspace) -> None:
    record_days(workspace, [1_000] * 16)
    source = source_of(workspace)
    live(source, at(16, 9), 9_999)
    live(source, at(17, 9), 300)
    live(source, at(18, 11), 40)
    view = snapshot.take(workspace, NOW)
    assert view.standing.used == 16_000 + 300 + 40
    assert view.situation.billed_to == date(2026, 11, 16)


def test_it_says_nothing_confident_of_an_empty_database(workspace: Workspace) -> None:
    view = snapshot.take(workspace, NOW)
    assert (view.standing.verdict, view.standing.used) == (Verdict.LEARNING, 0)
    assert (view.found, view.situation.billed_to, view.situation.live_to) == ((), None, None)


# --- traffic and leaks ------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("by_day", "finer", "start"),
    [
        ({}, [], None),
        ({TODAY: 5}, [], at(18)),
        ({TODAY: 5}, [at(18, 9), at(18, 9, 20)], at(18, 9, 20)),
        ({TODAY: 5}, [at(18, 9), at(18, 11, 10)], at(18, 9)),  # older minutes are not kept
        ({TODAY - DAY: 4, TODAY: 5}, [at(17, 14), at(18, 11, 10)], at(17, 14)),
        ({TODAY - 5 * DAY: 4, TODAY: 5}, [at(18, 9)], at(18, 9)),  # an earlier run is over
        ({TODAY - DAY: 4, TODAY: 5}, [at(18, 0)], at(17)),
    ],
)
def test_it_dates_the_run_of_traffic_that_still_goes_on(
    by_day: dict[date, int], finer: list[datetime], start: datetime | None
) -> None:
    assert snapshot.began(by_day, finer) == start


def test_it_sees_a_leak_and_projects_it_on_top(workspace: Workspace) -> None:
    record_days(workspace, [1_000_000] * 17)
    source = source_of(workspace)
    live(source, at(18, 11), 500_000)
    calm = snapshot.take(workspace, NOW)
    for minute in range(60, 2, -1):
        live(source, NOW.replace(second=0) - minute * MINUTE, 100, "page", "Home")
    view = snapshot.take(workspace, NOW)
    [leak] = view.found
    assert (leak.since, leak.so_far) == (NOW.replace(second=0) - HOUR, 5_800)
    assert leak.per_day == pytest.approx(139_000, rel=0.02)
    added = view.standing.total - calm.standing.total
    assert added == pytest.approx(5_800 + leak.to_end, rel=0.02)


def test_it_reads_the_hours_of_a_usual_day(workspace: Workspace) -> None:
    source = source_of(workspace)
    for hour in range(24):
        live(source, at(17, hour), 10 if hour < 12 else 30)
    shares = snapshot.hour_shares(workspace, NOW)
    assert sum(shares) == pytest.approx(1)
    assert shares[20] == pytest.approx(3 * shares[3])
    assert snapshot.hour_shares(workspace, NOW - DAY) == snapshot.EVEN_HOURS


# --- looking back -----------------------------------------------------------------------------
def test_it_looks_back_without_what_came_later(workspace: Workspace) -> None:
    record_days(workspace, [1_000_000] * 17)
    source = source_of(workspace)
    live(source, at(18, 12, 1), 500, "page", "Home")
    live(source, at(9, 12), 500, "page", "Home")
    back = at(10, 12)
    view = snapshot.take(workspace, back, as_of=True)
    assert view.standing.used == 9_000_000
    assert view.found == ()
    assert view.situation.billed_to == date(2026, 11, 9)


def test_it_turns_the_verdict_of_its_own_day_not_of_a_later_one(workspace: Workspace) -> None:
    record_days(workspace, [1_000_000] * 17)
    contract = workspace.contract
    contract.allowance = round(snapshot.take(workspace, NOW).projected.quantile(0.4))
    contract.save()
    assert snapshot.take(workspace, NOW).standing.verdict == Verdict.WATCH
    for as_of, verdict in ((TODAY + DAY, Verdict.WATCH), (TODAY, Verdict.OVER)):
        Projection.objects.filter(as_of__gt=as_of).delete()
        Projection.objects.create(
            contract=contract,
            as_of=as_of,
            period_start=NOVEMBER,
            period_end=MONTH.end,
            used=0,
            verdict=Verdict.OVER,
            method="",
        )
        assert snapshot.take(workspace, NOW).standing.verdict == verdict


# --- rows and cost ----------------------------------------------------------------------------
def test_it_lists_sources_by_calls_with_the_unexplained_rest(workspace: Workspace) -> None:
    make_connection(workspace, "idle", name="Prod - Refiner")
    make_connection(workspace, "gone", name="Old", retired_at=NOW)
    source_of(workspace)
    rows = [make_reading(10 * day, day) for day in range(1, 18)]
    rows += [make_reading(7 * day, day, "src1") for day in range(1, 18)]
    counting.record_usage(workspace, rows, NOW)
    listed, rest = snapshot.source_rows(workspace, snapshot.take(workspace, NOW))
    names = dict(workspace.connections.values_list("pk", "segment_id"))
    assert [(names[row.source_id], row.used) for row in listed] == [("src1", 119), ("idle", 0)]
    assert listed[0].share == pytest.approx(0.7)
    assert rest == 51


def test_it_asks_as_often_for_a_large_workspace_as_for_a_small_one(workspace: Workspace) -> None:
    for name in ("usage", "volume"):
        PollerState.objects.create(workspace=workspace, poller=name, last_good=NOW)

    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            snapshot.source_rows(workspace, snapshot.take(workspace, NOW))
        return len(asked)

    source = source_of(workspace)
    live(source, at(18, 12), 10, "page", "Home")
    record_days(workspace, [100] * 3)
    small = queries()
    for number in range(12):
        other = source_of(workspace, f"more{number}")
        for event in range(5):
            live(other, at(18, 12), 10, "page", f"Page {event}")
    record_days(workspace, [100] * 17)
    assert queries() == small <= 24


def test_it_shares_a_joint_sum_over_its_days_and_leaves_a_hole_open() -> None:
    days = {
        date(2026, 11, 1): DayCount(date(2026, 11, 1), 10),
        date(2026, 11, 2): DayCount(date(2026, 11, 2), None, "missing"),
        date(2026, 11, 3): DayCount(date(2026, 11, 3), None, "", date(2026, 11, 2), 30),
        date(2026, 11, 4): DayCount(date(2026, 11, 4), None, "failed"),
    }
    assert list(shared(days).values()) == [10, 15, 15, None]


def test_it_takes_an_unread_day_for_unknown_not_for_zero(workspace: Workspace) -> None:
    bill(workspace, TODAY - 5 * DAY, 1_000_000)
    known = snapshot.take(workspace, NOW - 5 * DAY)
    blind = snapshot.take(workspace, NOW)  # five days later nothing more was read
    assert blind.standing.unknown_days == 5
    assert "5 days unknown" in budget.pace(blind.standing)
    assert blind.standing.used == known.standing.used
    assert blind.standing.total == pytest.approx(known.standing.total, rel=0.05)


def test_it_counts_whole_months_as_evidence_and_leaves_out_a_broken_one() -> None:
    months = {date(2026, n, 1): MonthCount(300 + n, 0) for n in (8, 9, 10, 11)}
    assert snapshot.billed_in_months(months, TODAY) == (927, 3)
    broken = {**months, date(2026, 9, 1): MonthCount(299, 1)}
    assert snapshot.billed_in_months(broken, TODAY) == (618, 2)
    assert snapshot.billed_in_months({}, TODAY) == (0, 0)


def test_a_past_moment_knows_no_verdict_of_a_later_hour(workspace: Workspace) -> None:
    record_days(workspace, [1_335_000] * 17)  # toward 40.05M of 40M
    contract, noon, seen = workspace.contract, at(10, 12), {}
    for made_at in (noon + DAY / 24, noon):
        Projection.objects.all().delete()
        Projection.objects.create(
            contract=contract,
            as_of=noon.date(),
            period_start=NOVEMBER,
            period_end=MONTH.end,
            made_at=made_at,
            used=0,
            verdict=Verdict.OVER,
            method="",
        )
        seen[made_at] = snapshot.take(workspace, noon, as_of=True).standing.verdict
    assert seen == {noon + DAY / 24: Verdict.WATCH, noon: Verdict.OVER}
