"""Live traffic: volume by source, call type and event, as the policy's judge wants it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from django.db.models import Min, Sum

from cdpwatch.models import Connection, VolumeDay, VolumeHour, VolumeMinute, Workspace
from cdpwatch.readings import Direction, TrafficSlice

from .counts import DAY, start_of

# A leak counts as growing while calls arrive in this window. Segment's volume lags a minute
# and is read every two, so three turns may fail before it looks quiet.
RECENT = timedelta(minutes=10)
EVEN_HOURS = (1 / 24,) * 24
_SLICE = ("source_id", "call_type", "event")
_Key = tuple[int, str, str]


def traffic(workspace: Workspace, since: date, now: datetime) -> list[TrafficSlice]:
    """Live volume since `since` by source, call type and event."""
    sources = sources_of(workspace)
    by_day: dict[_Key, dict[date, int]] = defaultdict(dict)
    rows = VolumeDay.objects.filter(
        source__workspace=workspace, bucket__gte=start_of(since), bucket__lt=now
    )
    for source, call_type, event, bucket, count in rows.values_list(*_SLICE, "bucket", "count"):
        by_day[source, call_type, event][bucket.date()] = count
    recent = _recent(workspace, now)
    firsts = _first_buckets(workspace, now)
    return [
        _slice(key, sources[key[0]], by_day.get(key, {}), recent.get(key, 0), firsts.get(key, ()))
        for key in by_day.keys() | recent.keys()
    ]


def _slice(
    key: _Key,
    source: Connection,
    by_day: dict[date, int],
    recent: int,
    firsts: Sequence[datetime],
) -> TrafficSlice:
    return TrafficSlice(
        source_id=key[0],
        source_name=source.name,
        app=source.app_slug,
        environment=source.environment.name if source.environment else "",
        call_type=key[1],
        event=key[2],
        recent=recent,
        total=sum(by_day.values()),
        by_day=by_day,
        first_seen=began(by_day, firsts),
    )


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
    for bucket, narrower in zip(finer, (timedelta(hours=1), timedelta(minutes=1)), strict=False):
        if start <= bucket < start + width:
            start, width = bucket, narrower
    return start


def sources_of(workspace: Workspace) -> dict[int, Connection]:
    rows = Connection.objects.filter(workspace=workspace, direction=Direction.SOURCE)
    return {row.pk: row for row in rows.select_related("app", "environment", "function")}


def _recent(workspace: Workspace, now: datetime) -> dict[_Key, int]:
    rows = VolumeMinute.objects.filter(source__workspace=workspace, bucket__gte=now - RECENT)
    return {tuple(key): n for *key, n in rows.values_list(*_SLICE).annotate(Sum("count"))}


def _first_buckets(workspace: Workspace, now: datetime) -> dict[_Key, tuple[datetime, ...]]:
    firsts: dict[_Key, tuple[datetime, ...]] = {}
    for table in (VolumeHour, VolumeMinute):
        rows = table.objects.filter(source__workspace=workspace, bucket__lte=now)
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
