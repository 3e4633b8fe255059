"""What is asked of Segment beyond its counts of calls: the pipeline and what explains it.

Each function asks, as those of `asks`, and gives the verb that records the answer. Connections are
asked for one by one, so many of them go in rounds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import TypeVar

from django.db.models import Max, QuerySet

from cdpwatch import budget, counting
from cdpwatch.days import DAY, start_of
from cdpwatch.http import Api, NotFound
from cdpwatch.models import Connection, DeliveryDay, IngestDay, PollerState, Workspace
from cdpwatch.pollers import (
    segment_audit,
    segment_delivery,
    segment_ingest,
    segment_period,
    segment_schema,
    segment_syncs,
)
from cdpwatch.readings import Direction, Window

from .rounds import overview_window, past_window, portion

Record = Callable[[], int]
Days = tuple[date, date] | None
Each = TypeVar("Each")

AUDIT_REACH = 90 * DAY  # Segment shows no older audit events
AUDIT_AGAIN = timedelta(hours=1)  # each turn reads again: an event may show late


def ask_ingest(api: Api, workspace: Workspace, now: datetime, days: Days) -> Record:
    newest = _newest(IngestDay.objects.filter(source__workspace=workspace), "source", now)
    asks = [
        segment_ingest.Ask(source, window)
        for source in _turn("ingest", _ids(workspace, Direction.SOURCE), now, days)
        if (window := _window(newest.get(source), now, days))
    ]
    readings = segment_ingest.read(api, asks)
    return lambda: counting.record_ingest(workspace, readings, now)


def ask_delivery(api: Api, workspace: Workspace, now: datetime, days: Days) -> Record:
    stored = DeliveryDay.objects.filter(destination__workspace=workspace)
    newest = _newest(stored, "destination", now)
    asks = [
        segment_delivery.Ask(source, destination, window)
        for source, destination in _turn("delivery", _pairs(workspace), now, days)
        if (window := _window(newest.get(destination), now, days))
    ]
    readings = segment_delivery.read(api, asks)
    return lambda: counting.record_delivery(workspace, readings, now)


def ask_syncs(api: Api, workspace: Workspace, now: datetime, _: Days) -> Record:
    """One warehouse a turn, in one request; one that Segment removed meanwhile has nothing new."""
    records: list[Record] = []
    for segment_id in portion("syncs", _ids(workspace, Direction.WAREHOUSE), now):
        warehouse = Connection.objects.get(workspace=workspace, segment_id=segment_id)
        try:
            readings = segment_syncs.read(api, segment_id)
        except NotFound:
            continue
        records.append(partial(counting.record_syncs, workspace, warehouse, readings, now))
    return lambda: sum(record() for record in records)


def ask_audit(api: Api, workspace: Workspace, now: datetime, days: Days) -> Record:
    state = PollerState.objects.filter(workspace=workspace, poller="audit").first()
    last = state.last_good if state else None
    since = max(now - AUDIT_REACH, last - AUDIT_AGAIN) if last else now - AUDIT_REACH
    window = Window(since, now)
    if days:
        window = Window(start_of(days[0]), min(start_of(days[1]) + DAY, now))
    readings = segment_audit.read(api, window) if window.start < window.end else ()
    return lambda: counting.record_audit(workspace, readings)


def ask_schema(api: Api, workspace: Workspace, now: datetime, _: Days) -> Record:
    sources = portion("schema", _ids(workspace, Direction.SOURCE), now)
    readings = segment_schema.read(api, sources)
    return lambda: counting.record_schema(workspace, readings, now)


def ask_period(api: Api, workspace: Workspace, now: datetime, days: Days) -> Record:
    """The running month and the one before it, which names the period on the first of a month."""
    months = budget.usage_periods(days[1] if days else now.date(), 2)
    readings = segment_period.read(api, sorted(months))
    return lambda: counting.record_periods(workspace, readings, now)


def _turn(name: str, everything: Sequence[Each], now: datetime, days: Days) -> Sequence[Each]:
    """The turn's part of `everything`; all of it where somebody asked for days of the past."""
    return everything if days else portion(name, everything, now)


def _window(newest: date | None, now: datetime, days: Days) -> Window | None:
    return past_window(days, now) if days else overview_window(newest, now)


def _ids(workspace: Workspace, direction: Direction) -> list[str]:
    rows = Connection.objects.filter(workspace=workspace, direction=direction).live()
    return list(rows.order_by("pk").values_list("segment_id", flat=True))


def _pairs(workspace: Workspace) -> list[tuple[str, str]]:
    """(source, destination) of every live destination: Segment answers per pair."""
    rows = Connection.objects.filter(workspace=workspace).live().destinations()
    pairs = rows.exclude(fed_by=None).order_by("pk", "fed_by__source")
    return list(pairs.values_list("fed_by__source__segment_id", "segment_id"))


def _newest(
    rows: QuerySet[IngestDay] | QuerySet[DeliveryDay], owner: str, now: datetime
) -> dict[str, date]:
    """The newest stored day by Segment id, of days that Segment still has."""
    recent = rows.filter(day__gte=overview_window(None, now).start.date())
    return dict(recent.values_list(f"{owner}__segment_id").annotate(Max("day")))
