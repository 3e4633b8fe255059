"""What a connection's page tells of the pipeline."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from cdpwatch.models import DiscardDay, IngestDay, SchemaSetting, WarehouseSync, Workspace
from dashboards import pipeline
from tests.dashboards.conftest import text
from tests.factories import make_connection


def page(browser: Client, pk: int) -> str:
    return text(browser, f"/catalog/connections/{pk}/")


def test_it_shows_what_a_source_received_and_what_it_lost(
    workspace: Workspace, viewer: Client
) -> None:
    source, today = make_connection(workspace), timezone.now().date()
    for outcome, reason, calls in (
        ("failed", "no_user_anon_id", 30),
        ("received", "", 1000),
        ("filtered", "<b>odd</b>", 5),
    ):
        IngestDay.objects.create(
            source=source, day=today, call_type="track", outcome=outcome, reason=reason, calls=calls
        )
    rows = pipeline.ingest_rows(source, today - timedelta(days=30))
    assert [(row.outcome, row.calls, row.percent) for row in rows] == [
        ("Received", 1000, 100),
        ("Failed", 30, 3),
        ("Filtered", 5, 0.5),
    ]
    shown = page(viewer, source.pk)
    assert "At Segment’s door" in shown
    assert "no_user_anon_id" in shown
    assert "<b>odd</b>" not in shown


def test_it_leaves_days_out_that_are_long_past(workspace: Workspace) -> None:
    source, today = make_connection(workspace), timezone.now().date()
    row = {"call_type": "track", "outcome": "received", "calls": 7}
    IngestDay.objects.create(source=source, day=today - timedelta(days=31), **row)
    assert pipeline.of(source, today)["ingest"] == []


def test_it_warns_of_copies_that_are_billed_again(workspace: Workspace, viewer: Client) -> None:
    source = make_connection(workspace)
    make_connection(workspace, "src2", name="Prod - Violations")
    SchemaSetting.objects.create(
        source=source,
        forwards_violations_to="src2",
        forwards_blocked_to="unknown9",
        seen_at=timezone.now(),
    )
    shown = page(viewer, source.pk)
    assert "break its tracking plan go to <b>Prod - Violations</b>" in shown
    assert "its schema blocks go to <b>unknown9</b>" in shown


def test_it_shows_why_calls_did_not_arrive(workspace: Workspace, viewer: Client) -> None:
    destination = make_connection(workspace, direction="destination", name="Prod - Amplitude")
    for outcome, reason, calls in (("failed", "429", 1), ("filtered", "FILTERED_BY_RULES", 3)):
        DiscardDay.objects.create(
            destination=destination,
            day=timezone.now().date(),
            call_type="track",
            outcome=outcome,
            reason=reason,
            calls=calls,
        )
    shown = page(viewer, destination.pk)
    assert shown.index("FILTERED_BY_RULES") < shown.index("429</code>")


@pytest.mark.parametrize(
    ("status", "minutes", "badge", "took"),
    [
        ("SUCCESS", 3, ("ok", "Success"), "3 min"),
        ("STARTED", None, ("late", "Started"), ""),
        ("PARTIAL", 100, ("warn", "Partial"), "2 h"),
        ("who knows", 3, ("warn", "Who knows"), "3 min"),
    ],
)
def test_it_shows_the_last_syncs_of_a_warehouse(
    workspace: Workspace,
    viewer: Client,
    status: str,
    minutes: int | None,
    badge: tuple[str, str],
    took: str,
) -> None:
    warehouse = make_connection(workspace, "wh1", direction="warehouse", name="Prod - BigQuery")
    began = timezone.now() - timedelta(hours=3)
    WarehouseSync.objects.create(
        warehouse=warehouse,
        source=make_connection(workspace),
        started_at=began,
        ended_at=began + timedelta(minutes=minutes) if minutes else None,
        status=status,
        rows=8100,
    )
    (row,) = pipeline.last_syncs(warehouse)
    assert (row.badge, row.took) == (badge, took)
    shown = page(viewer, warehouse.pk)
    assert badge[1] in shown
    assert (took or "still on") in shown
