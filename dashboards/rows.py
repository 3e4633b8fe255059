"""One connection as pages show it: its counts, its state, its address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from cdpwatch import naming, snapshot
from cdpwatch.editing import Thing
from cdpwatch.models import App, Connection, Flow
from cdpwatch.readings import Direction
from dashboards.charts import sparkline
from dashboards.sources import TableRow

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
    def url(self) -> str:
        return url_of(self.connection)

    @property
    def advice(self) -> str:
        wrong = self.connection.retired_at is None and self.connection.naming not in FOLLOWING
        return self.connection.naming_advice if wrong else ""

    @property
    def status(self) -> str:
        """A key of STATUSES."""
        if self.connection.retired_at:
            return "gone"
        return "live" if self.connection.enabled else "off"

    @property
    def badge(self) -> tuple[str, str]:
        if self.source and self.source.row.leaking:
            return "bad", "Leak"
        return BADGES[self.status], STATUSES[self.status]

    @property
    def environment(self) -> str:
        return self.connection.environment.name if self.connection.environment else ""

    @property
    def is_source(self) -> bool:
        return self.connection.direction == Direction.SOURCE

    @property
    def flow(self) -> Flow:
        return Flow.SOURCE if self.is_source else Flow.DESTINATION

    @property
    def text(self) -> str:
        """What the search looks into."""
        row = self.connection
        labels = (f"{key}:{value}" for key, value in row.labels.items())
        return " ".join([row.name, row.description, row.owner, row.segment_id, *labels])


def url_of(thing: Thing) -> str:
    """The page of an app, a function or a connection."""
    if isinstance(thing, App):
        return reverse("catalog-app", args=[thing.slug])
    kind = "connection" if isinstance(thing, Connection) else "function"
    return reverse(f"catalog-{kind}", args=[thing.pk])
