"""A turn of BigQuery: Google's own client in the place of ours, and a book of what jobs cost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.conf import settings

from cdpwatch import counting, vault
from cdpwatch.counters import Keys
from cdpwatch.counters.bigquery import BIGQUERY
from cdpwatch.http import RateLimited
from cdpwatch.models import Connection, Workspace
from cdpwatch.readings import Direction, Rejection, Window
from cdpwatch.warehouse import (
    JobNote,
    Meter,
    Warehouse,
    check,
    read,
    settings_of,
    warehouse,
)

from .lasting import insist
from .pipeline import Record

Hook = Callable[[], object]


def ask_warehouse(
    workspace: Workspace,
    keys: Keys,
    window: Window,
    now: datetime,
    before_each: Hook,
    on_throttled: Callable[[float], object] = lambda seconds: None,
) -> tuple[Record, list[Rejection]]:
    """Ask for the days of `window`; what records them, and what could not be read.

    Raises ApiError where nothing could be read; `on_throttled` is told for how long, if Google
    said so.
    """
    try:
        with _opened(workspace, keys, now, before_each) as opened:
            reading = read(opened, _sources(workspace), window, now)
    except RateLimited as error:
        if error.retry_after:
            on_throttled(error.retry_after)
        raise
    complete = not reading.rejections

    def record() -> int:
        counts = counting.record_counts(
            workspace, BIGQUERY, window, reading.counts, complete=complete
        )
        return counts + counting.record_traffic(workspace, reading.traffic, reading.scanned, now)

    return record, reading.rejections


def check_warehouse(
    workspace: Workspace, keys: Keys, now: datetime, before_each: Hook = lambda: None
) -> str:
    """Whether the keys open the warehouse, in a sentence; no query is run. Raises ApiError."""
    with _opened(workspace, keys, now, before_each) as opened:
        return check(opened, _sources(workspace))


def _opened(workspace: Workspace, keys: Keys, now: datetime, before_each: Hook) -> Warehouse:
    return warehouse(
        settings_of(keys),
        meter_of(workspace, now),
        now,
        url=vault.vendor_url(BIGQUERY),
        allow_loopback=settings.ALLOW_LOOPBACK,
        before_each=before_each,
    )


def meter_of(workspace: Workspace, now: datetime) -> Meter:
    """The workspace's book of jobs. Written at once: a turn that fails has cost its bytes."""

    def note(job: JobNote) -> None:
        insist(
            lambda: counting.note_job(
                workspace,
                job.job_id,
                job.shape,
                job.asked_at,
                estimated=job.estimated,
                billed=job.billed,
                error=job.error,
            )
        )

    return Meter(lambda: insist(lambda: counting.bytes_used(workspace, now)), note)


def _sources(workspace: Workspace) -> dict[str, str]:
    """Slug by Segment id of the sources that feed a warehouse; of all, where no link is known."""
    live = Connection.objects.filter(workspace=workspace).live().sources().exclude(slug="")
    fed = live.filter(feeds__target__direction=Direction.WAREHOUSE).distinct()
    return dict((fed if fed.exists() else live).values_list("segment_id", "slug"))
