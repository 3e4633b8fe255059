"""The catalog: the systems people know, the connections Segment has, and how the names stand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from cdpwatch import naming, snapshot
from cdpwatch.models import App, Connection, Flow, Function, Link
from cdpwatch.readings import Direction
from dashboards.charts import sparkline
from dashboards.views.overview import TableRow, table_row, the_workspace

ARROWS = {Flow.SOURCE: "→", Flow.DESTINATION: "←", Flow.BOTH: "⇄"}
STATUSES = {"live": "Live", "off": "Switched off", "missing": "Not found in Segment"}


@dataclass(frozen=True)
class Row:
    """One connection with its counts: calls for a source, deliveries for a destination."""

    connection: Connection
    source: TableRow | None = None
    deliveries: snapshot.Deliveries | None = None
    today: date = date.min

    @property
    def spark(self) -> SafeString:
        """The last 30 whole days as a line."""
        if self.source:
            return self.source.spark
        days = self.deliveries.spark(self.today) if self.deliveries else ()
        return mark_safe(sparkline(days)) if days else SafeString("")

    @property
    def advice(self) -> str:
        wrong = self.connection.naming not in ("", naming.Verdict.FOLLOWS)
        return self.connection.naming_advice if wrong else ""


@dataclass(frozen=True)
class Entry:
    """One system of the catalog: an app, or a function that feeds a source."""

    name: str
    description: str
    flow: str
    owner: str
    url: str
    rows: tuple[Row, ...]
    link: str = ""

    @property
    def arrow(self) -> str:
        return ARROWS[Flow(self.flow)]

    @property
    def flow_words(self) -> str:
        return str(Flow(self.flow).label)

    @cached_property
    def live(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.connection.retired_at is None)

    @property
    def environments(self) -> list[str]:
        found = {r.connection.environment for r in self.live if r.connection.environment}
        return [environment.name for environment in sorted(found, key=lambda e: e.position)]

    @property
    def status(self) -> str:
        if not self.live:
            return "missing"
        return "live" if any(row.connection.enabled for row in self.live) else "off"

    @property
    def badge(self) -> tuple[str, str]:
        """State and word: a leak outshouts the rest."""
        if any(row.source and row.source.row.leaking for row in self.live):
            return "bad", "Leak"
        return {"live": "ok", "off": "off", "missing": "late"}[self.status], STATUSES[self.status]

    @property
    def sources(self) -> tuple[Row, ...]:
        return tuple(row for row in self.live if row.source)

    @property
    def targets(self) -> tuple[Row, ...]:
        return tuple(row for row in self.live if row.deliveries)

    @property
    def calls(self) -> int:
        """Calls of its sources in the running period."""
        return sum(row.source.row.used for row in self.sources if row.source)

    @property
    def delivered(self) -> int:
        return sum(row.deliveries.delivered for row in self.targets if row.deliveries)

    @property
    def tried(self) -> int:
        return sum(row.deliveries.tried for row in self.targets if row.deliveries)

    @property
    def filtered(self) -> int:
        return sum(row.deliveries.filtered for row in self.targets if row.deliveries)

    @property
    def spark(self) -> SafeString:
        """Its own calls, or its deliveries where it has no source."""
        series = [r.source.row.spark for r in self.sources if r.source] or [
            r.deliveries.spark(r.today) for r in self.targets if r.deliveries
        ]
        return mark_safe(sparkline(added(series))) if series else SafeString("")

    @property
    def last_seen(self) -> datetime | None:
        return max((row.connection.last_seen for row in self.live), default=None)

    @property
    def advice(self) -> list[str]:
        return [row.advice for row in self.live if row.advice]

    @property
    def warehouse_only(self) -> bool:
        kinds = {row.connection.direction for row in self.live}
        return kinds == {Direction.WAREHOUSE}


def added(series: Sequence[Sequence[int | None]]) -> tuple[int | None, ...]:
    """Day by day sums; a day is unknown only where every series is."""
    days = zip(*series, strict=True)
    return tuple(None if all(n is None for n in day) else sum(n or 0 for n in day) for day in days)


@dataclass(frozen=True)
class Catalog:
    entries: tuple[Entry, ...]
    unmatched: Entry
    view: snapshot.Snapshot


def read(now: datetime) -> Catalog:
    """Every system with its connections and counts."""
    workspace = the_workspace()
    view = snapshot.take(workspace, now)
    rows = _rows(view, now)
    by_app: dict[int | None, list[Row]] = defaultdict(list)
    by_function: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        if row.connection.app_id is None and row.connection.function_id:
            by_function[row.connection.function_id].append(row)
        else:
            by_app[row.connection.app_id].append(row)
    apps = [
        Entry(
            app.name,
            app.description,
            app.flow,
            app.owner,
            f"/catalog/apps/{app.slug}/",
            tuple(by_app[app.pk]),
        )
        for app in App.objects.filter(workspace=workspace)
    ]
    functions = [
        _function_entry(function, tuple(by_function[function.pk]))
        for function in Function.objects.filter(workspace=workspace)
    ]
    others = Entry("Unmatched", "", Flow.BOTH, "", "", tuple(by_app[None]))
    return Catalog((*apps, *functions), others, view)


def _app_entry(app: App, rows: tuple[Row, ...]) -> Entry:
    url = reverse("catalog-app", args=[app.slug])
    return Entry(app.name, app.description, app.flow, app.owner, url, rows)


def _function_entry(function: Function, rows: tuple[Row, ...]) -> Entry:
    name = f"{function.name} (source function)" if function.kind == "SOURCE" else function.name
    url = reverse("catalog-function", args=[function.pk])
    return Entry(name, function.description, Flow.SOURCE, "", url, rows, function.url)


def _rows(view: snapshot.Snapshot, now: datetime) -> list[Row]:
    workspace = the_workspace()
    sources, _ = snapshot.source_rows(workspace, view)
    counted = {row.connection.pk: table_row(row, view) for row in sources}
    sent = snapshot.deliveries(workspace, now.date())
    connections = Connection.objects.filter(workspace=workspace).select_related(
        "app", "environment", "function"
    )
    return [
        Row(connection, counted.get(connection.pk), sent.get(connection.pk), now.date())
        for connection in connections
    ]


# --- the list ---------------------------------------------------------------------------------
FILTERS = ("flow", "environment", "status", "naming")
NO_FILTER = dict.fromkeys(FILTERS, "")


def catalog(request: HttpRequest) -> HttpResponse:
    now = datetime.now(UTC)
    found = read(now)
    chosen = {name: request.GET.get(name, "") for name in FILTERS}
    words = request.GET.get("q", "").strip()
    shown = [entry for entry in found.entries if matches(entry, chosen, words)]
    return render(
        request,
        "catalog/catalog.html",
        {
            "now": now,
            "entries": shown,
            "total": len(found.entries),
            "unmatched": found.unmatched.rows,
            "state": found.view.standing,
            "q": words,
            "pills": pills(found.entries, chosen, words),
            "filtered": any(chosen.values()) or bool(words),
        },
    )


def matches(entry: Entry, chosen: Mapping[str, str], words: str) -> bool:
    """Whether an entry stays in the list under the filters of the address."""
    text = " ".join([entry.name, entry.description, entry.owner, *_names(entry)]).casefold()
    return (
        chosen["flow"] in ("", entry.flow)
        and (not chosen["environment"] or chosen["environment"] in entry.environments)
        and chosen["status"] in ("", entry.status)
        and (not chosen["naming"] or bool(entry.advice))
        and all(word in text for word in words.casefold().split())
    )


def _names(entry: Entry) -> Iterable[str]:
    return (row.connection.name for row in entry.rows)


@dataclass(frozen=True)
class Pill:
    """One filter that a click sets, or takes off when it is set."""

    text: str
    url: str
    count: int
    current: bool


def pills(entries: Sequence[Entry], chosen: Mapping[str, str], words: str) -> list[Pill]:
    offered: list[tuple[str, str, str]] = [
        *(("flow", flow.value, flow.label) for flow in Flow),
        *(("environment", name, name) for name in _environments(entries)),
        *(("status", key, word) for key, word in STATUSES.items()),
        ("naming", "advice", "Names to look at"),
    ]
    return [
        Pill(
            text,
            _address({**chosen, name: "" if chosen[name] == value else value}, words),
            sum(
                matches(entry, {**dict.fromkeys(FILTERS, ""), name: value}, "") for entry in entries
            ),
            chosen[name] == value,
        )
        for name, value, text in offered
    ]


def _environments(entries: Sequence[Entry]) -> list[str]:
    return list(dict.fromkeys(name for entry in entries for name in entry.environments))


def _address(chosen: Mapping[str, str], words: str) -> str:
    query = {name: value for name, value in {**chosen, "q": words}.items() if value}
    return f"?{urlencode(query)}" if query else "."


# --- one system -------------------------------------------------------------------------------
def app(request: HttpRequest, slug: str) -> HttpResponse:
    get_object_or_404(App, workspace=the_workspace(), slug=slug)
    return _page(request, reverse("catalog-app", args=[slug]), {})


def function(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Function, workspace=the_workspace(), pk=pk)
    return _page(request, reverse("catalog-function", args=[pk]), {"function": row})


def _page(request: HttpRequest, url: str, more: Mapping[str, Any]) -> HttpResponse:
    now = datetime.now(UTC)
    found = read(now)
    entry = next(entry for entry in found.entries if entry.url == url)
    ids = [row.connection.pk for row in entry.rows]
    links = Link.objects.select_related("source", "target")
    return render(
        request,
        "catalog/app.html",
        {
            "now": now,
            "entry": entry,
            "state": found.view.standing,
            "links": links.filter(source__in=ids) | links.filter(target__in=ids),
            "traffic": traffic_rows(found.view, set(ids)),
            "leaks": [leak for leak in found.view.found if leak.source_id in ids],
            **more,
        },
    )


@dataclass(frozen=True)
class TrafficRow:
    """Calls of one call type and event in the running period."""

    call_type: str
    event: str
    calls: int
    percent: float


def traffic_rows(view: snapshot.Snapshot, sources: set[int]) -> list[TrafficRow]:
    """The largest events of some sources, at most 25, then one row with the rest."""
    calls: dict[tuple[str, str], int] = defaultdict(int)
    for piece in view.situation.traffic:
        if piece.source_id in sources:
            calls[piece.call_type, piece.event] += piece.total
    total = sum(calls.values())
    ranked = sorted(calls.items(), key=lambda item: -item[1])
    rows = [TrafficRow(kind, name, n, 100 * n / total) for (kind, name), n in ranked[:25] if n]
    rest = sum(n for _, n in ranked[25:])
    if rest:
        rows.append(TrafficRow("", f"{len(ranked) - 25} more", rest, 100 * rest / total))
    return rows
