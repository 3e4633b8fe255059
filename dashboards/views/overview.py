"""The first page: will we cross the contract, what changed, is the data fresh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from cdpwatch import budget, progress, snapshot, vault, wording
from cdpwatch.detectors.blind import is_late
from cdpwatch.models import Alert, AlertState, Connection, Workspace
from cdpwatch.naming import Verdict as Naming
from cdpwatch.readings import PollerHealth
from cdpwatch.timetable import POLLERS
from dashboards import burn, context
from dashboards.charts import sparkline

STATES = {
    budget.Verdict.ON_TRACK: ("ok", "On track"),
    budget.Verdict.WATCH: ("warn", "Watch"),
    budget.Verdict.OVER: ("bad", "Over"),
    budget.Verdict.LEARNING: ("late", "Learning"),
    budget.Verdict.UNJUDGED: ("off", "Not judged"),
}
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
    return render(
        request,
        "overview/overview.html",
        {
            **verdict(view),
            "now": now,
            "burn": burn.pictures(view),
            "changes": [*changes(workspace, view), *movers(sources, view)],
            "fresh": freshness(view),
            "rows": [table_row(row, view) for row in sources],
            "remainder": remainder,
            "to_rename": to_rename(workspace),
            "progress": progress.first_read(workspace, now),
        },
    )


def overview_data(request: HttpRequest) -> HttpResponse:
    """The sentences and the badge again, for the page that stays open."""
    workspace, now = the_workspace(), datetime.now(UTC)
    view = snapshot.take(workspace, now)
    state = view.standing
    kinds = list(Alert.objects.filter(state=AlertState.OPEN).values_list("severity", flat=True))
    texts = {
        "headline": budget.headline(state),
        "pace": budget.pace(state),
        "used": wording.short(state.used),
        "progress": progress.first_read(workspace, now),
    }
    return JsonResponse({"texts": texts, "state": context.worst(kinds)})


def the_workspace() -> Workspace:
    """The one that is watched. `seed` made it before the web started."""
    return Workspace.objects.order_by("pk")[0]


def verdict(view: snapshot.Snapshot) -> dict[str, object]:
    """The sentence, its badge and its numbers: the same on the overview and the budget page."""
    state, terms = view.standing, view.situation.terms
    badge_state, word = STATES[state.verdict]
    passed = 1 - state.days_left / state.period.days
    return {
        "state": state,
        "badge_state": badge_state,
        "badge_word": word,
        "headline": budget.headline(state),
        "pace": budget.pace(state),
        "chance": wording.chance(state.chance_over),
        "span80": wording.span_of_calls(state.low80, state.high80),
        "span95": wording.span_of_calls(state.low95, state.high95),
        "used_percent": min(100.0, 100 * state.used / state.allowance) if state.allowance else 0,
        "even_percent": 100 * passed,
        "day_number": min(state.period.days, int(passed * state.period.days) + 1),
        "billed_to": view.situation.billed_to,
        "live_to": view.situation.live_to,
        "terms": terms,
        "assumption": assumption(view),
        "without_leaks": view.standing.total - leaked(view) if view.found else None,
        "leaks": view.found,
    }


def leaked(view: snapshot.Snapshot) -> int:
    return sum(leak.in_period + leak.to_end for leak in view.found)


def assumption(view: snapshot.Snapshot) -> str:
    """What an unconfirmed contract takes for granted, with the evidence."""
    terms = view.situation.terms
    if terms.confirmed:
        return ""
    billed, months = snapshot.billed_in_months(view.situation.days, view.situation.now.date())
    evidence = budget.evidence(terms.allowance, billed, months)
    return f"{wording.short(terms.allowance)} a {terms.kind} is assumed. {evidence}"


# --- what changed -----------------------------------------------------------------------------
@dataclass(frozen=True)
class Change:
    """One thing that is not as it was, most costly first."""

    state: str
    word: str
    title: str
    text: str
    url: str


def changes(workspace: Workspace, view: snapshot.Snapshot) -> list[Change]:
    """Open alerts, then what came into the catalog or went out of it this week."""
    alerts = Alert.objects.filter(workspace=workspace, state=AlertState.OPEN)
    told = [_alert_change(alert) for alert in alerts[:6]]
    return [*told, *_catalog_changes(workspace, view.situation.now)]


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
    return Change(state, word, row.name, text, _connection_url(row))


def _connection_url(row: Connection) -> str:
    """The page of the system behind a connection, or the list where it stands unmatched."""
    if row.app:
        return reverse("catalog-app", args=[row.app.slug])
    if row.function_id:
        return reverse("catalog-function", args=[row.function_id])
    return reverse("catalog")


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
    return Change("off", word, row.connection.name, text, _connection_url(row.connection))


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


# --- the table --------------------------------------------------------------------------------
@dataclass(frozen=True)
class TableRow:
    """One source as the table shows it."""

    row: snapshot.SourceRow
    percent: float
    change: float | None  # percent against the same days of the previous period
    spark: SafeString
    state: str
    word: str

    @property
    def url(self) -> str:
        return _connection_url(self.row.connection)


def table_row(row: snapshot.SourceRow, view: snapshot.Snapshot) -> TableRow:
    state, word = "ok", "In policy"
    if row.leaking:
        state, word = "bad", "Leak"
    elif row.connection.retired_at:
        state, word = "off", "Gone"
    elif not row.connection.enabled:
        state, word = "off", "Switched off"
    elif not any(row.spark) and not row.used:
        state, word = "late", "No calls"
    change = 100 * (row.settled - row.before) / row.before if row.before else None
    # sparkline() draws numbers only.
    picture = mark_safe(sparkline(row.spark, "bad" if row.leaking else ""))
    return TableRow(row, 100 * row.share, change, picture, state, word)
