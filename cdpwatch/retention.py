"""How long each table keeps its rows. `watch.prune` drops what is past that, once a day."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from axes.models import AccessAttempt, AccessLog
from django.contrib.sessions.models import Session
from django.db.models import Model, Q, QuerySet

from . import models

MONTH = timedelta(days=30)
A_YEAR_AND_MORE = timedelta(days=400)  # so that a month can be held against that of the year before
TWO_YEARS_AND_MORE = timedelta(days=800)


@dataclass(frozen=True)
class Kept:
    """Rows stay until `by`, a date or a moment, is `age` old; `only` says which ever go."""

    age: timedelta | None = None  # None: for ever
    by: str = ""
    only: Q = field(default_factory=Q)


FOR_EVER = Kept()

# Every table of cdpwatch, and those of Django that grow by themselves.
RETENTION: dict[type[Model], Kept] = {
    # What Segment said, and the days and months made of it.
    models.Reading: FOR_EVER,
    models.WorkspaceDay: FOR_EVER,
    models.SourceDay: FOR_EVER,
    models.WorkspaceMonth: FOR_EVER,
    models.SourceMonth: FOR_EVER,
    models.UsagePeriod: FOR_EVER,
    models.VolumeMinute: Kept(timedelta(hours=3), "bucket"),
    models.VolumeHour: Kept(timedelta(hours=48), "bucket"),
    models.VolumeDay: Kept(TWO_YEARS_AND_MORE, "bucket"),
    models.DeliveryDay: FOR_EVER,
    models.IngestDay: FOR_EVER,
    models.DiscardDay: FOR_EVER,
    models.EventName: Kept(A_YEAR_AND_MORE, "last_seen"),
    models.WarehouseSync: Kept(A_YEAR_AND_MORE, "started_at"),
    models.SegmentAuditEvent: Kept(A_YEAR_AND_MORE, "at"),
    # What the other sides said, and what asking cost.
    models.VendorCount: Kept(2 * MONTH, "bucket", only=~Q(grain="day")),
    models.TrafficDay: Kept(A_YEAR_AND_MORE, "day"),
    models.QueryJob: Kept(A_YEAR_AND_MORE, "asked_at"),
    # The catalog, and what people decided.
    models.Workspace: FOR_EVER,
    models.Credential: FOR_EVER,
    models.Environment: FOR_EVER,
    models.App: FOR_EVER,
    models.Connection: FOR_EVER,
    models.Link: FOR_EVER,
    models.Function: FOR_EVER,
    models.SchemaSetting: FOR_EVER,
    models.CatalogChange: FOR_EVER,
    models.Contract: FOR_EVER,
    models.ContractEntry: FOR_EVER,
    models.Amendment: FOR_EVER,
    models.SubBudget: FOR_EVER,
    models.MonthClose: FOR_EVER,
    models.Scenario: FOR_EVER,
    models.PlannedEvent: FOR_EVER,
    models.DayNote: FOR_EVER,
    models.Invoice: FOR_EVER,
    models.InvoiceLine: FOR_EVER,
    models.Projection: FOR_EVER,
    models.Replay: FOR_EVER,
    models.PolicyVersion: FOR_EVER,
    models.TrackingRule: FOR_EVER,
    # Alerts, and where they went.
    models.Leak: FOR_EVER,
    models.Alert: FOR_EVER,
    models.AlertEvent: FOR_EVER,
    models.Channel: FOR_EVER,
    models.Delivery: FOR_EVER,
    # People.
    models.User: FOR_EVER,
    models.AuditLog: FOR_EVER,
    Session: Kept(timedelta(0), "expire_date"),
    AccessAttempt: Kept(MONTH, "attempt_time"),
    AccessLog: Kept(3 * MONTH, "attempt_time"),
    # The work itself.
    models.PollRun: Kept(MONTH, "started_at"),
    models.RejectedRow: Kept(MONTH, "run__started_at"),
    models.WorkRequest: Kept(MONTH, "asked_at"),
    models.PollerState: FOR_EVER,
    models.Heartbeat: FOR_EVER,
    models.KeptSnapshot: FOR_EVER,
}


def expired(table: type[Model], now: datetime) -> QuerySet[Model]:
    """Rows past their keeping at `now`; none of a table that is kept for ever."""
    kept, rows = RETENTION[table], table._default_manager
    if kept.age is None:
        return rows.none()
    before = now - kept.age
    plain = table._meta.get_field(kept.by.split("__")[0]).get_internal_type() == "DateField"
    return rows.filter(kept.only, **{f"{kept.by}__lt": before.date() if plain else before})
