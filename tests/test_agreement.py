"""What the tables say, brought side by side: in UTC days, per connection, in few queries."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from cdpwatch import exports, snapshot, watch
from cdpwatch.counters import COUNTERS
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
)
from cdpwatch.readings import Direction
from cdpwatch.reconciling import Rows, Sent, own_pairs, vendor_pairs
from tests.factories import NOW, TODAY, bill, make_connection, make_sources

DAY = timedelta(days=1)
SETTLED = TODAY - 3 * DAY
MIDNIGHT = NOW.replace(hour=0, minute=0, second=0, microsecond=0) - 3 * DAY


@pytest.fixture
def source(workspace: Workspace) -> Connection:
    prod = workspace.environments.get(name="Prod")
    app = workspace.apps.get(slug="customer-io")
    return make_connection(workspace, "src1", name="Prod - Customer.io", app=app, environment=prod)


@pytest.fixture
def target(workspace: Workspace, source: Connection) -> Connection:
    prod = workspace.environments.get(name="Prod")
    fields = {"app": workspace.apps.get(slug="amplitude"), "environment": prod}
    row = make_connection(workspace, "dst1", direction=Direction.DESTINATION, **fields)
    Link.objects.create(source=source, target=row)
    return row


def rows_of(workspace: Workspace) -> Rows:
    return snapshot.rows_of(workspace, SETTLED, TODAY, NOW)


def make_live(source: Connection, event: str, count: int, call_type: str = "track") -> None:
    VolumeDay.objects.create(
        source=source, bucket=MIDNIGHT, call_type=call_type, event=event, count=count
    )


def make_count(workspace: Workspace, count: int, **fields: object) -> VendorCount:
    filled = {
        "app": "amplitude",
        "counter": "amplitude",
        "bucket": MIDNIGHT,
        "grain": "day",
        "kind": "received",
        "exactness": "exact",
        "clock": "event",
        **fields,
    }
    return VendorCount.objects.create(workspace=workspace, count=count, **filled)


def test_it_reads_what_every_side_counted_of_a_source(
    workspace: Workspace, source: Connection
) -> None:
    SourceDay.objects.create(source=source, day=SETTLED, calls=100)
    SourceDay.objects.create(source=source, day=SETTLED + DAY, calls=None, reason="Lost.")
    make_live(source, "Email Sent", 60)
    make_live(source, "Email Opened", 39)
    for outcome, calls in (("received", 99), ("failed", 1)):
        IngestDay.objects.create(
            source=source, day=SETTLED, call_type="track", outcome=outcome, calls=calls
        )
    for host in ("a", "b"):
        TrafficDay.objects.create(
            source=source, day=SETTLED, call_type="track", host=host, anonymous=True, count=49
        )
    rows = rows_of(workspace)
    assert rows.billed == {source.pk: {SETTLED: 100}}
    assert rows.live == {source.pk: {("track", "*"): {SETTLED: 99}}}
    assert rows.live_days == {SETTLED}
    assert rows.ingest[source.pk] == {"received": {SETTLED: 99}, "failed": {SETTLED: 1}}
    assert rows.warehouse == {source.pk: {SETTLED: 98}}


def test_it_reads_events_only_where_a_counter_tells_them_apart(
    workspace: Workspace, source: Connection
) -> None:
    make_live(source, "Email Sent", 60)
    make_live(source, "*", 5)  # a real event of that name is not every event
    fields = {"app": "customer-io", "counter": "customerio", "kind": "emitted"}
    make_count(workspace, 58, call_type="track", event="Email Sent", **fields)
    rows = rows_of(workspace)
    assert rows.live[source.pk] == {
        ("track", "*"): {SETTLED: 65},
        ("track", "Email Sent"): {SETTLED: 60},
    }
    later = NOW + 9 * DAY  # opens arrive for days
    [pair] = vendor_pairs(snapshot.rows_of(workspace, SETTLED, TODAY, later))
    assert (pair.base_days, pair.other_days) == ({SETTLED: 65}, {SETTLED: 58})
    assert [cause.days for cause in pair.causes] == [{SETTLED: -5}]


def test_it_reads_deliveries_by_call_type(
    workspace: Workspace, source: Connection, target: Connection
) -> None:
    counts = {"delivered": 90, "failed": 2, "filtered": 8, "retried": 1}
    DeliveryDay.objects.create(destination=target, day=SETTLED, call_type="track", **counts)
    rows = rows_of(workspace)
    assert rows.sent == {target.pk: {"track": {SETTLED: Sent(90, 2, 8, 1)}}}
    assert rows.places[target.pk].fed_by == (source.pk,)
    assert rows.places[target.pk].production


def test_it_takes_only_good_syncs_for_loaded(workspace: Workspace, source: Connection) -> None:
    warehouse = make_connection(workspace, "w1", direction=Direction.WAREHOUSE)
    for hours, status in ((1, "SUCCESS"), (2, "PARTIAL"), (3, "FAILED")):
        start = MIDNIGHT + timedelta(hours=hours)
        WarehouseSync.objects.create(
            warehouse=warehouse, source=source, started_at=start, ended_at=start, status=status
        )
    assert rows_of(workspace).loaded_to == {source.pk: MIDNIGHT + timedelta(hours=1)}


def test_it_sums_the_rows_of_syncs_by_day_and_leaves_the_first_day_out(
    workspace: Workspace, source: Connection
) -> None:
    """What was loaded before the first sync that was read is not known."""
    warehouse = make_connection(workspace, "w1", direction=Direction.WAREHOUSE)
    for hours, rows in ((23, 9), (24, 5), (47, 7), (48, None)):
        start = MIDNIGHT + timedelta(hours=hours)
        WarehouseSync.objects.create(
            warehouse=warehouse, source=source, started_at=start, status="SUCCESS", rows=rows
        )
    assert rows_of(workspace).synced == {source.pk: {SETTLED + DAY: 12, SETTLED + 2 * DAY: 0}}


def test_it_knows_when_each_counter_was_last_read(workspace: Workspace) -> None:
    PollerState.objects.create(workspace=workspace, poller="usage", last_good=MIDNIGHT)
    PollerState.objects.create(workspace=workspace, poller="volume", last_good=None)
    assert rows_of(workspace).read == {"usage": MIDNIGHT}


def test_it_knows_every_counter_by_what_it_covers() -> None:
    amplitude = snapshot.other_side(COUNTERS["amplitude"])
    assert amplitude.covers == {"track", "page", "screen"}
    assert amplitude.expected == (-0.03, 0.01)


def test_it_knows_of_every_counter_which_call_types_it_covers() -> None:
    """One that names none is compared with every call: then it must say so."""
    vague = [
        key
        for key, counter in COUNTERS.items()
        if not snapshot.other_side(counter).covers
        and not counter.caps.covers.startswith(("every", "all"))
        and counter.caps.covers
    ]
    assert vague == []


def test_it_asks_the_same_number_of_queries_whatever_the_size(
    workspace: Workspace, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    make_sources(workspace, 30, NOW)
    with django_assert_max_num_queries(13):
        rows = rows_of(workspace)
    assert len(list(own_pairs(rows))) == 31


def test_it_exports_each_comparison_by_day(
    workspace: Workspace, source: Connection, target: Connection
) -> None:
    SourceDay.objects.create(source=source, day=SETTLED, calls=100)
    make_live(source, "Email Sent", 97)
    counts = {"delivered": 90, "failed": 0, "filtered": 0, "retried": 0}
    DeliveryDay.objects.create(destination=target, day=SETTLED, call_type="identify", **counts)
    make_count(workspace, 0)
    rows = {row["compared"]: row for row in exports.agreement(workspace, SETTLED, TODAY)}
    live = rows[f"source/{source.pk}/live"]
    assert (live["first"], live["other"], live["gap"], live["unexplained"]) == (100, 97, -3, -3)
    vendor = rows["destination/amplitude/amplitude"]
    assert (vendor["gap"], vendor["explained"], vendor["unexplained"]) == (-90, -90, 0)


def test_it_opens_one_alert_when_a_gap_moves_and_none_for_a_gap_that_stays(
    workspace: Workspace,
) -> None:
    bill(workspace, TODAY, 20_000, days=32)
    steady, moving = make_sources(workspace, 2, NOW)
    SourceDay.objects.update(calls=10_000)
    VolumeDay.objects.all().delete()
    VolumeDay.objects.bulk_create(
        VolumeDay(
            source=source,
            bucket=MIDNIGHT + (1 - n) * DAY,
            call_type="track",
            event="Opened",
            count=7_000 if source == moving and n == 0 else 9_000,
        )
        for source in (steady, moving)
        for n in range(29)
    )
    watch.evaluate(workspace, NOW)
    watch.evaluate(workspace, NOW + timedelta(minutes=1))
    [alert] = workspace.alerts.filter(kind="gap")
    assert alert.fingerprint == f"gap:source/{moving.pk}/live"


def test_it_looks_for_changed_gaps_once_an_hour_and_when_a_counter_has_read(
    workspace: Workspace, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for poller in ("usage", "volume"):
        PollerState.objects.create(workspace=workspace, poller=poller, last_good=NOW)
    snapshot.compared(workspace, NOW)
    later = NOW + timedelta(minutes=1)
    workspace.pollers.filter(poller="volume").update(last_good=later)
    with django_assert_num_queries(1):
        snapshot.compared(workspace, later)
    workspace.pollers.filter(poller="usage").update(last_good=later)
    for now in (later, NOW + timedelta(hours=1)):
        with CaptureQueriesContext(connection) as asked:
            snapshot.compared(workspace, now)
        assert len(asked) > 1
