"""Tables of what else Segment says: ingest, discards, event names, warehouse syncs, audit events.

All days are UTC days. Counts are whole calls, of a warehouse sync whole rows.
"""

from __future__ import annotations

from django.db import models

from .catalog import Connection, Workspace


class IngestDay(models.Model):
    """What became of one source's calls at Segment's door on one UTC day, by type and reason.

    `outcome` is received, failed (on ingest) or filtered (at the source); received has no reason.
    """

    source = models.ForeignKey(Connection, models.CASCADE, related_name="ingested", db_index=False)
    day = models.DateField()
    call_type = models.CharField(max_length=10)
    outcome = models.CharField(max_length=10)
    reason = models.CharField(max_length=100, blank=True)
    calls = models.BigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["source", "day", "call_type", "outcome", "reason"], name="one_ingest_day"
            ),
        )

    def __str__(self) -> str:
        return f"{self.source_id} {self.day} {self.call_type} {self.outcome}: {self.calls}"


class DiscardDay(models.Model):
    """Why calls did not reach one destination on one UTC day: failed or filtered, by reason."""

    destination = models.ForeignKey(
        Connection, models.CASCADE, related_name="discards", db_index=False
    )
    day = models.DateField()
    call_type = models.CharField(max_length=10)
    outcome = models.CharField(max_length=10)  # failed or filtered
    reason = models.CharField(max_length=100, blank=True)
    calls = models.BigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["destination", "day", "call_type", "outcome", "reason"],
                name="one_discard_day",
            ),
        )

    def __str__(self) -> str:
        return f"{self.destination_id} {self.day} {self.outcome} {self.reason}: {self.calls}"


class EventName(models.Model):
    """One event name of one source, and the UTC days between which it was seen."""

    source = models.ForeignKey(
        Connection, models.CASCADE, related_name="event_names", db_index=False
    )
    call_type = models.CharField(max_length=10)
    event = models.CharField(max_length=300)
    first_seen = models.DateField()
    last_seen = models.DateField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["source", "call_type", "event"], name="one_event_name"),
        )

    def __str__(self) -> str:
        return f"{self.call_type} {self.event}"


class SchemaSetting(models.Model):
    """What one source does with calls that break its schema; a forwarded copy is billed again."""

    source = models.OneToOneField(Connection, models.CASCADE, related_name="schema_setting")
    forwards_violations_to = models.CharField(max_length=100, blank=True)  # a segment id
    forwards_blocked_to = models.CharField(max_length=100, blank=True)
    settings = models.JSONField(default=dict)
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"schema of {self.source_id}"


class WarehouseSync(models.Model):
    """One run that loaded one source's rows into a warehouse, as Segment reports it."""

    warehouse = models.ForeignKey(Connection, models.CASCADE, related_name="syncs", db_index=False)
    source = models.ForeignKey(Connection, models.CASCADE, null=True, related_name="+")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=40)
    rows = models.BigIntegerField(null=True)
    said = models.CharField(max_length=500, blank=True)  # Segment's notices

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["warehouse", "source", "started_at"], name="one_warehouse_sync"
            ),
        )
        indexes = (models.Index(fields=["started_at"]),)

    def __str__(self) -> str:
        return f"{self.warehouse_id} {self.started_at:%d %H:%M} {self.status}"


class SegmentAuditEvent(models.Model):
    """What somebody did in Segment: a hint at why counts changed. Actors' names are not kept."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="audit_events")
    segment_id = models.CharField(max_length=100)
    at = models.DateTimeField()
    kind = models.CharField(max_length=200)
    resource_type = models.CharField(max_length=100, blank=True)
    resource_id = models.CharField(max_length=100, blank=True)
    resource_name = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["workspace", "segment_id"], name="one_audit_event"),
        )
        indexes = (models.Index(fields=["at"]),)

    def __str__(self) -> str:
        return f"{self.kind} {self.at:%Y-%m-%d %H:%M}"


class UsagePeriod(models.Model):
    """A billing period as Segment's MTU usage names it: a hint at the contract's cycle."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="usage_periods")
    starts_on = models.DateField()
    ends_on = models.DateField()
    seen_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["workspace", "starts_on"], name="one_usage_period"),
        )

    def __str__(self) -> str:
        return f"{self.starts_on} to {self.ends_on}"
