"""What is no count but explains one: audit events, schema settings, usage periods."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cdpwatch.models import SchemaSetting, SegmentAuditEvent, UsagePeriod, Workspace
from cdpwatch.readings import AuditReading, PeriodReading, SchemaReading

from .rows import connections, upsert


def record_audit(workspace: Workspace, readings: Sequence[AuditReading]) -> int:
    """Store what was done in Segment, each event once."""
    key = ("workspace_id", "segment_id")
    told = ("at", "kind", "resource_type", "resource_id", "resource_name")
    rows = [(workspace.pk, r.segment_id, *(getattr(r, name) for name in told)) for r in readings]
    return upsert(SegmentAuditEvent, key, (*key, *told), rows)


def record_schema(workspace: Workspace, readings: Sequence[SchemaReading], now: datetime) -> int:
    """Make each source's schema settings what Segment just said."""
    sources = connections(workspace, {reading.source_id for reading in readings}, now)
    for r in readings:
        SchemaSetting.objects.update_or_create(
            source_id=sources[r.source_id],
            defaults={
                "forwards_violations_to": r.forwards_violations_to,
                "forwards_blocked_to": r.forwards_blocked_to,
                "settings": r.settings,
                "seen_at": now,
            },
        )
    return len(readings)


def record_periods(workspace: Workspace, readings: Sequence[PeriodReading], now: datetime) -> int:
    """Store the usage periods; one that begins on a known day takes the end that was told last."""
    key = ("workspace_id", "starts_on")
    rows = [(workspace.pk, r.starts_on, r.ends_on, now) for r in readings]
    return upsert(UsagePeriod, key, (*key, "ends_on", "seen_at"), rows)
