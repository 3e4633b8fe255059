"""The first page: will we cross the contract, what changed, is the data fresh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse

from cdpwatch import progress, snapshot, vault, wording
from cdpwatch.detectors.blind import is_late
from cdpwatch.detectors.situation import Situation
from cdpwatch.models import Alert, AlertState, Connection, Workspace
from cdpwatch.naming import Verdict as Naming
from cdpwatch.readings import PollerHealth
from cdpwatch.timetable import POLLERS
from dashboards import burn, context
from dashboards.context import the_workspace
from dashboards.sources import connection_url, table_rows
from dashboards.templatetags.figures import icon
from dashboards.verdict import STATES, texts, verdict

CHANGED_LATELY = timedelta(days=7)
WORTH_A_LINE = 0.002  # of the allowance: a smaller move is not news


def overview(request: HttpRequest) -> HttpResponse:
    workspace, now = the_workspace(), datetime.now(UTC)
    view = snapshot.take(workspace, now)
    if not view.used_by_day:
        begun = vault.has_segment_token(workspace)
        said = progress.first_read(workspace, now) if begun else ""
        return render(request, "overview/empty.html", {"progress": said})
    sources, remainder = snapshot.source_rows(workspace, view)
    open_alerts = list(Alert.objects.filter(workspace=workspace, state=AlertState.OPEN))
    return render(
        request,
        "overview/overview.html",
        {
            **verdict(view),
            "now": now,
            "burn": burn.pictures(view),
            "changes": [*changes(workspace, open_alerts, now), *movers(sources, view)],
            "fresh": freshness(view),
            "rows": table_rows(sources, view),
            "remainder": remainder,
            "to_rename": to_rename(workspace),
            "progress": reading(workspace, now),
            "leak": leak_line(open_alerts, view.situation),
        },
    )


def overview_data(request: HttpRequest) -> HttpResponse:
    """Every text and badge again, for the page that stays open; `done` once it has any."""
    workspace, now = the_workspace(), datetime.now(UTC)
    view = snapshot.take(workspace, now)
    if not view.used_by_day:
        return JsonResponse({"done": False})
    open_alerts = list(Alert.objects.filter(workspace=workspace, state=AlertState.OPEN))
    severities = [alert.severity for alert in open_alerts]
    leak = leak_line(open_alerts, view.situation)
    badges = {"badge": STATES[view.standing.verdict], "leak_badge": (leak.state, leak.word)}
    return JsonResponse(
        {
            "done": True,
            "texts": {
                **texts(view),
                **{key: f"{icon(state)} {word}" for key, (state, word) in badges.items()},
                "leak": leak.text,
                "open_alerts": str(len(open_alerts) or ""),
                "progress": reading(workspace, now),
            },
            "states": {key: state for key, (state, _) in badges.items()},
            "title": context.title("Overview", severities),
            "state": context.worst(severities),
        }
    )


def reading(workspace: Workspace, now: datetime) -> str:
    """How far the first reading is, behind the icon of what is not there yet."""
    said = progress.how_far(workspace, now)
    return f"{icon('late')} {said}" if said else ""


@dataclass(frozen=True)
class LeakLine:
    """Whether something leaks: the answer of the strip below the numbers."""

    state: str
    word: str
    text: str = ""


def leak_line(open_alerts: Sequence[Alert], situation: Situation) -> LeakLine:
    """What the list of alerts says; without a leak in it, "none" only where somebody looked."""
    leaks = [alert for alert in open_alerts if alert.kind == "leak"]
    if leaks:
        return LeakLine("bad", "Leak", f"{len(leaks)} open: {leaks[0].title}")
    if situation.live_to is None:
        return LeakLine("late", "Leaks not known", "live volume has not been read yet")
    if any(
        poller.name == "volume" and is_late(poller, situation.now) for poller in situation.pollers
    ):
        since = wording.moment(situation.live_to)
        return LeakLine("late", "Leaks not known", f"live volume was last read to {since}")
    return LeakLine("ok", "No leak")


# --- what changed -----------------------------------------------------------------------------
@dataclass(frozen=True)
class Change:
    """One thing that is not as it was, most costly first."""

    state: str
    word: str
    title: str
    text: str
    url: str


def changes(workspace: Workspace, open_alerts: Sequence[Alert], now: datetime) -> list[Change]:
    """Open alerts, then what came into the catalog or went out of it this week."""
    told = [_alert_change(alert) for alert in open_alerts[:6]]
    return [*told, *_catalog_changes(workspace, now)]


def _alert_change(alert: Alert) -> Change:
    state = "bad" if alert.severity == "critical" else "warn"
    word = alert.kind.capitalize()
    return Change(
        state, word, alert.title, alert.consequence, reverse("alerts-one", args=[alert.pk])
    )


def _catalog_changes(workspace: Workspace, now: datetime) -> list[Change]:
    since = now - CHANGED_LATELY
    rows = Connection.objects.filter(workspace=workspace).select_related("app")
    # What the first poll found is not new: it was there before anybody looked.
    new = rows.filter(first_seen__gte=max(since, workspace.created_at + timedelta(hours=1)))
    gone = rows.filter(retired_at__gte=since)
    return [
        *(_connection_change(row, "warn", "New", "first seen", row.first_seen) for row in new[:5]),
        *(
            _connection_change(row, "off", "Gone", "not listed since", row.retired_at)
            for row in gone[:5]
        ),
    ]


def _connection_change(
    row: Connection, state: str, word: str, verb: str, moment: datetime | None
) -> Change:
    text = f"{row.direction}, {verb} {wording.moment(moment)}."
    return Change(state, word, row.name, text, connection_url(row))


def movers(rows: Sequence[snapshot.SourceRow], view: snapshot.Snapshot) -> list[Change]:
    """The sources that moved most calls against the same days of the previous period."""
    moved = [(row, row.settled - row.before) for row in rows if row.before and not row.leaking]
    worth = view.situation.terms.allowance * WORTH_A_LINE
    large = [(row, by) for row, by in moved if abs(by) >= worth]
    large.sort(key=lambda item: -abs(item[1]))
    return [_mover(row, by, view) for row, by in large[:3]]


def _mover(row: snapshot.SourceRow, by: int, view: snapshot.Snapshot) -> Change:
    word, than = ("More", "more than") if by > 0 else ("Less", "fewer than")
    before = f"in the same days of {view.previous.name}"
    text = f"{wording.short(abs(by))} calls {than} {before}, {wording.short(row.settled)} so far."
    return Change("off", word, row.connection.name, text, connection_url(row.connection))


def to_rename(workspace: Workspace) -> int:
    rows = Connection.objects.filter(workspace=workspace).live()
    return rows.exclude(naming__in=("", Naming.FOLLOWS)).count()


# --- is the data fresh ------------------------------------------------------------------------
@dataclass(frozen=True)
class Fresh:
    """One poller's clock."""

    title: str
    upto: str
    state: str
    word: str


def freshness(view: snapshot.Snapshot) -> list[Fresh]:
    return [_fresh(poller, view) for poller in view.situation.pollers]


def _fresh(poller: PollerHealth, view: snapshot.Snapshot) -> Fresh:
    now = view.situation.now
    late = is_late(poller, now)
    upto = f"to {wording.moment(poller.last_good)}" if poller.last_good else "no reading yet"
    if poller.name == "usage" and view.situation.billed_to:
        upto = f"to {wording.day(view.situation.billed_to)}, 24:00 UTC"
    if poller.error:
        upto = f"{upto}; {poller.error}"
    state = "warn" if late else "ok" if poller.last_good else "late"
    return Fresh(POLLERS[poller.name].title, upto, state, wording.age(poller.last_good, now))
