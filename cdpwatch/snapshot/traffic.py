"""Live traffic: volume by source, call type and event, as the policy's judge wants it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import lru_cache

from django.db.models import CharField, Min, Sum
from django.db.models.functions import Cast

from cdpwatch.days import DAY, start_of
from cdpwatch.models import Connection, VolumeDay, VolumeHour, VolumeMinute, Workspace
from cdpwatch.readings import RECENT, Direction, TrafficSlice

HOUR = timedelta(hours=1)
REACH = timedelta(days=31)
EVEN_HOURS = (1 / 24,) * 24
_SLICE = ("source_id", "call_type", "event")
_Key = tuple[int, str, str]


def traffic(
    workspace: Workspace, period_start: date, upto: datetime, seen: datetime
) -> list[TrafficSlice]:
    """Live volume up to `upto` by source, call type and event; totals are the period's.

    The days reach a month back at least, so that a leak that crosses into a new period keeps
    its beginning. `seen` is the minute up to which live volume was read: recent is recent then.
    """
    sources = sources_of(workspace)
    since = min(period_start, upto.date() - REACH)
    by_day: dict[_Key, dict[date, int]] = defaultdict(dict)
    rows = VolumeDay.objects.filter(
        source__in=sources, bucket__gte=start_of(since), bucket__lt=upto
    )
    # Thousands of rows share some thirty days: each is parsed once, as a text.
    for source, call_type, event, day, count in rows.values_list(
        *_SLICE, Cast("bucket", CharField()), "count"
    ):
        by_day[source, call_type, event][day_of(day)] = count
    recent = _counted(sources, seen - RECENT, seen)
    last_hour = _counted(sources, seen - HOUR, seen)
    return [
        replace(
            _slice(key, sources[key[0]], by_day.get(key, {})),
            total=sum(n for day, n in by_day.get(key, {}).items() if day >= period_start),
            recent=recent.get(key, 0),
            last_hour=last_hour.get(key, 0),
        )
        for key in by_day.keys() | last_hour.keys()
    ]


def live_beside(workspace: Workspace, since: date, upto: datetime) -> dict[date, int]:
    """Live calls by UTC day of the other workspaces under the same contract."""
    rows = VolumeDay.objects.filter(
        source__workspace__contract=workspace.contract_id,
        bucket__gte=start_of(since),
        bucket__lt=upto,
    ).exclude(source__workspace=workspace)
    counted = rows.values_list("bucket").annotate(Sum("count"))
    return {bucket.date(): calls for bucket, calls in counted}


@lru_cache(maxsize=1024)
def day_of(text: str) -> date:
    """The UTC day of a timestamp as both databases write it: "2026-11-18 00:00:00..."."""
    return date.fromisoformat(text[:10])


def _slice(key: _Key, source: Connection, by_day: dict[date, int]) -> TrafficSlice:
    return TrafficSlice(
        source_id=key[0],
        source_name=source.name,
        app=source.app_slug,
        environment=source.environment.name if source.environment else "",
        call_type=key[1],
        event=key[2],
        by_day=by_day,
    )


def with_beginnings(
    pieces: Sequence[TrafficSlice], wanted: Callable[[TrafficSlice], bool], upto: datetime
) -> list[TrafficSlice]:
    """The slices, those that are `wanted` with the start of their traffic as `first_seen`.

    Only a leak needs its beginning, and finding it scans two days of hours and minutes.
    """
    chosen = [piece for piece in pieces if wanted(piece)]
    if not chosen:
        return list(pieces)
    firsts = _first_buckets({piece.source_id for piece in chosen}, upto)
    return [
        replace(piece, first_seen=began(piece.by_day, firsts.get(_key(piece), ())))
        if wanted(piece)
        else piece
        for piece in pieces
    ]


def _key(piece: TrafficSlice) -> _Key:
    return piece.source_id, piece.call_type, piece.event


def began(by_day: Mapping[date, int], finer: Sequence[datetime]) -> datetime | None:
    """Start of the run of traffic that still goes on, as finely as the buckets kept can tell.

    `finer`: first buckets of the kept hours and minutes; each is taken when it falls into the
    coarser bucket that begins the run.
    """
    if not by_day:
        return min(finer, default=None)
    day = max(by_day)
    while by_day.get(day - DAY):
        day -= DAY
    start, width = start_of(day), DAY
    for bucket, narrower in zip(finer, (HOUR, timedelta(minutes=1)), strict=False):
        if start <= bucket < start + width:
            start, width = bucket, narrower
    return start


def sources_of(workspace: Workspace) -> dict[int, Connection]:
    rows = Connection.objects.filter(workspace=workspace, direction=Direction.SOURCE)
    return {row.pk: row for row in rows.select_related("app", "environment", "function")}


def _counted(sources: Iterable[int], since: datetime, upto: datetime) -> dict[_Key, int]:
    """Calls of the minutes from `since` to `upto`: looking back must not see what came later."""
    rows = VolumeMinute.objects.filter(source__in=sources, bucket__gte=since, bucket__lt=upto)
    return {tuple(key): n for *key, n in rows.values_list(*_SLICE).annotate(Sum("count"))}


def calls_by_event(sources: Iterable[int], since: date) -> dict[tuple[str, str], int]:
    """Live calls of some sources from the UTC day `since` on, by call type and event."""
    rows = VolumeDay.objects.filter(source__in=sources, bucket__gte=start_of(since))
    counted = rows.values_list("call_type", "event").annotate(Sum("count"))
    return {(call_type, event): n for call_type, event, n in counted}


def _first_buckets(sources: Iterable[int], now: datetime) -> dict[_Key, tuple[datetime, ...]]:
    firsts: dict[_Key, tuple[datetime, ...]] = {}
    for table in (VolumeHour, VolumeMinute):
        rows = table.objects.filter(source__in=sources, bucket__lte=now)
        for *key, first in rows.values_list(*_SLICE).annotate(Min("bucket")):
            firsts[tuple(key)] = (*firsts.get(tuple(key), ()), first)
    return firsts


def hour_shares(workspace: Workspace, now: datetime) -> tuple[float, ...]:
    """How yesterday's calls spread over its hours: 24 shares that add up to 1."""
    start = start_of(now.date() - DAY)
    rows = VolumeHour.objects.filter(
        source__workspace=workspace, bucket__gte=start, bucket__lt=start + DAY
    )
    hours = {bucket.hour: n for bucket, n in rows.values_list("bucket").annotate(Sum("count"))}
    total = sum(hours.values())
    if len(hours) < 24:
        return EVEN_HOURS
    return tuple(hours[hour] / total for hour in range(24))
