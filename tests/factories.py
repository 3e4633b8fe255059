"""Rows for tests: each maker fills in what the test does not care about."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from cdpwatch import alerts, budget, counting
from cdpwatch.detectors.situation import Situation
from cdpwatch.forecast import LEVELS, PATH_LEVELS, Forecast
from cdpwatch.models import (
    Alert,
    App,
    Channel,
    Connection,
    Delivery,
    SourceDay,
    VolumeDay,
    VolumeHour,
    VolumeMinute,
    Workspace,
    WorkspaceDay,
)
from cdpwatch.policy import DEFAULT_RULES
from cdpwatch.readings import (
    ConnectionReading,
    Direction,
    Finding,
    FunctionReading,
    Grain,
    TrafficSlice,
    UsageReading,
    VolumeReading,
    WorkspaceReading,
)
from cdpwatch.seed import seed

NOW = datetime(2026, 11, 18, 12, 5, 30, tzinfo=UTC)  # a Wednesday
TODAY = NOW.date()
NOVEMBER = date(2026, 11, 1)
EVEN = (1 / 24,) * 24


def at(day: int, hour: int = 0, minute: int = 0, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def make_workspace(now: datetime = NOW, **fields: Any) -> Workspace:
    """The seeded workspace: apps, contract, policy, a Slack channel."""
    workspace = seed(now)
    Workspace.objects.filter(pk=workspace.pk).update(**fields)
    workspace.refresh_from_db()
    return workspace


def make_app(workspace: Workspace, name: str = "Newsletter", **fields: Any) -> App:
    filled = {"slug": name.lower(), "flow": "source", "aliases": [name.lower()], **fields}
    return App.objects.create(workspace=workspace, name=name, **filled)


def make_connection(workspace: Workspace, segment_id: str = "src1", **fields: Any) -> Connection:
    filled = {"direction": Direction.SOURCE, "name": "Prod - Application", **fields}
    return Connection.objects.create(workspace=workspace, segment_id=segment_id, **filled)


def make_channel(workspace: Workspace) -> Channel:
    return workspace.channels.get(kind="slack")


def make_alert(workspace: Workspace, **fields: Any) -> Alert:
    filled = {"fingerprint": "blind:usage", "kind": "blind", "severity": "warning", **fields}
    return Alert.objects.create(workspace=workspace, title="No usage", opened_at=NOW, **filled)


def make_delivery(alert: Alert, **fields: Any) -> Delivery:
    message = asdict(alerts.message_of(alert, "opened", "Out of date."))
    filled = {"event": "opened", "message": message, "due_at": NOW, "created_at": NOW}
    channel = make_channel(alert.workspace)
    return Delivery.objects.create(alert=alert, channel=channel, **{**filled, **fields})


def make_reading(cumulative: int, day: int, source: str | None = None, month: int = 11) -> Any:
    """A usage reading of one day of the month that begins the period."""
    return UsageReading(source, date(2026, month, 1), date(2026, month, day), cumulative)


def make_volume(count: int, bucket: datetime, **fields: Any) -> VolumeReading:
    base = VolumeReading(Grain.MINUTE, "src1", bucket, "track", "Signed up", count)
    return replace(base, **fields)


def make_workspace_reading(segment_id: str = "ws1", name: str = "GitBook") -> WorkspaceReading:
    return WorkspaceReading(segment_id, "gitbook-com", name)


def make_listed(segment_id: str = "src1", **fields: Any) -> ConnectionReading:
    """A connection as Segment lists it."""
    base = ConnectionReading(
        segment_id=segment_id,
        direction=Direction.SOURCE,
        name="Prod - Application",
        slug="prod-application",
        enabled=True,
        metadata_id="meta-js",
        metadata_name="Javascript",
        metadata_slug="javascript",
    )
    return replace(base, **fields)


def make_listed_function(segment_id: str = "sfnc_1", **fields: Any) -> FunctionReading:
    base = FunctionReading(segment_id, "SOURCE", "Livestorm", "", "meta-livestorm", None)
    return replace(base, **fields)


def record_days(workspace: Workspace, calls: list[int], now: datetime = NOW) -> None:
    """Bill `calls` on the first days of November, for the workspace."""
    sums = [sum(calls[: n + 1]) for n in range(len(calls))]
    counting.record_usage(workspace, [make_reading(s, n) for n, s in enumerate(sums, 1)], now)


def bill(owner: Workspace | Connection, today: date, calls: int, days: int = 62) -> None:
    """Bill the same `calls` on each of the last whole days before `today`."""
    past = [today - timedelta(days=n) for n in range(1, days + 1)]
    if isinstance(owner, Workspace):
        rows = [WorkspaceDay(workspace=owner, day=day, calls=calls) for day in past]
        WorkspaceDay.objects.bulk_create(rows)
    else:
        SourceDay.objects.bulk_create(SourceDay(source=owner, day=day, calls=calls) for day in past)
    refresh_all_months(owner if isinstance(owner, Workspace) else owner.workspace)


def refresh_all_months(workspace: Workspace) -> None:
    """Sum the months of days that a test wrote or changed by hand."""
    days = [*WorkspaceDay.objects.dates("day", "month"), *SourceDay.objects.dates("day", "month")]
    counting.refresh_months(workspace, set(days))


def make_live(
    source: Connection, moment: datetime, count: int, call_type: str = "track", event: str = ""
) -> None:
    """Live calls of one minute at every grain, as Segment counts them."""
    minute = moment.replace(second=0, microsecond=0)
    hour = minute.replace(minute=0)
    buckets = {VolumeMinute: minute, VolumeHour: hour, VolumeDay: hour.replace(hour=0)}
    for table, bucket in buckets.items():
        rows = table._default_manager
        row, _ = rows.get_or_create(
            source=source,
            bucket=bucket,
            call_type=call_type,
            event=event,
            defaults={"count": 0},
        )
        rows.filter(pk=row.pk).update(count=row.count + count)


def make_sources(workspace: Workspace, number: int, now: datetime) -> list[Connection]:
    """Sources of the application, each billed for two months and live since this morning."""
    app, prod = workspace.apps.get(slug="application"), workspace.environments.get(name="Prod")
    fields = {"app": app, "environment": prod, "direction": Direction.SOURCE, "naming": "follows"}
    sources = Connection.objects.bulk_create(
        Connection(workspace=workspace, segment_id=f"s{n}", name=f"Prod - App {n}", **fields)
        for n in range(number)
    )
    past = [now.date() - timedelta(days=n) for n in range(1, 63)]
    SourceDay.objects.bulk_create(
        SourceDay(source=source, day=day, calls=1_000) for source in sources for day in past
    )
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    VolumeDay.objects.bulk_create(
        VolumeDay(source=source, bucket=midnight, call_type="track", event="Opened", count=40)
        for source in sources
    )
    return sources


# --- values for the pure core -----------------------------------------------------------------
TERMS = budget.Terms(40_000_000, "month", 1, NOVEMBER, confirmed=True)


def make_forecast(total: float = 36e6, spread: float = 2e6, **fields: Any) -> Forecast:
    """A projection of November whose quantiles lie evenly around `total`, on a straight path."""
    days = tuple(NOVEMBER + timedelta(days=n) for n in range(30))
    totals = tuple(total + (level - 0.5) * spread for level in LEVELS)
    ends = {level: total + (level - 0.5) * spread for level in PATH_LEVELS}
    path = {lv: tuple(end * (n + 1) / 30 for n in range(30)) for lv, end in ends.items()}
    base = Forecast(LEVELS, totals, days, path, settled=0.0, method="test 1")
    return replace(base, **fields)


def make_slice(**fields: Any) -> TrafficSlice:
    """Page calls on the application, going on since this morning."""
    base = TrafficSlice(
        source_id=1,
        source_name="Prod - Application",
        app="application",
        environment="Prod",
        call_type="page",
        event="Home",
        recent=50,
        total=6_000,
        by_day={TODAY: 6_000},
        first_seen=NOW - timedelta(hours=6),
    )
    return replace(base, **fields)


def make_situation(**fields: Any) -> Situation:
    period = budget.period_at(TERMS, TODAY)
    standing = budget.standing(TERMS, period, 20_000_000, make_forecast(), NOW)
    base = Situation(
        now=NOW,
        workspace="GitBook",
        terms=TERMS,
        days={},
        billed_to=TODAY - timedelta(days=1),
        standing=standing,
        rules=DEFAULT_RULES,
        traffic=(),
        hour_shares=EVEN,
        pollers=(),
        live_to=NOW,
    )
    return replace(base, **fields)


def make_finding(**fields: Any) -> Finding:
    base = Finding("blind:usage", "blind", "warning", "No usage readings", "Out of date.")
    return replace(base, **fields)
