"""Counting: records what Segment said and keeps the current view of it.

Every verb here is absolute and keyed: recording the same reading twice, or from two workers,
leaves the same rows. Billed usage is cumulative at the door; a day's calls are a difference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection as database
from django.db.models import Field, Min, Model

from .days import DAY, next_month
from .models import (
    Connection,
    DeliveryDay,
    Reading,
    SourceDay,
    VolumeDay,
    VolumeHour,
    VolumeMinute,
    Workspace,
    WorkspaceDay,
)
from .readings import (
    DayCount,
    DeliveryReading,
    Direction,
    Grain,
    UsageReading,
    VolumeReading,
    Window,
)

VolumeTable = type[VolumeMinute] | type[VolumeHour] | type[VolumeDay]
VOLUME_TABLES: dict[Grain, VolumeTable] = {
    Grain.MINUTE: VolumeMinute,
    Grain.HOUR: VolumeHour,
    Grain.DAY: VolumeDay,
}
# How long minutes and hours are kept; days stay.
KEPT = {Grain.MINUTE: timedelta(hours=3), Grain.HOUR: timedelta(hours=48)}
LONGEST_EVENT = 300  # characters of an event's name that are kept
NOT_BILLED_YET = "Segment has not billed this day yet."
MISSING_ROW = "Segment's answer has no row for this day."


# --- billed usage -----------------------------------------------------------------------------
def record_usage(workspace: Workspace, readings: Sequence[UsageReading], now: datetime) -> int:
    """Append what changed to the readings and refresh the days made of them. Rows appended."""
    sources = _connections(workspace, {r.source_id for r in readings if r.source_id}, now)
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
            fresh.append(_reading(workspace, source, reading, now))
    Reading.objects.bulk_create(fresh, batch_size=500)
    _refresh_days(workspace, known, now.date())
    return len(fresh)


def _reading(
    workspace: Workspace, source: int | None, reading: UsageReading, now: datetime
) -> Reading:
    return Reading(
        workspace=workspace,
        source_id=source,
        period_start=reading.period_start,
        day=reading.day,
        cumulative=reading.cumulative,
        observed_at=now,
    )


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


def daily(
    period: date, cumulatives: Mapping[date, int], today: date, *, starts_inside: bool = False
) -> list[DayCount]:
    """Calls a day from cumulative rows of the period that starts on `period`.

    A day is its row less the row of the day before; the first day is its own row. A missing
    row leaves that day and the next unknown, with a known joint sum. A row above a later one
    contradicts it and counts as missing. Days before `today` without a row are holes;
    `starts_inside` says that the series began with its first row, not with the period.
    Source of the semantics: Segment Public API, "daily cumulative" usage.
    """
    rows = _consistent(cumulatives)
    if not rows:
        return []
    counts: list[DayCount] = []
    last_day, last = period - DAY, 0
    if starts_inside:
        last_day = min(rows) - DAY
    for day in sorted(rows):
        counts += _step(last_day, day, rows[day] - last)
        last_day, last = day, rows[day]
    end = min(today, next_month(period))
    counts += [DayCount(day, None, NOT_BILLED_YET) for day in _days(last_day + DAY, end)]
    return counts


def _step(last_day: date, day: date, calls: int) -> list[DayCount]:
    """The days after `last_day` up to `day`, which together made `calls`."""
    first = last_day + DAY
    if first == day:
        return [DayCount(day, calls)]
    gap = [DayCount(missing, None, MISSING_ROW) for missing in _days(first, day)]
    return [*gap, DayCount(day, None, "The row before it is missing.", first, calls)]


def _consistent(cumulatives: Mapping[date, int]) -> dict[date, int]:
    """Rows that no later row falls below: a running total cannot shrink."""
    kept: dict[date, int] = {}
    ceiling: int | None = None
    for day in sorted(cumulatives, reverse=True):
        if ceiling is None or cumulatives[day] <= ceiling:
            kept[day] = ceiling = cumulatives[day]
    return kept


def _days(start: date, end: date) -> list[date]:
    return [start + n * DAY for n in range((end - start).days)]


def note_failure(workspace: Workspace, reason: str, today: date) -> None:
    """After a failed usage poll: days that should have a number by now say why they have none."""
    known = set(WorkspaceDay.objects.filter(workspace=workspace).values_list("day", flat=True))
    if known:
        rows = [(workspace.pk, day, reason) for day in _days(max(known) + DAY, today)]
        upsert(WorkspaceDay, ("workspace_id", "day"), ("workspace_id", "day", "reason"), rows)


# --- live volume ------------------------------------------------------------------------------
def record_volume(
    workspace: Workspace,
    grain: Grain,
    window: Window,
    readings: Sequence[VolumeReading],
    now: datetime,
) -> int:
    """Make the buckets of `window` what Segment just said, and drop those past their keeping."""
    sources = _connections(workspace, {reading.source_id for reading in readings}, now)
    counts: dict[tuple[int, datetime, str, str], int] = defaultdict(int)
    for reading in readings:
        event = reading.event[:LONGEST_EVENT].replace("\0", "")
        counts[sources[reading.source_id], reading.bucket, reading.call_type, event] += (
            reading.count
        )
    table = VOLUME_TABLES[grain]
    _drop_vanished(workspace, table, window, set(counts))
    key = ("source_id", "bucket", "call_type", "event")
    upsert(table, key, (*key, "count"), [(*k, count) for k, count in counts.items()])
    if grain in KEPT:
        table.objects.filter(bucket__lt=now - KEPT[grain]).delete()
    return len(counts)


def _drop_vanished(
    workspace: Workspace,
    table: VolumeTable,
    window: Window,
    keep: set[tuple[int, datetime, str, str]],
) -> None:
    """Buckets that were restated to nothing: Segment leaves zeros out of its series."""
    rows = table.objects.filter(
        source__workspace=workspace, bucket__gte=window.start, bucket__lt=window.end
    )
    stored = rows.values_list("pk", "source_id", "bucket", "call_type", "event")
    gone = [pk for pk, *key in stored if tuple(key) not in keep]
    for start in range(0, len(gone), 500):
        table.objects.filter(pk__in=gone[start : start + 500]).delete()


# --- deliveries -------------------------------------------------------------------------------
def record_delivery(
    workspace: Workspace, readings: Sequence[DeliveryReading], now: datetime
) -> int:
    """Store what each destination was sent per day and call type."""
    ids = {reading.destination_id for reading in readings}
    targets = _connections(workspace, ids, now, Direction.DESTINATION)
    rows = [
        (
            targets[r.destination_id],
            r.day,
            r.call_type,
            r.delivered,
            r.failed,
            r.filtered,
            r.retried,
        )
        for r in readings
    ]
    key = ("destination_id", "day", "call_type")
    return upsert(DeliveryDay, key, (*key, "delivered", "failed", "filtered", "retried"), rows)


# --- shared -----------------------------------------------------------------------------------
def _connections(
    workspace: Workspace,
    segment_ids: set[str],
    now: datetime,
    direction: Direction = Direction.SOURCE,
) -> dict[str, int]:
    """Primary keys by Segment id. Ids that no catalog knows are kept as retired connections:
    sources deleted during a period still appear in its usage."""
    known = dict(Connection.objects.filter(workspace=workspace).values_list("segment_id", "pk"))
    for missing in sorted(segment_ids - known.keys()):
        row, _ = Connection.objects.get_or_create(
            workspace=workspace,
            segment_id=missing,
            defaults={
                "direction": direction,
                "name": f"Unlisted {direction} {missing}",
                "enabled": False,
                "first_seen": now,
                "last_seen": now,
                "retired_at": now,
            },
        )
        known[missing] = row.pk
    return known


def upsert(
    table: type[Model],
    key: Sequence[str],
    columns: Sequence[str],
    rows: Sequence[tuple[object, ...]],
) -> int:
    """Insert rows, or update those whose `key` exists; unchanged rows are not rewritten.

    `columns` name the values of each row, key columns among them. Returns the rows given.
    """
    if not rows:
        return 0
    fields = {str(field.column): field for field in table._meta.concrete_fields}
    extra = {c: f.get_default() for c, f in fields.items() if c not in columns and c != "id"}
    names = [*columns, *extra]
    sql = _upsert_sql(table._meta.db_table, key, columns, names)
    prepare = [fields[name] for name in names]
    with database.cursor() as cursor:
        cursor.executemany(sql, [_prepared(prepare, (*row, *extra.values())) for row in rows])
    return len(rows)


def _upsert_sql(
    table: str, key: Sequence[str], columns: Sequence[str], names: Sequence[str]
) -> str:
    quote = database.ops.quote_name
    # SQLite learnt IS DISTINCT FROM in 3.39; its IS NOT has always meant the same.
    differs = "IS NOT" if database.vendor == "sqlite" else "IS DISTINCT FROM"
    values = [quote(column) for column in columns if column not in key]
    changes = ", ".join(f"{value} = excluded.{value}" for value in values)
    changed = " OR ".join(f"{quote(table)}.{v} {differs} excluded.{v}" for v in values)
    return (
        f"INSERT INTO {quote(table)} ({', '.join(map(quote, names))}) "
        f"VALUES ({', '.join(['%s'] * len(names))}) "
        f"ON CONFLICT ({', '.join(map(quote, key))}) DO UPDATE SET {changes} WHERE {changed}"
    )


def _prepared(fields: Sequence[Field[object, object]], values: Sequence[object]) -> tuple[Any, ...]:
    return tuple(
        field.get_db_prep_save(value, database) for field, value in zip(fields, values, strict=True)
    )
