"""Traffic of the warehouse, and what asking for it cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import F, Sum
from django.db.models.functions import Coalesce

from cdpwatch.days import next_month, start_of
from cdpwatch.models import QueryJob, TrafficDay, Workspace
from cdpwatch.readings import TrafficReading, Window

from .rows import connections, upsert

KEY = ("source_id", "day", "call_type", "event", "host", "path", "library", "anonymous")


@transaction.atomic
def record_traffic(
    workspace: Workspace,
    readings: Sequence[TrafficReading],
    scanned: Sequence[tuple[str, Window]],
    now: datetime,
) -> int:
    """Make the `scanned` days of each source (by segment id) what the warehouse says. Rows kept.

    A group of calls that is no longer there goes; days that were not scanned whole keep theirs.
    """
    ids = {reading.source_id for reading in readings} | {source for source, _ in scanned}
    sources = connections(workspace, ids, now)
    counts: dict[tuple[object, ...], int] = defaultdict(int)
    for reading in readings:
        counts[sources[reading.source_id], *_names(reading)] += reading.count
    for source, days in scanned:
        _drop_vanished(sources[source], days, set(counts))
    return upsert(TrafficDay, KEY, (*KEY, "count"), [(*key, n) for key, n in counts.items()])


def _names(reading: TrafficReading) -> tuple[object, ...]:
    texts = (reading.event, reading.host, reading.path, reading.library)
    return (reading.day, reading.call_type, *texts, reading.anonymous)


def _drop_vanished(source: int, days: Window, keep: set[tuple[object, ...]]) -> None:
    rows = TrafficDay.objects.filter(
        source_id=source, day__gte=days.start.date(), day__lt=days.end.date()
    )
    gone = [pk for pk, *key in rows.values_list("pk", *KEY) if tuple(key) not in keep]
    for start in range(0, len(gone), 500):
        TrafficDay.objects.filter(pk__in=gone[start : start + 500]).delete()


def note_job(
    workspace: Workspace,
    job_id: str,
    shape: str,
    asked_at: datetime,
    *,
    estimated: int | None,
    billed: int | None,
    error: str,
) -> None:
    """Keep what a BigQuery job was estimated at and billed, in bytes. Not in a turn's
    transaction: a turn that fails has cost its bytes all the same."""
    told = {"shape": shape, "billed_bytes": billed, "error": error[:500]}
    if estimated is not None:
        told["estimated_bytes"] = estimated
    QueryJob.objects.update_or_create(
        workspace=workspace,
        job_id=job_id,
        defaults=told,
        create_defaults={**told, "asked_at": asked_at},
    )


def bytes_used(workspace: Workspace, now: datetime) -> int:
    """Bytes billed for the jobs of this UTC month; one that has not ended, as estimated."""
    month = now.date().replace(day=1)
    jobs = QueryJob.objects.filter(
        workspace=workspace, asked_at__gte=start_of(month), asked_at__lt=start_of(next_month(month))
    )
    used = jobs.aggregate(sum=Sum(Coalesce(F("billed_bytes"), F("estimated_bytes"), 0)))["sum"]
    return used or 0
