"""From the demo workspace to the tables: the pipeline's steps, and what explains them."""

from __future__ import annotations

from datetime import date, timedelta

from cdpwatch import watch
from cdpwatch.models import (
    EventName,
    IngestDay,
    PollRun,
    SchemaSetting,
    SegmentAuditEvent,
    UsagePeriod,
    WarehouseSync,
    Workspace,
)
from tests.conftest import DemoWorkspace
from tests.factories import NOW, TODAY, make_connection

DAY = timedelta(days=1)


def test_it_reads_the_pipeline_of_every_source(workspace: Workspace, demo: DemoWorkspace) -> None:
    watch.poll("catalog", workspace, NOW)
    watch.poll("ingest", workspace, NOW)
    days = IngestDay.objects.filter(source__name="Prod - Application", day=date(2026, 11, 17))
    received = sum(days.filter(outcome="received").values_list("calls", flat=True))
    told = demo.http.get("/_demo/truth.json", params={"from": "2026-11-17", "to": "2026-11-17"})
    calls = {row["source"]: row["calls"] for row in told.json()["calls"]}
    assert received == calls["Prod - Application"]
    assert set(days.values_list("outcome", "reason")) == {
        ("received", ""),
        ("failed", "no_user_anon_id"),
    }
    blocked = IngestDay.objects.filter(outcome="filtered")
    assert set(blocked.values_list("source__name", "reason")) == {
        ("Staging - Application", "schema_violation"),
        ("Dev - Application", "schema_violation"),
    }


def test_it_reads_the_syncs_of_one_warehouse_a_turn(
    workspace: Workspace, demo: DemoWorkspace
) -> None:
    watch.poll("catalog", workspace, NOW)
    make_connection(workspace, "gone", direction="warehouse")
    for _ in range(2):  # one of them has the warehouse that Segment does not know
        watch.poll("syncs", workspace, demo.forward(minutes=5))
    runs = PollRun.objects.filter(poller="syncs", state="good").values_list("rows", flat=True)
    assert sorted(runs) == [0, 200]
    assert set(WarehouseSync.objects.values_list("warehouse__name", flat=True)) == {
        "Prod - BigQuery"
    }


def test_it_reads_what_was_done_since_the_last_turn(
    workspace: Workspace, demo: DemoWorkspace
) -> None:
    watch.poll("audit", workspace, NOW)
    before = SegmentAuditEvent.objects.count()
    assert before > 10 and SegmentAuditEvent.objects.filter(at__lt=NOW - 60 * DAY).exists()
    demo.leak("L2")
    watch.poll("audit", workspace, demo.forward(minutes=15))
    assert 1 <= PollRun.objects.latest("pk").rows < 5
    assert SegmentAuditEvent.objects.count() == before + 1


def test_it_lives_without_audit_events(workspace: Workspace, demo: DemoWorkspace) -> None:
    demo.fault("/audit-events", "403")
    run = watch.poll("audit", workspace, NOW)
    assert run is not None
    run.refresh_from_db()
    assert (run.state, run.rejected) == ("good", 1)


def test_it_reads_schemas_and_the_usage_period(workspace: Workspace, demo: DemoWorkspace) -> None:
    for name in ("catalog", "schema", "period"):
        watch.poll(name, workspace, NOW)
    forwards = SchemaSetting.objects.exclude(forwards_violations_to="")
    assert [each.source.name for each in forwards] == ["Staging - Application"]
    newest = UsagePeriod.objects.latest("starts_on")
    assert (newest.starts_on, newest.ends_on) == (date(2026, 11, 1), date(2026, 11, 30))


def test_it_folds_event_names_once_an_hour(workspace: Workspace, demo: DemoWorkspace) -> None:
    watch.poll("volume", workspace, NOW)
    names = EventName.objects.filter(source__workspace=workspace)
    assert names.filter(event="page_edited", last_seen=TODAY).exists()
    names.delete()
    watch.poll("volume", workspace, demo.forward(minutes=2))
    assert not names.exists()
    watch.poll("volume", workspace, demo.forward(hours=1))
    assert names.exists()
