"""Sources as tables show them: their calls, how these compare, what the policy says of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from cdpwatch import snapshot
from cdpwatch.models import Connection
from cdpwatch.policy import Verdict, judge
from cdpwatch.readings import TrafficSlice
from dashboards.charts import sparkline

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

    row: snapshot.SourceRow
    percent: float
    change: float | None  # percent against the same days of the previous period
    spark: SafeString
    state: str
    word: str

    @property
    def url(self) -> str:
        return connection_url(self.row.connection)


def connection_url(row: Connection) -> str:
    """The page of the system behind a connection, or the list where it stands unmatched."""
    if row.app:
        return reverse("catalog-app", args=[row.app.slug])
    if row.function_id:
        return reverse("catalog-function", args=[row.function_id])
    return reverse("catalog")


def table_rows(rows: Sequence[snapshot.SourceRow], view: snapshot.Snapshot) -> list[TableRow]:
    verdicts = verdicts_by_source(view)
    return [table_row(row, verdicts.get(row.connection.pk, ())) for row in rows]


def table_row(row: snapshot.SourceRow, verdicts: Collection[Verdict]) -> TableRow:
    """`verdicts`: what the policy says of the source's live traffic."""
    change = 100 * (row.settled - row.before) / row.before if row.before else None
    # sparkline() draws numbers only.
    picture = mark_safe(sparkline(row.spark, "bad" if row.leaking else ""))
    return TableRow(row, 100 * row.share, change, picture, *standing(row, verdicts))


def standing(row: snapshot.SourceRow, verdicts: Collection[Verdict]) -> tuple[str, str]:
    """State and word of a source: the first that is true, the worst first."""
    if row.leaking:
        return "bad", "Leak"
    if row.connection.retired_at:
        return "off", "Gone"
    if not row.connection.enabled:
        return "off", "Switched off"
    if not any(row.spark) and not row.used:
        return "late", "No calls"
    found = ((state, word) for verdict, state, word in JUDGED if verdict in verdicts)
    return next(found, ("late", "Not judged"))  # billed, and not seen live: nothing to judge by


def verdicts_by_source(view: snapshot.Snapshot) -> Mapping[int, set[Verdict]]:
    """What the rules say of each source's traffic: of the running period, else of the last days."""
    pieces: dict[int, list[TrafficSlice]] = defaultdict(list)
    for piece in view.situation.traffic:
        pieces[piece.source_id].append(piece)
    rules = view.situation.rules
    return {
        source: {judge(rules, p).verdict for p in [p for p in found if p.total] or found}
        for source, found in pieces.items()
    }
