"""How the work itself goes: beat and worker, every poller, the outbox.

The health page, `/statusz` and the notes about a dead worker read it from here.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Max, Min

from . import counting, roster, snapshot, vault
from .counters import COUNTERS
from .counters.bigquery import BIGQUERY, limit_of
from .detectors.blind import is_late
from .models import Delivery, DeliveryState, Heartbeat, PollerState, Workspace

PROGRAMS = ("beat", "worker", "alerts")  # each notes its heartbeat every 15 s
SILENT = timedelta(seconds=60)
PRUNED = "prune"  # the heartbeat that the daily job leaves when it ends


@dataclass(frozen=True)
class Pulse:
    """When a program was last alive; `at` None means never."""

    name: str
    at: datetime | None
    late: bool


def pulses(now: datetime) -> list[Pulse]:
    beats = dict(Heartbeat.objects.values_list("name", "at"))
    return [_pulse(name, beats.get(name), now) for name in PROGRAMS]


def _pulse(name: str, at: datetime | None, now: datetime) -> Pulse:
    return Pulse(name, at, late=at is None or now - at > SILENT)


def pruned_at() -> datetime | None:
    """When the daily job that drops and folds old rows last ended."""
    return Heartbeat.objects.filter(name=PRUNED).values_list("at", flat=True).first()


def worker_answers(now: datetime) -> bool:
    """Whether somebody is there to do what a page asks for."""
    return not any(pulse.late for pulse in pulses(now) if pulse.name == "worker")


@dataclass(frozen=True)
class PollerRow:
    """One poller's last turn and its next; `state` None means that no turn was ever begun."""

    name: str
    title: str
    every: timedelta
    state: PollerState | None
    late: bool
    throttled_until: datetime | None = None  # Segment's 429 is for all of its pollers
    connected: bool = True

    @property
    def last_good(self) -> datetime | None:
        return self.state.last_good if self.state else None

    @property
    def next_turn(self) -> datetime | None:
        """When it is due again: an interval after the last turn, but not while throttled."""
        if self.state is None or self.state.last_run is None:
            return None
        due = self.state.last_run + self.every
        return max(due, self.throttled_until) if self.throttled_until else due


def poller_rows(workspace: Workspace, now: datetime) -> list[PollerRow]:
    states = {row.poller: row for row in PollerState.objects.filter(workspace=workspace)}
    healths, _ = snapshot.poller_health(workspace)
    late = {health.name for health in healths if is_late(health, now)}
    connected = roster.connected_counters(workspace)
    return [
        PollerRow(
            name,
            poller.title,
            poller.every,
            state := states.get(name),
            name in late,
            _throttled_until(name, state, workspace),
            connected=name not in COUNTERS or name in connected,
        )
        for name, poller in roster.everyone().items()
    ]


def _throttled_until(name: str, state: PollerState | None, workspace: Workspace) -> datetime | None:
    """Until when the other side wants to hear nothing; a counter has a pause of its own."""
    if name not in COUNTERS:
        return workspace.throttled_until
    return state.throttled_until if state else None


@dataclass(frozen=True)
class WarehouseUse:
    """Bytes that this UTC month's queries were billed, the most that they may be, and when the
    newest query was asked."""

    used: int
    most: int
    asked_at: datetime | None


def warehouse_use(
    workspace: Workspace, connected: Collection[str], now: datetime
) -> WarehouseUse | None:
    """None while BigQuery is not connected, or by keys that cannot be: then its turn says why."""
    if BIGQUERY.key not in connected:
        return None
    try:
        most = limit_of(vault.keys_of(workspace, BIGQUERY), "month_gib")
    except vault.Locked:
        return None
    if most is None:
        return None
    newest = workspace.query_jobs.aggregate(at=Max("asked_at"))["at"]
    return WarehouseUse(counting.bytes_used(workspace, now), most, newest)


@dataclass(frozen=True)
class Outbox:
    """Messages that were not delivered: those that wait, those given up, the oldest of both."""

    waiting: int
    failed: int
    oldest: datetime | None


def outbox(workspace: Workspace) -> Outbox:
    rows = Delivery.objects.filter(alert__workspace=workspace).exclude(state=DeliveryState.SENT)
    counted = {
        state: (count, oldest)
        for state, count, oldest in rows.values_list("state").annotate(
            Count("pk"), Min("created_at")
        )
    }
    failed = counted.get(DeliveryState.FAILED, (0, None))[0]
    total = sum(count for count, _ in counted.values())
    return Outbox(total - failed, failed, min((at for _, at in counted.values()), default=None))
