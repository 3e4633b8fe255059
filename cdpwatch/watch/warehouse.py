"""A turn of BigQuery: Google's own client in the place of ours, and a book of what jobs cost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from django.conf import settings
from django.db.models import Max

from cdpwatch import counting, vault
from cdpwatch.counters import Clock, CountRow, Exactness, Keys, Kind
from cdpwatch.counters.bigquery import BIGQUERY
from cdpwatch.days import start_of
from cdpwatch.http import RateLimited
from cdpwatch.models import Connection, VendorCount, Workspace
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
from .others import window_of
from .pipeline import Record

Hook = Callable[[], object]
READ_TO = "read to"  # of each source the moment, in seconds since 1970


def ask_warehouse(
    workspace: Workspace,
    keys: Keys,
    window: Window,
    now: datetime,
    before_each: Hook,
    on_throttled: Callable[[float], object] = lambda seconds: None,
) -> tuple[Record, list[Rejection]]:
    """Ask for the days of `window`; what records them, and what could not be read.

    A source that was left out of the turns before is read from where it was left, for the poller
    as a whole went on. Raises ApiError where nothing could be read. `on_throttled` is told for how
    long Google wants to hear nothing, also where a quota was used up halfway.
    """
    sources, known = _sources(workspace), _read_to(workspace)
    since = {
        slug: window_of(BIGQUERY.caps, known.get(slug), now, None).start
        for slug in sources.values()
    }
    try:
        with _opened(workspace, keys, now, before_each) as opened:
            reading = read(opened, sources, window, now, since)
    except RateLimited as error:
        if error.retry_after:
            on_throttled(error.retry_after)
        raise
    if reading.rest:
        on_throttled(reading.rest)
    complete = not reading.rejections
    for slug in reading.asked:
        to = max(window.end, known.get(slug, window.end))
        reading.counts.append(_mark(slug, to, now))

    def record() -> int:
        counts = counting.record_counts(
            workspace, BIGQUERY, window, reading.counts, complete=complete
        )
        return counts + counting.record_traffic(workspace, reading.traffic, reading.scanned, now)

    return record, reading.rejections


def _read_to(workspace: Workspace) -> dict[str, datetime]:
    """Until when each source, by slug, was read without a hole."""
    marks = VendorCount.objects.filter(
        workspace=workspace, counter=BIGQUERY.key, kind=Kind.STATE, event=READ_TO
    )
    newest = marks.order_by().values_list("dims").annotate(Max("count"))
    return {
        dims.removeprefix("source="): datetime.fromtimestamp(seconds, UTC)
        for dims, seconds in newest
    }


def _mark(slug: str, to: datetime, now: datetime) -> CountRow:
    return CountRow(
        bucket=start_of(now.date()),
        grain="day",
        kind=Kind.STATE,
        count=int(to.timestamp()),
        exactness=Exactness.STATE,
        clock=Clock.LOAD,
        event=READ_TO,
        dims={"source": slug},
    )


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
        ca_file=settings.VENDOR_CA_FILE,
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
    rows = fed if fed.exists() else live
    return dict(rows.order_by("pk").values_list("segment_id", "slug"))
