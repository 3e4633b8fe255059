"""Live volume: buckets of minutes, hours and days, made what Segment last said of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from cdpwatch import retention
from cdpwatch.models import VolumeDay, VolumeHour, VolumeMinute, Workspace
from cdpwatch.readings import OTHER, Grain, NoData, VolumeReading, Window

from .rows import connections, upsert

VolumeTable = type[VolumeMinute] | type[VolumeHour] | type[VolumeDay]
VOLUME_TABLES: dict[Grain, VolumeTable] = {
    Grain.MINUTE: VolumeMinute,
    Grain.HOUR: VolumeHour,
    Grain.DAY: VolumeDay,
}
LONGEST_EVENT = 300  # characters of an event's name that are kept


def record_volume(
    workspace: Workspace,
    grain: Grain,
    window: Window,
    readings: Sequence[VolumeReading],
    now: datetime,
    *,
    complete: bool = True,
) -> int:
    """Make the buckets of `window` what Segment just said, and drop those past their keeping.

    Where the answer is not `complete`, what it lacks stays as it was. Raises NoData for an
    answer without any call where calls were counted before: no data is not zero.
    """
    sources = connections(workspace, {reading.source_id for reading in readings}, now)
    counts: dict[tuple[int, datetime, str, str], int] = defaultdict(int)
    for reading in readings:
        event = reading.event[:LONGEST_EVENT].replace("\0", "")
        counts[sources[reading.source_id], reading.bucket, reading.call_type, event] += (
            reading.count
        )
    table = VOLUME_TABLES[grain]
    if complete:
        _drop_vanished(workspace, table, window, set(counts))
    else:
        _leave_folded(table, window, counts)
    key = ("source_id", "bucket", "call_type", "event")
    upsert(table, key, (*key, "count"), [(*k, count) for k, count in counts.items()])
    if grain is not Grain.DAY:  # there are many of them; the daily job would come late
        retention.expired(table, now).delete()
    return len(counts)


def _leave_folded(
    table: VolumeTable, window: Window, counts: dict[tuple[int, datetime, str, str], int]
) -> None:
    """Take out what would be counted twice: the row "(other)" of its bucket stays, and holds it."""
    folded = table.objects.filter(event=OTHER, bucket__gte=window.start, bucket__lt=window.end)
    places = set(folded.values_list("source_id", "bucket"))
    for key in [key for key in counts if key[:2] in places]:
        del counts[key]


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
    if stored and not keep:
        raise NoData("GET /events/volume has no calls at all, though it had some before.")
    gone = [pk for pk, *key in stored if tuple(key) not in keep]
    for start in range(0, len(gone), 500):
        table.objects.filter(pk__in=gone[start : start + 500]).delete()
