"""What became of one connection's calls on their way through Segment, for its page.

A source: received, failed and filtered at Segment's door, and what its destinations were sent. A
destination: what it was sent, and why calls did not arrive. A warehouse: its last syncs. Of each:
what somebody changed in Segment. Sums are of the last 30 UTC days.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import QuerySet, Sum

from cdpwatch import wording
from cdpwatch.models import (
    Connection,
    DeliveryDay,
    DiscardDay,
    IngestDay,
    PollerState,
    SchemaSetting,
    SegmentAuditEvent,
    WarehouseSync,
)
from cdpwatch.readings import Direction

DAYS = timedelta(days=30)
MOST_SYNCS = 24
MOST_CHANGES = 10
# Segment's own words for a run that went well; it has no fixed set of them.
WELL, STILL_ON = ("success", "succeeded", "completed"), ("started", "running", "in_progress")
OUTCOMES = {"received": "Received", "failed": "Failed", "filtered": "Filtered"}


@dataclass(frozen=True)
class ReasonRow:
    """Calls of one outcome and call type, for one reason; "" where Segment gives none."""

    outcome: str
    call_type: str
    reason: str
    calls: int
    percent: float  # of the calls that were received, or of all discards


@dataclass(frozen=True)
class SentRow:
    """What one source's destination was sent of one call type, or of all of them."""

    destination: Connection
    call_type: str
    delivered: int
    failed: int
    filtered: int
    retried: int


@dataclass(frozen=True)
class SyncRow:
    sync: WarehouseSync
    badge: tuple[str, str]

    @property
    def took(self) -> str:
        """Such as 3 min; "" while it is still on."""
        ended = self.sync.ended_at
        return wording.length(ended - self.sync.started_at) if ended else ""


@dataclass(frozen=True)
class Forward:
    """Calls that break the schema are copied to a source, which is billed for them."""

    what: str
    to: str


def of(connection: Connection, today: date) -> Mapping[str, object]:
    """What a connection's page shows of the pipeline, as the context of its templates."""
    states = PollerState.objects.filter(workspace=connection.workspace_id)
    read = dict(states.values_list("poller", "last_good"))
    return {"read": read, "changes": changes(connection), **_of_its_kind(connection, today - DAYS)}


def _of_its_kind(connection: Connection, since: date) -> Mapping[str, object]:
    own = Connection.objects.filter(pk=connection.pk)
    if connection.direction == Direction.SOURCE:
        fed = Connection.objects.filter(fed_by__source=connection)
        return {
            "ingest": ingest_rows(connection, since),
            "forwards": forwards(connection),
            "sent": sent_rows(fed, since),
        }
    if connection.direction == Direction.WAREHOUSE:
        return {"syncs": last_syncs(connection)}
    return {"sent": sent_rows(own, since), "discards": discard_rows(connection, since)}


def ingest_rows(source: Connection, since: date) -> list[ReasonRow]:
    """Received calls first, then what failed and what was filtered, the most first."""
    rows = IngestDay.objects.filter(source=source, day__gte=since)
    sums = rows.values_list("outcome", "call_type", "reason").annotate(calls=Sum("calls"))
    received = sum(calls for outcome, *_, calls in sums if outcome == "received")
    order = list(OUTCOMES)
    ranked = sorted(sums, key=lambda row: (order.index(row[0]), -row[3]))
    return [_row(row, received) for row in ranked]


def discard_rows(destination: Connection, since: date) -> list[ReasonRow]:
    """What failed and what was filtered, the most first."""
    rows = DiscardDay.objects.filter(destination=destination, day__gte=since)
    sums = rows.values_list("outcome", "call_type", "reason").annotate(calls=Sum("calls"))
    total = sum(calls for *_, calls in sums)
    return [_row(row, total) for row in sorted(sums, key=lambda row: -row[3])]


def sent_rows(destinations: QuerySet[Connection], since: date) -> list[SentRow]:
    """Deliveries by destination and call type. A destination of Segment's has one source, so each
    is a source-destination pair."""
    rows = DeliveryDay.objects.filter(destination__in=destinations, day__gte=since)
    counts = ("delivered", "failed", "filtered", "retried")
    sums = rows.values_list("destination", "call_type").annotate(*map(Sum, counts))
    named = destinations.in_bulk()
    found = [SentRow(named[pk], call_type, *told) for pk, call_type, *told in sums]
    return sorted(found, key=lambda row: (row.destination.name, -row.delivered, row.call_type))


def changes(connection: Connection) -> list[SegmentAuditEvent]:
    """What somebody did to it in Segment, the newest first: a hint at why counts changed."""
    rows = SegmentAuditEvent.objects.filter(workspace=connection.workspace_id)
    return list(rows.filter(resource_id=connection.segment_id).order_by("-at")[:MOST_CHANGES])


def last_syncs(warehouse: Connection) -> list[SyncRow]:
    rows = WarehouseSync.objects.filter(warehouse=warehouse).select_related("source")
    return [SyncRow(sync, _badge(sync)) for sync in rows.order_by("-started_at")[:MOST_SYNCS]]


def forwards(source: Connection) -> list[Forward]:
    """Where copies of this source's calls go; each is billed again."""
    setting = SchemaSetting.objects.filter(source=source).first()
    if setting is None:
        return []
    targets = {
        "calls that break its tracking plan": setting.forwards_violations_to,
        "calls that its schema blocks": setting.forwards_blocked_to,
    }
    known = source.workspace.connections.filter(segment_id__in=targets.values())
    names = dict(known.values_list("segment_id", "name"))
    return [Forward(what, names.get(to, to)) for what, to in targets.items() if to]


def _row(told: tuple[str, str, str, int], whole: int) -> ReasonRow:
    outcome, call_type, reason, calls = told
    return ReasonRow(OUTCOMES[outcome], call_type, reason, calls, 100 * calls / (whole or calls))


def _badge(sync: WarehouseSync) -> tuple[str, str]:
    """Segment's word, with what it means; a word that we do not know is to be looked at."""
    said = sync.status.lower()
    state = "late" if said in STILL_ON else "ok" if said in WELL else "warn"
    return state, sync.status.capitalize()
