"""The catalog as pages show it: systems people know, their connections and their counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from django.utils.safestring import SafeString, mark_safe

from cdpwatch import snapshot
from cdpwatch.editing import Thing
from cdpwatch.models import App, Connection, Flow, Function, Workspace
from cdpwatch.readings import Direction
from dashboards.charts import sparkline
from dashboards.context import the_workspace
from dashboards.rows import BADGES, STATUSES, Row, url_of
from dashboards.sources import table_row

ARROWS = {Flow.SOURCE: "→", Flow.DESTINATION: "←", Flow.BOTH: "⇄"}


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
    thing: Thing | None = None  # the row behind it; None for what matches no app

    @property
    def text(self) -> str:
        """What the search looks into, its connections apart."""
        return f"{self.name} {self.description} {self.owner}"

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
    def may_send(self) -> bool:
        """Whether it is, or could be, a source of calls."""
        return bool(self.sources) or self.flow != Flow.DESTINATION

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
    sheet: snapshot.Sheet

    @property
    def rows(self) -> tuple[Row, ...]:
        """Every connection, those of no system last."""
        return tuple(row for entry in (*self.entries, self.unmatched) for row in entry.rows)

    @property
    def names_to_look_at(self) -> int:
        """Connections whose names do not follow the convention, whatever system they belong to."""
        return sum(len(entry.advice) for entry in (*self.entries, self.unmatched))


def read(now: datetime) -> Catalog:
    """Every system with its connections and counts."""
    workspace = the_workspace()
    sheet = snapshot.current(workspace, now)
    by_app: dict[int | None, list[Row]] = defaultdict(list)
    by_function: dict[int, list[Row]] = defaultdict(list)
    for row in _rows(workspace, sheet, now.date()):
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
    return Catalog((*apps, *functions), others, sheet)


def _app_entry(app: App, rows: tuple[Row, ...]) -> Entry:
    return Entry(app.name, app.description, app.flow, app.owner, url_of(app), rows, thing=app)


def _function_entry(function: Function, rows: tuple[Row, ...]) -> Entry:
    name = f"{function.name} (source function)" if function.kind == "SOURCE" else function.name
    return Entry(
        name=name,
        description=function.description,
        flow=Flow.SOURCE,
        owner=function.owner,
        url=url_of(function),
        rows=rows,
        link=function.url,
        thing=function,
    )


def connection_entry(row: Row) -> Entry:
    """One connection by itself; what people did not write of it is told of its system."""
    connection = row.connection
    system = connection.app or connection.function
    return Entry(
        name=connection.name,
        description=connection.description or (system.description if system else ""),
        flow=row.flow,
        owner=connection.owner or (system.owner if system else ""),
        url=row.url,
        rows=(row,),
        thing=connection,
    )


def _rows(workspace: Workspace, sheet: snapshot.Sheet, today: date) -> list[Row]:
    counted = {row.source_id: row for row in sheet.sources}
    sent = snapshot.deliveries(workspace, today)
    connections = Connection.objects.filter(workspace=workspace).select_related(
        "app", "environment", "function"
    )
    return [
        Row(
            connection,
            table_row(connection, counted[connection.pk]) if connection.pk in counted else None,
            sent.get(connection.pk),
            today,
        )
        for connection in connections
    ]
