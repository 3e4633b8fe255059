"""Reads what every side counted in some days, in a fixed number of queries, to be compared."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta

from django.db.models import CharField, Count, Max, Min, QuerySet, Sum
from django.db.models.functions import Cast, TruncDate

from cdpwatch.counters import COUNTERS, Counter, Kind
from cdpwatch.days import DAY, start_of
from cdpwatch.models import (
    Connection,
    DeliveryDay,
    IngestDay,
    Link,
    PollerState,
    SourceDay,
    TrafficDay,
    VendorCount,
    VolumeDay,
    WarehouseSync,
    Workspace,
    WorkspaceDay,
)
from cdpwatch.readings import CALL_TYPES, Direction
from cdpwatch.reconciling import (
    EVERY,
    OtherSide,
    Pair,
    Place,
    Rows,
    Sent,
    VendorDay,
    moved,
    own_pairs,
    silent,
    vendor_pairs,
)

from .traffic import day_of

COMPARED = 40  # days back: a trend's 28 and the longest that a vendor takes to settle
LOADED = ("SUCCESS", "SUCCEEDED", "COMPLETED")  # a sync's status, in capitals

Counts = dict[int, dict[date, int]]


# What was found of a workspace, and when; a worker evaluates every minute, settled days stay.
_found: dict[tuple[int, datetime], tuple[object, tuple[Pair, ...]]] = {}


def compared(workspace: Workspace, now: datetime) -> tuple[Pair, ...]:
    """The comparisons whose gap changed, or whose other side fell silent.

    Looked for once an hour, and when a counter has read since: live volume alone reads every
    minute, and it changes no settled day.
    """
    held = (now.replace(minute=0, second=0, microsecond=0), _read(workspace, but="volume"))
    whose = (workspace.pk, workspace.created_at)
    known, pairs = _found.get(whose, (None, ()))
    if known != held:
        pairs = _changed(workspace, now)
        _found[whose] = (held, pairs)
    return pairs


def _changed(workspace: Workspace, now: datetime) -> tuple[Pair, ...]:
    rows = rows_of(workspace, now.date() - COMPARED * DAY, now.date(), now)
    pairs = (*own_pairs(rows), *vendor_pairs(rows))
    off = [trend.pair for trend in moved(pairs, now)]
    return (*off, *(pair for pair, _ in silent(pairs, now)))


def rows_of(
    workspace: Workspace,
    first: date,
    last: date,
    now: datetime,
    counters: Mapping[str, Counter] = COUNTERS,
) -> Rows:
    """What was counted from `first` to `last`, both included: UTC days."""
    vendors, loads = _vendors(workspace, first, last), _loads(workspace)
    places = places_of(workspace)
    live, live_days = _live(workspace, first, last)
    for pk, named in _named(places, vendors, counters, first, last).items():
        live[pk].update(named)
    return Rows(
        now=now,
        places=places,
        workspace=_workspace_days(workspace, first, last),
        billed=_billed(workspace, first, last),
        live=live,
        live_days=live_days,
        ingest=_ingest(workspace, first, last),
        sent=_sent(workspace, first, last),
        warehouse=_warehouse(workspace, first, last),
        synced=_synced(workspace, first, last),
        loaded_to={source: newest for source, (newest, _) in loads.items()},
        loads_every={source: every for source, (_, every) in loads.items() if every},
        read=_read(workspace),
        vendors=vendors,
        counters={key: other_side(counter) for key, counter in counters.items()},
    )


def other_side(counter: Counter) -> OtherSide:
    """A counter as it is compared; the call types are those that `covers` names."""
    words = set(re.findall(r"\w+", counter.caps.covers))
    return OtherSide(
        key=counter.key,
        title=counter.title,
        app=counter.app,
        what=counter.caps.covers,
        covers=frozenset(words & set(CALL_TYPES)),
        expected=counter.caps.tolerance,
        settles=counter.caps.settles,
    )


# --- who sends what where ----------------------------------------------------------------------
def places_of(workspace: Workspace) -> dict[int, Place]:
    fed_by: dict[int, list[int]] = defaultdict(list)
    links = Link.objects.filter(source__workspace=workspace)
    for source, target in links.order_by("pk").values_list("source_id", "target_id"):
        fed_by[target].append(source)
    rows = Connection.objects.filter(workspace=workspace)
    return {
        row.pk: _place(row, tuple(fed_by[row.pk]))
        for row in rows.select_related("app", "environment", "function")
    }


def _place(row: Connection, fed_by: tuple[int, ...]) -> Place:
    system = row.app or row.function
    return Place(
        pk=row.pk,
        name=row.name,
        direction=Direction(row.direction),
        system=row.app_slug,
        title=system.name if system else row.name,
        production=bool(row.environment and row.environment.production),
        fed_by=fed_by,
        function=row.app is None and row.function is not None,
        slug=row.slug,
    )


# --- what was counted --------------------------------------------------------------------------
def _workspace_days(workspace: Workspace, first: date, last: date) -> dict[date, int]:
    rows = WorkspaceDay.objects.filter(workspace=workspace, day__range=(first, last))
    return {day: n for day, n in rows.values_list("day", "calls") if n is not None}


def _billed(workspace: Workspace, first: date, last: date) -> Counts:
    rows = SourceDay.objects.filter(source__workspace=workspace, day__range=(first, last))
    listed = rows.values_list("source_id", "day", "calls")
    return _by_key((source, day, n) for source, day, n in listed if n is not None)


def _live(
    workspace: Workspace, first: date, last: date
) -> tuple[dict[int, dict[tuple[str, str], dict[date, int]]], frozenset[date]]:
    """Live calls by source and call type, and the days that live volume was read for."""
    found: dict[int, dict[tuple[str, str], dict[date, int]]] = defaultdict(dict)
    rows = _volume(first, last).filter(source__workspace=workspace)
    for source, call_type, text, calls in rows.values_list(
        "source_id", "call_type", Cast("bucket", CharField())
    ).annotate(Sum("count")):
        found[source].setdefault((call_type, EVERY), {})[day_of(text)] = calls
    days = {day for kinds in found.values() for counts in kinds.values() for day in counts}
    return found, frozenset(days)


def _named(
    places: Mapping[int, Place],
    vendors: Iterable[VendorDay],
    counters: Mapping[str, Counter],
    first: date,
    last: date,
) -> dict[int, dict[tuple[str, str], dict[date, int]]]:
    """Live calls by event, of the systems whose counter tells events apart."""
    systems = {
        counters[row.counter].app
        for row in vendors
        if row.event != EVERY and row.kind == Kind.EMITTED and row.counter in counters
    }
    sources = [
        place.pk
        for place in places.values()
        if place.system in systems and place.direction == Direction.SOURCE
    ]
    found: dict[int, dict[tuple[str, str], dict[date, int]]] = defaultdict(dict)
    # An event that is really called "*" must not be taken for all events.
    rows = _volume(first, last).filter(source__in=sources).exclude(event=EVERY)
    for source, call_type, event, bucket, calls in rows.values_list(
        "source_id", "call_type", "event", "bucket", "count"
    ):
        found[source].setdefault((call_type, event), {})[bucket.date()] = calls
    return found


def _volume(first: date, last: date) -> QuerySet[VolumeDay]:
    return VolumeDay.objects.filter(bucket__range=_span(first, last))


def _span(first: date, last: date) -> tuple[datetime, datetime]:
    """From the first moment to the last, also of the last day that there is."""
    return start_of(first), datetime.combine(last, time.max, UTC)


def _ingest(workspace: Workspace, first: date, last: date) -> dict[int, dict[str, dict[date, int]]]:
    found: dict[int, dict[str, dict[date, int]]] = defaultdict(dict)
    rows = IngestDay.objects.filter(source__workspace=workspace, day__range=(first, last))
    for source, outcome, day, calls in rows.values_list("source_id", "outcome", "day").annotate(
        Sum("calls")
    ):
        found[source].setdefault(outcome, {})[day] = calls
    return found


def _sent(workspace: Workspace, first: date, last: date) -> dict[int, dict[str, dict[date, Sent]]]:
    found: dict[int, dict[str, dict[date, Sent]]] = defaultdict(dict)
    rows = DeliveryDay.objects.filter(destination__workspace=workspace, day__range=(first, last))
    for target, call_type, day, *counts in rows.values_list(
        "destination_id", "call_type", "day", "delivered", "failed", "filtered", "retried"
    ):
        found[target].setdefault(call_type, {})[day] = Sent(*counts)
    return found


def _warehouse(workspace: Workspace, first: date, last: date) -> Counts:
    rows = TrafficDay.objects.filter(source__workspace=workspace, day__range=(first, last))
    return _by_key(rows.values_list("source_id", "day").annotate(Sum("count")))


def _synced(workspace: Workspace, first: date, last: date) -> Counts:
    """Rows that runs which began on a day have loaded; a day that was not read whole is no day."""
    rows = WarehouseSync.objects.filter(warehouse__workspace=workspace).exclude(source=None)
    oldest = rows.aggregate(Min("started_at"))["started_at__min"]
    if oldest is None:
        return {}
    rows = rows.filter(started_at__range=_span(max(first, oldest.date() + DAY), last))
    by_day = rows.values_list("source_id", TruncDate("started_at", tzinfo=UTC))
    return _by_key(by_day.annotate(Sum("rows", default=0)))


def _read(workspace: Workspace, but: str = "") -> dict[str, datetime]:
    rows = PollerState.objects.filter(workspace=workspace).exclude(poller=but)
    return {row.poller: row.last_good for row in rows if row.last_good}


def _loads(workspace: Workspace) -> dict[int, tuple[datetime, timedelta | None]]:
    """When the newest good sync of each source began, and how long it was between two of them.

    What came after the newest is not in it.
    """
    rows = WarehouseSync.objects.filter(warehouse__workspace=workspace, ended_at__isnull=False)
    good = rows.filter(status__iregex=f"^({'|'.join(LOADED)})$").exclude(source=None)
    ends = good.values_list("source_id").annotate(
        Min("started_at"), Max("started_at"), Count("started_at", distinct=True)
    )
    return {
        source: (newest, (newest - oldest) / (times - 1) if times > 1 else None)
        for source, oldest, newest, times in ends
    }


def _vendors(workspace: Workspace, first: date, last: date) -> tuple[VendorDay, ...]:
    rows = VendorCount.objects.filter(
        workspace=workspace,
        bucket__range=_span(first, last),
        kind__in=(Kind.EMITTED, Kind.RECEIVED),
    )
    columns = ("counter", "kind", "bucket", "grain", "call_type", "event", "dims", "count")
    listed = rows.order_by("pk").values_list(*columns, "exactness", "clock")
    return tuple(
        VendorDay(counter, kind, bucket.date(), *rest) for counter, kind, bucket, *rest in listed
    )


def _by_key(rows: Iterable[tuple[int, date, int]]) -> Counts:
    found: Counts = defaultdict(dict)
    for key, day, calls in rows:
        found[key][day] = calls
    return found
