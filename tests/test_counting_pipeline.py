"""What is kept of the pipeline's steps and of what explains them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from cdpwatch import counting
from cdpwatch.models import (
    DiscardDay,
    EventName,
    IngestDay,
    SchemaSetting,
    SegmentAuditEvent,
    UsagePeriod,
    VolumeDay,
    WarehouseSync,
    Workspace,
)
from cdpwatch.readings import (
    AuditReading,
    DeliveryReading,
    Direction,
    Discard,
    IngestReading,
    PeriodReading,
    SchemaReading,
    SyncReading,
    Window,
)
from tests.factories import NOW, TODAY, at, make_connection

MONDAY = date(2026, 11, 16)


def ingest(day: date, outcome: str, reason: str, calls: int) -> IngestReading:
    return IngestReading("src1", day, "track", outcome, reason, calls)


def test_it_keeps_ingest_by_reason_and_what_was_restated(workspace: Workspace) -> None:
    first = [
        ingest(TODAY, "received", "", 90),
        ingest(TODAY, "failed", "no_user_anon_id", 4),
        ingest(MONDAY, "failed", "bad_request", 2),
    ]
    for _ in range(2):
        assert counting.record_ingest(workspace, first, NOW) == 3
    restated = [ingest(TODAY, "received", "", 95), ingest(TODAY, "failed", "bad_request", 1)]
    counting.record_ingest(workspace, restated, NOW)
    assert set(IngestDay.objects.values_list("day", "outcome", "reason", "calls")) == {
        (TODAY, "received", "", 95),
        (TODAY, "failed", "bad_request", 1),  # the other reason of this day is told no more
        (MONDAY, "failed", "bad_request", 2),  # a day that was not read stays
    }


def test_it_leaves_the_days_of_other_sources_alone(workspace: Workspace) -> None:
    other = replace(ingest(TODAY, "failed", "bad_request", 7), source_id="src2")
    counting.record_ingest(workspace, [other], NOW)
    counting.record_ingest(workspace, [ingest(TODAY, "received", "", 5)], NOW)
    assert sorted(IngestDay.objects.values_list("calls", flat=True)) == [5, 7]


def test_it_keeps_why_calls_did_not_arrive(workspace: Workspace) -> None:
    discards = (Discard("failed", "429", 3), Discard("filtered", "FILTERED_BY_RULES", 4))
    reading = DeliveryReading("dst1", TODAY, "track", 90, 3, 4, 1, discards)
    for _ in range(2):
        counting.record_delivery(workspace, [reading], NOW)
    rows = DiscardDay.objects.order_by("outcome").values_list("outcome", "reason", "calls")
    assert list(rows) == [("failed", "429", 3), ("filtered", "FILTERED_BY_RULES", 4)]
    counting.record_delivery(workspace, [replace(reading, discards=())], NOW)
    assert not DiscardDay.objects.exists()


def test_it_follows_a_warehouse_sync_to_its_end(workspace: Workspace) -> None:
    warehouse = make_connection(workspace, "wh1", direction=Direction.WAREHOUSE)
    running = SyncReading("src1", at(18, 8), None, "STARTED", 0, "")
    ended = replace(running, ended_at=at(18, 8, 3), status="SUCCESS", rows=120)
    assert counting.record_syncs(workspace, warehouse, [running], NOW) == 1
    counting.record_syncs(workspace, warehouse, [ended, ended], NOW)
    sync = WarehouseSync.objects.get()
    assert (sync.status, sync.rows, sync.ended_at) == ("SUCCESS", 120, at(18, 8, 3))
    assert sync.source and sync.source.segment_id == "src1"


def test_it_keeps_each_hint_once(workspace: Workspace) -> None:
    event = AuditReading("aud1", at(17), "Source Disabled", "source", "src1", "Prod - Application")
    schema = SchemaReading("src1", "src2", "", {"track": {"allowUnplannedEvents": True}})
    period = PeriodReading(date(2026, 11, 17), date(2026, 12, 16))
    for _ in range(2):
        counting.record_audit(workspace, [event])
        counting.record_schema(workspace, [schema], NOW)
        counting.record_periods(workspace, [period], NOW)
    assert SegmentAuditEvent.objects.get().resource_name == "Prod - Application"
    assert SchemaSetting.objects.get().forwards_violations_to == "src2"
    assert UsagePeriod.objects.get().ends_on == date(2026, 12, 16)
    counting.record_schema(workspace, [replace(schema, forwards_violations_to="")], NOW)
    assert SchemaSetting.objects.get().forwards_violations_to == ""


# --- event names --------------------------------------------------------------------------------
def volume(workspace: Workspace, day: int, event: str, count: int, month: int = 11) -> None:
    source = workspace.connections.filter(segment_id="src1").first() or make_connection(workspace)
    row = {"call_type": "track", "event": event, "count": count}
    VolumeDay.objects.create(source=source, bucket=at(day, month=month), **row)


def names() -> list[tuple[object, ...]]:
    rows = EventName.objects.order_by("event")
    return list(rows.values_list("event", "first_seen", "last_seen"))


LATELY = Window(at(16), NOW)


def test_it_knows_since_when_and_until_when_a_name_was_sent(workspace: Workspace) -> None:
    volume(workspace, 10, "Opened", 5)
    volume(workspace, 17, "Opened", 6)
    volume(workspace, 18, "", 9)
    volume(workspace, 18, "(other)", 9)
    for _ in range(2):
        assert counting.fold_event_names(workspace, Window(at(10), NOW)) == 1
    assert names() == [("Opened", date(2026, 11, 10), date(2026, 11, 17))]


def test_it_moves_a_names_first_day_back_as_the_past_is_read(workspace: Workspace) -> None:
    volume(workspace, 17, "Opened", 6)
    counting.fold_event_names(workspace, LATELY)
    volume(workspace, 5, "Opened", 100, month=6)
    volume(workspace, 9, "Gone", 100, month=6)
    june = Window(at(1, month=6), at(1, month=7))
    counting.fold_event_names(workspace, june)
    expected = [
        ("Gone", date(2026, 6, 9), date(2026, 6, 9)),
        ("Opened", date(2026, 6, 5), date(2026, 11, 17)),
    ]
    assert names() == expected
    VolumeDay.objects.filter(bucket__lt=at(1)).delete()  # what is pruned is not forgotten
    counting.fold_event_names(workspace, LATELY)
    assert names() == expected
