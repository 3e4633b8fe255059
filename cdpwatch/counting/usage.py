"""Billed usage: what Segment said, kept append-only, and the days that it makes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime

from django.db import transaction
from django.db.models import Min

from cdpwatch.cumulative import daily, days_between
from cdpwatch.days import DAY, next_month
from cdpwatch.models import Reading, SourceDay, Workspace, WorkspaceDay
from cdpwatch.readings import DayCount, NoData, UsageReading

from .rollups import refresh_months
from .rows import append, connections, upsert


@transaction.atomic
def record_usage(
    workspace: Workspace,
    readings: Sequence[UsageReading],
    now: datetime,
    *,
    asked: Sequence[date] = (),
) -> int:
    """Append what changed to the readings and refresh the days and months made of them.

    Returns the rows appended.

    Raises NoData for no reading at all of the periods `asked` for, where there were some
    before: no data is not zero.
    """
    before = Reading.objects.filter(workspace=workspace, period_start__in=asked)
    if not readings and before.exists():
        raise NoData("Segment's usage has no rows at all, though it had some before.")
    sources = connections(workspace, {r.source_id for r in readings if r.source_id}, now)
    # The month after is made anew too: whether a source began in it shows only in the one before.
    months = {reading.period_start for reading in readings}
    periods = months | {next_month(month) for month in months}
    known = _last_readings(workspace, periods)
    fresh = []
    for reading in readings:
        source = sources[reading.source_id] if reading.source_id else None
        key = (reading.period_start, source, reading.day)
        if known.get(key) != reading.cumulative:
            known[key] = reading.cumulative
            fresh.append((workspace.pk, now, *key, reading.cumulative))
    told = ("workspace_id", "observed_at", "period_start", "source_id", "day", "cumulative")
    append(Reading, told, fresh)
    _refresh_days(workspace, known, now.date())
    refresh_months(workspace, {period for period, _, _ in known})
    return len(fresh)


Known = dict[tuple[date, int | None, date], int]


def _last_readings(workspace: Workspace, periods: Iterable[date]) -> Known:
    rows = Reading.objects.filter(workspace=workspace, period_start__in=periods).order_by("pk")
    return {
        (period, source, day): cumulative
        for period, source, day, cumulative in rows.values_list(
            "period_start", "source_id", "day", "cumulative"
        )
    }


def _refresh_days(workspace: Workspace, known: Known, today: date) -> None:
    series: dict[tuple[date, int | None], dict[date, int]] = defaultdict(dict)
    for (period, source, day), cumulative in known.items():
        series[period, source][day] = cumulative
    began = _first_days(workspace)
    rows: dict[bool, list[tuple[object, ...]]] = {True: [], False: []}
    for (period, source), cumulatives in series.items():
        new_here = source is not None and began.get(source, period) >= period
        days = daily(period, cumulatives, today, starts_inside=new_here)
        owner = workspace.pk if source is None else source
        rows[source is None] += [(owner, *_fields(count)) for count in days]
    columns = ("day", "calls", "reason", "joint_since", "joint_calls")
    upsert(WorkspaceDay, ("workspace_id", "day"), ("workspace_id", *columns), rows[True])
    upsert(SourceDay, ("source_id", "day"), ("source_id", *columns), rows[False])


def _fields(count: DayCount) -> tuple[object, ...]:
    return (count.day, count.calls, count.reason, count.joint_since, count.joint_calls)


def _first_days(workspace: Workspace) -> dict[int, date]:
    rows = Reading.objects.filter(workspace=workspace).exclude(source=None)
    return dict(rows.values_list("source").annotate(Min("day")))


def note_failure(workspace: Workspace, reason: str, today: date) -> None:
    """After a failed usage poll: days that should have a number by now say why they have none."""
    known = set(WorkspaceDay.objects.filter(workspace=workspace).values_list("day", flat=True))
    if known:
        rows = [(workspace.pk, day, reason) for day in days_between(max(known) + DAY, today)]
        upsert(WorkspaceDay, ("workspace_id", "day"), ("workspace_id", "day", "reason"), rows)
