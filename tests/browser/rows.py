"""A workspace in which every page has something to show: of each state one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cdpwatch import connecting
from cdpwatch.models import (
    CatalogChange,
    Connection,
    DeliveryDay,
    Leak,
    Link,
    PollerState,
    PollRun,
    Region,
    RejectedRow,
    Workspace,
)
from cdpwatch.readings import Direction
from tests.dashboards.doors import make_addresses
from tests.factories import bill, make_alert, make_connection, make_live, make_sources

HOUR = timedelta(hours=1)


def fill(workspace: Workspace) -> dict[str, str]:
    """Rows of every kind; one address of each name that leads to some of them."""
    now = datetime.now(UTC)
    addresses = make_addresses(workspace)
    bill(workspace, now.date(), 900_000)
    sources = make_sources(workspace, 4, now)
    for event in ("Signed up", "Space created"):
        make_live(sources[0], now - HOUR, 50, event=event)
    _fill_catalog(workspace, sources[0], now)
    _fill_alerts(workspace, sources[0], now)
    _fill_health(workspace, now)
    connecting.paste_token(workspace, "not-a-real-token", Region.EU, "ana")
    workspace.requests.filter(kind="check_token").update(
        state="done", finished_at=now, result={"workspace": "GitBook", "sources": 2, "billed": 9}
    )
    workspace.channels.update(error="channel_is_archived", last_sent=now)
    return addresses


def _fill_catalog(workspace: Workspace, source: Connection, now: datetime) -> None:
    amplitude = workspace.apps.get(slug="amplitude")
    prod = workspace.environments.get(name="Prod")
    fields = {"app": amplitude, "environment": prod, "direction": Direction.DESTINATION}
    target = make_connection(workspace, "dst1", name="Prod - Amplitude", **fields)
    Link.objects.create(source=source, target=target)
    for days in (1, 2, 3):
        counts = {"delivered": 900, "failed": 10, "filtered": 3, "retried": 1}
        day = now.date() - timedelta(days=days)
        DeliveryDay.objects.create(destination=target, day=day, call_type="track", **counts)
    advice = {"naming": "unknown_app", "naming_advice": "Rename it to “Prod - Application”."}
    labels = {"team": "data"}
    make_connection(workspace, "src2", name="blog", labels=labels, metadata_name="Web", **advice)
    make_connection(workspace, "src3", name="old", retired_at=now, metadata_slug="javascript")
    Connection.objects.update(labels=labels, description="Front", owner="Ana", notes="Since 2024.")
    for field, after in (("owner", "Ana"), ("notes", "Since 2024.")):
        CatalogChange.objects.create(
            workspace=workspace, app=source.app, field=field, before="Bo", after=after, by="ana"
        )


def _fill_alerts(workspace: Workspace, source: Connection, now: datetime) -> None:
    texts = {"title": "Page calls that must not be tracked", "consequence": "6k calls so far."}
    workspace.alerts.update(**texts, facts=[["Since", "yesterday"], ["Per day", "24k"]])
    Leak.objects.create(
        alert=workspace.alerts.get(),
        source=source,
        call_type="page",
        event="Home",
        rule_key="in-app-pages",
        since=now - 6 * HOUR,
        calls_so_far=6_000,
        calls_to_end=300_000,
    )
    gone = make_alert(workspace, fingerprint="gone", state="resolved", resolved_at=now)
    gone.events.create(kind="resolved", at=now, text="Three quiet rounds.", actor="ana")


def _fill_health(workspace: Workspace, now: datetime) -> None:
    for name, error in (("usage", ""), ("volume", "Segment answered 500."), ("catalog", "")):
        state = {"last_run": now, "last_good": now - HOUR, "rows": 12, "error": error}
        PollerState.objects.create(workspace=workspace, poller=name, **state, rejected=1)
        turn = {"slot": now, "lease_until": now, "error": error, "finished_at": now, "rejected": 3}
        run = PollRun.objects.create(
            workspace=workspace, poller=name, state="failed" if error else "good", **turn
        )
        RejectedRow.objects.create(
            run=run, where="GET /sources", reason="No name.", count=3, sample='{"id": 1}'
        )
