"""The first page: will we cross the contract, what changed, is the data fresh."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from cdpwatch import progress, roster, snapshot, vault, wording
from cdpwatch.detectors.blind import is_late
from cdpwatch.models import Alert, Connection, Workspace
from cdpwatch.naming import Verdict as Naming
from cdpwatch.readings import PollerHealth
from cdpwatch.timetable import POLLERS
from dashboards import burn, context
from dashboards.context import Visit, visit
from dashboards.sources import LISTED, connection_url, connections_of, listed, shown
from dashboards.templatetags.figures import icon
from dashboards.verdict import STATES, texts, verdict

CHANGED_LATELY = timedelta(days=7)
WORTH_A_LINE = 0.002  # of the allowance: a smaller move is not news


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    seen = visit(request)
    workspace, now = seen.workspace, seen.now
    sheet = snapshot.current(workspace, now)
    if not sheet.used_by_day:
        begun = vault.has_segment_token(workspace)
        said = progress.first_read(workspace, now) if begun else ""
        return render(request, "overview/empty.html", {"progress": said})
    moved = movers(sheet)
    connections = connections_of([*sheet.sources[:LISTED], *moved])
    return render(
        request,
        "overview/overview.html",
        {
            **verdict(sheet),
            "now": now,
            "burn": burn.pictures(sheet),
            "changes": [
                *changes(workspace, seen.open_alerts, now),
                *mover_changes(sheet, moved, connections),
            ],
            "fresh": freshness(seen.pollers, known_to(sheet.billed_to, seen.live_to), now),
            "sources": listed(sheet, connections),
            "to_rename": to_rename(workspace),
            "progress": reading(workspace, now),
            "leak": leak_line(seen),
        },
    )


@require_safe
def overview_data(request: HttpRequest) -> HttpResponse:
    """Every text and badge again, for the page that stays open; `done` once it has any."""
    seen = visit(request)
    sheet = snapshot.current(seen.workspace, seen.now)
    if not sheet.used_by_day:
        return JsonResponse({"done": False})
    severities = [alert.severity for alert in seen.open_alerts]
    leak = leak_line(seen)
    badges = {"badge": STATES[sheet.standing.verdict], "leak_badge": (leak.state, leak.word)}
    return JsonResponse(
        {
            "done": True,
            "texts": {
                **texts(sheet),
                **{key: f"{icon(state)} {word}" for key, (state, word) in badges.items()},
                "leak": leak.text,
                "open_alerts": str(len(severities) or ""),
                "progress": reading(seen.workspace, seen.now),
            },
            "states": {key: state for key, (state, _) in badges.items()},
            "title": context.title("Overview", severities),
            "state": context.worst(severities),
        }
    )


@require_safe
def burn_data(request: HttpRequest) -> HttpResponse:
    """The burn chart as plotly's figure, for the script that draws it over the picture."""
    seen = visit(request)
    return JsonResponse(burn.figure(snapshot.current(seen.workspace, seen.now)))


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


def leak_line(seen: Visit) -> LeakLine:
    """What the list of alerts says; without a leak in it, "none" only where somebody looked."""
    leaks = [alert for alert in seen.open_alerts if alert.kind == "leak"]
    if leaks:
        return LeakLine("bad", "Leak", f"{len(leaks)} open: {leaks[0].title}")
    if seen.live_to is None:
        return LeakLine("late", "Leaks not known", "live volume has not been read yet")
    if any(poller.name == "volume" and is_late(poller, seen.now) for poller in seen.pollers):
        since = wording.moment(seen.live_to)
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
    rows = shown(Connection.objects.filter(workspace=workspace))
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


def movers(sheet: snapshot.Sheet) -> list[snapshot.SourceRow]:
    """The sources that moved most calls against the same days of the previous period."""
    worth = sheet.terms.allowance * WORTH_A_LINE
    large = [row for row in sheet.sources if not row.leaking and abs(_moved(row)) >= worth]
    return sorted(large, key=lambda row: -abs(_moved(row)))[:3]


def _moved(row: snapshot.SourceRow) -> int:
    return row.settled - row.before if row.before else 0


def mover_changes(
    sheet: snapshot.Sheet,
    moved: Sequence[snapshot.SourceRow],
    connections: Mapping[int, Connection],
) -> list[Change]:
    found = ((connections.get(row.source_id), _moved(row), row) for row in moved)
    return [_mover(source, by, row, sheet) for source, by, row in found if source]


def _mover(source: Connection, by: int, row: snapshot.SourceRow, sheet: snapshot.Sheet) -> Change:
    word, than = ("More", "more than") if by > 0 else ("Less", "fewer than")
    before = f"in the same days of {sheet.previous.name}"
    text = f"{wording.short(abs(by))} calls {than} {before}, {wording.short(row.settled)} so far."
    return Change("off", word, source.name, text, connection_url(source))


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


@dataclass(frozen=True)
class Freshness:
    """The clocks worth a line each; `others` are counters that are read and fresh."""

    shown: tuple[Fresh, ...]
    others: int


def known_to(billed_to: date | None, live_to: datetime | None) -> dict[str, str]:
    """By poller, up to when its numbers are whole; of the rest only when they were read."""
    billed = {"usage": f"to {wording.day(billed_to)}, 24:00 UTC"} if billed_to else {}
    live = {"volume": f"to {wording.moment(live_to)}"} if live_to else {}
    return billed | live


def freshness(
    pollers: Sequence[PollerHealth], known: Mapping[str, str], now: datetime
) -> Freshness:
    """Segment's pollers, and those of the other sides' counters that are late or failing."""
    turns = roster.everyone()
    told = [(_fresh(each, turns[each.name].title, known, now), each) for each in pollers]
    shown = [
        fresh
        for fresh, poller in told
        if poller.name in POLLERS or fresh.state != "ok" or poller.error
    ]
    return Freshness(tuple(shown), len(told) - len(shown))


def _fresh(poller: PollerHealth, title: str, known: Mapping[str, str], now: datetime) -> Fresh:
    late = is_late(poller, now)
    read = f"read at {wording.moment(poller.last_good)}" if poller.last_good else "no reading yet"
    upto = known.get(poller.name, read)
    if poller.error:
        upto = f"{upto}; {poller.error}"
    state = "warn" if late else "ok" if poller.last_good else "late"
    return Fresh(title, upto, state, wording.age(poller.last_good, now))
