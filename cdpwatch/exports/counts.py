"""Tables of counts and projections, now or as they were known at a moment.

As of a moment billed calls are made again from the readings that had come in by then. Live volume
keeps no history: it is of whole days before the moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time

from django.db.models import Sum

from cdpwatch import snapshot
from cdpwatch.days import DAY
from cdpwatch.models import Connection, Projection, SourceDay, SourceMonth, VolumeDay, Workspace

from .writing import Row

_Days = Mapping[tuple[int, date], int | None]  # calls by source, its primary key, and day


def usage(workspace: Workspace, first: date, last: date) -> Iterator[Row]:
    """One row per source and UTC day: billed calls ("" where unknown) and live calls."""
    rows = SourceDay.objects.filter(source__workspace=workspace, day__gte=first, day__lte=last)
    fields = ("source_id", "day", "calls")
    billed = {(source, day): calls for source, day, calls in rows.values_list(*fields)}
    return _usage(workspace, billed, _live(workspace, first, last))


def usage_known(workspace: Workspace, first: date, last: date, at: datetime) -> Iterator[Row]:
    """The same as it was known at `at`."""
    billed = {
        (source, day): count.calls
        for source, days in snapshot.source_days_known(workspace, at, first).items()
        for day, count in days.items()
        if first <= day <= last
    }
    return _usage(workspace, billed, _live(workspace, first, min(last, at.date() - DAY)))


def _usage(workspace: Workspace, billed: _Days, live: _Days) -> Iterator[Row]:
    sources = _sources(workspace)
    for source, day in sorted(billed.keys() | live.keys(), key=lambda key: (key[1], key[0])):
        yield {
            "day": day.isoformat(),
            **_named(sources[source]),
            "billed": billed.get((source, day)),
            "live": live.get((source, day)),
        }


def _sources(workspace: Workspace) -> dict[int, Connection]:
    rows = Connection.objects.filter(workspace=workspace).select_related("environment")
    return {row.pk: row for row in rows}


def _named(source: Connection) -> Row:
    """Who a row is of: by the names of now."""
    return {
        "source_id": source.segment_id,
        "source": source.name,
        "environment": source.environment.name if source.environment else "",
    }


def _live(workspace: Workspace, first: date, last: date) -> dict[tuple[int, date], int]:
    rows = VolumeDay.objects.filter(
        source__workspace=workspace,
        bucket__gte=datetime.combine(first, time.min, UTC),
        bucket__lte=datetime.combine(last, time.max, UTC),
    )
    counted = rows.values_list("source_id", "bucket").annotate(Sum("count"))
    return {(source, bucket.date()): count for source, bucket, count in counted}


def months(workspace: Workspace, first: date, last: date) -> Iterator[Row]:
    """One row per source and calendar month that the span touches: billed calls."""
    rows = SourceMonth.objects.filter(
        source__workspace=workspace, month__gte=first.replace(day=1), month__lte=last
    )
    fields = ("month", "source_id", "calls", "unknown_days")
    return _months(workspace, list(rows.values_list(*fields)))


def months_known(workspace: Workspace, first: date, last: date, at: datetime) -> Iterator[Row]:
    """The same as they were known at `at`."""
    found = [
        (month, source, count.calls, count.unknown_days)
        for source, days in snapshot.source_days_known(workspace, at, first).items()
        for month, count in snapshot.months_in(days).items()
        if first.replace(day=1) <= month <= last
    ]
    return _months(workspace, found)


def _months(workspace: Workspace, found: list[tuple[date, int, int, int]]) -> Iterator[Row]:
    sources = _sources(workspace)
    for month, source, calls, unknown in sorted(found):
        yield {
            "month": f"{month:%Y-%m}",
            **_named(sources[source]),
            "billed": calls,
            "unknown_days": unknown,
        }


def projection(workspace: Workspace, first: date, last: date) -> Iterator[Row]:
    """What was projected on each day."""
    rows = Projection.objects.filter(contract__workspace=workspace)
    rows = rows.filter(as_of__gte=first, as_of__lte=last).order_by("as_of", "period_start")
    yield from map(_projected, rows)


def projection_known(workspace: Workspace, first: date, last: date, at: datetime) -> Iterator[Row]:
    """What had been projected by `at`; where nothing was kept of its day, it is made again."""
    rows = Projection.objects.filter(contract__workspace=workspace, made_at__lte=at)
    rows = rows.filter(as_of__gte=first, as_of__lte=last).order_by("as_of", "period_start")
    kept = list(rows)
    yield from map(_projected, kept)
    if first <= at.date() <= last and not any(row.as_of == at.date() for row in kept):
        yield _projected(_made_again(workspace, at))


def _made_again(workspace: Workspace, at: datetime) -> Projection:
    """The projection of a moment, as it would have been kept."""
    view = snapshot.take(workspace, at, as_of=True)
    state, projected = view.standing, view.projected
    totals = zip(projected.levels, projected.totals, strict=True)
    return Projection(
        as_of=at.date(),
        made_at=at,
        period_start=state.period.start,
        period_end=state.period.end,
        used=state.used,
        quantiles={str(level): round(total) for level, total in totals},
        chance_over=state.chance_over,
        crosses_on=state.crosses_on,
        verdict=state.verdict,
        method=projected.method,
    )


def _projected(row: Projection) -> Row:
    return {
        "as_of": row.as_of.isoformat(),
        "period_start": row.period_start.isoformat(),
        "period_end": row.period_end.isoformat(),
        "used": row.used,
        **{f"q{level}": total for level, total in row.quantiles.items()},
        "chance_over": row.chance_over,
        "crosses_on": row.crosses_on.isoformat() if row.crosses_on else None,
        "verdict": row.verdict,
        "method": row.method,
        "made_at": row.made_at.isoformat(),
    }
