"""The catalog as pages show it: systems people know, their connections and their counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from cdpwatch import naming, snapshot
from cdpwatch.models import App, Connection, Flow, Function, Workspace
from cdpwatch.readings import Direction
from dashboards.charts import sparkline
from dashboards.context import the_workspace
from dashboards.sources import TableRow, table_rows

ARROWS = {Flow.SOURCE: "→", Flow.DESTINATION: "←", Flow.BOTH: "⇄"}
STATUSES = {
    "live": "Live",
    "off": "Switched off",
    "gone": "Gone from Segment",
    "missing": "Not found in Segment",
}
FOLLOWING = ("", naming.Verdict.FOLLOWS)  # "" was never read against the convention
BADGES = {"live": "ok", "off": "off", "gone": "off", "missing": "late"}


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
        wrong = self.connection.retired_at is None and self.connection.naming not in FOLLOWING
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
            return "gone" if self.rows else "missing"
        return "live" if any(row.connection.enabled for row in self.live) else "off"

    @property
    def badge(self) -> tuple[str, str]:
        """State and word: a leak outshouts the rest."""
        if any(row.source and row.source.row.leaking for row in self.rows):
            return "bad", "Leak"
        return BADGES[self.status], STATUSES[self.status]

    @property
    def sources(self) -> tuple[Row, ...]:
        """Those with calls to show, also of a source that is gone: they count all the same."""
        return tuple(row for row in self.rows if row.source)

    @property
    def targets(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.deliveries)

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
    def last_30(self) -> tuple[int | None, ...]:
        """Its calls a day, or its deliveries where it has no source; () without either."""
        calls = [row.source.row.spark for row in self.sources if row.source]
        sent = [row.deliveries.spark(row.today) for row in self.targets if row.deliveries]
        return added(calls or sent)

    @property
    def spark(self) -> SafeString:
        return mark_safe(sparkline(self.last_30)) if self.last_30 else SafeString("")

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

    @property
    def names_to_look_at(self) -> int:
        """Connections whose names do not follow the convention, whatever system they belong to."""
        return sum(len(entry.advice) for entry in (*self.entries, self.unmatched))


def read(now: datetime) -> Catalog:
    """Every system with its connections and counts."""
    workspace = the_workspace()
    view = snapshot.take(workspace, now)
    rows = _rows(workspace, view)
    by_app: dict[int | None, list[Row]] = defaultdict(list)
    by_function: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        if row.connection.app_id is None and row.connection.function_id:
            by_function[row.connection.function_id].append(row)
        else:
            by_app[row.connection.app_id].append(row)
    apps = [
        _app_entry(app, tuple(by_app[app.pk])) for app in App.objects.filter(workspace=workspace)
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


def _rows(workspace: Workspace, view: snapshot.Snapshot) -> list[Row]:
    today = view.situation.now.date()
    sources, _ = snapshot.source_rows(workspace, view)
    counted = {item.row.connection.pk: item for item in table_rows(sources, view)}
    sent = snapshot.deliveries(workspace, today)
    connections = Connection.objects.filter(workspace=workspace).select_related(
        "app", "environment", "function"
    )
    return [
        Row(connection, counted.get(connection.pk), sent.get(connection.pk), today)
        for connection in connections
    ]
