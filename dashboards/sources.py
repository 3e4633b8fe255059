"""Sources as tables show them: their calls, how these compare, what the policy says of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from cdpwatch import snapshot
from cdpwatch.models import Connection
from cdpwatch.policy import Verdict
from dashboards.charts import sparkline

LISTED = 25  # sources with a row of their own; the catalog lists them all

# The first verdict that a source's traffic holds is its state: what nobody knows comes first.
# Traffic that must not be tracked is a leak while it goes on, and then told by the leak itself.
JUDGED = (
    (Verdict.UNKNOWN, "warn", "Unknown"),
    (Verdict.IN_APP, "ok", "In policy"),
    (Verdict.ACCEPTED, "ok", "In policy"),
    (Verdict.NON_PROD, "off", "Not production"),
    (Verdict.MACHINE, "off", "Machine"),
    (Verdict.MARKETING, "warn", "Out of policy"),
    (Verdict.PUBLIC, "warn", "Out of policy"),
)


@dataclass(frozen=True)
class TableRow:
    """One source as the table shows it."""

    connection: Connection
    row: snapshot.SourceRow
    percent: float
    change: float | None  # percent against the same days of the previous period
    spark: SafeString
    state: str
    word: str

    @property
    def url(self) -> str:
        return connection_url(self.connection)


def connection_url(row: Connection) -> str:
    """The page of the system behind a connection, or its own where it belongs to none."""
    if row.app:
        return reverse("catalog-app", args=[row.app.slug])
    if row.function_id:
        return reverse("catalog-function", args=[row.function_id])
    return reverse("catalog-connection", args=[row.pk])


@dataclass(frozen=True)
class Listed:
    """The largest sources a row each, the others in one line: what _sources.html shows."""

    rows: list[TableRow]
    more: int  # sources that have no row of their own
    more_calls: int
    remainder: int  # calls that no source explains


def listed(sheet: snapshot.Sheet, connections: Mapping[int, Connection]) -> Listed:
    more = sheet.sources[LISTED:]
    return Listed(
        rows=table_rows(sheet.sources[:LISTED], connections),
        more=len(more),
        more_calls=sum(row.used for row in more),
        remainder=sheet.remainder,
    )


def connections_of(rows: Iterable[snapshot.SourceRow]) -> dict[int, Connection]:
    """The connections behind some rows, in one query."""
    return shown(Connection.objects.all()).in_bulk([row.source_id for row in rows])


def shown(connections: QuerySet[Connection]) -> QuerySet[Connection]:
    """With the columns alone that lists of them show."""
    columns = ("name", "direction", "enabled", "first_seen", "retired_at", "function_id")
    return connections.select_related("app").only(*columns, "app__slug")


def table_rows(
    rows: Iterable[snapshot.SourceRow], connections: Mapping[int, Connection]
) -> list[TableRow]:
    """Rows as tables show them; a source that is in no table any more is left out."""
    found = ((connections.get(row.source_id), row) for row in rows)
    return [table_row(connection, row) for connection, row in found if connection]


def table_row(connection: Connection, row: snapshot.SourceRow) -> TableRow:
    change = 100 * (row.settled - row.before) / row.before if row.before else None
    picture = _drawn(row.spark, row.leaking)
    return TableRow(connection, row, 100 * row.share, change, picture, *standing(connection, row))


@lru_cache(maxsize=2_048)  # one a source: its last 30 whole days change once a day
def _drawn(spark: tuple[int | None, ...], leaking: bool) -> SafeString:
    # sparkline() draws numbers only.
    return mark_safe(sparkline(spark, "bad" if leaking else ""))


def standing(connection: Connection, row: snapshot.SourceRow) -> tuple[str, str]:
    """State and word of a source: the first that is true, the worst first."""
    if row.leaking:
        return "bad", "Leak"
    if connection.retired_at:
        return "off", "Gone"
    if not connection.enabled:
        return "off", "Switched off"
    if not any(row.spark) and not row.used:
        return "late", "No calls"
    found = ((state, word) for verdict, state, word in JUDGED if verdict in row.verdicts)
    return next(found, ("late", "Not judged"))  # billed, and not seen live: nothing to judge by
