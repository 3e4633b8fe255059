"""What leaves as CSV or JSON: one function a table, the same for the command and the pages.

Text that a spreadsheet would run as a formula gets an apostrophe in front; numbers stay numbers.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time
from typing import Any, TextIO

from django.db.models import Sum

from . import renames, snapshot
from .models import (
    Alert,
    Connection,
    Leak,
    Projection,
    SourceDay,
    SourceMonth,
    VolumeDay,
    Workspace,
)
from .naming import Verdict
from .reconciling import Pair, common, own_pairs, vendor_pairs

Row = dict[str, Any]
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
FORMATS = ("csv", "json")


def usage(workspace: Workspace, first: date, last: date) -> Iterator[Row]:
    """One row per source and UTC day: billed calls ("" where unknown) and live calls."""
    live = _live(workspace, first, last)
    rows = SourceDay.objects.filter(
        source__workspace=workspace, day__gte=first, day__lte=last
    ).select_related("source__environment")
    billed = {(row.source_id, row.day): row for row in rows}
    sources = Connection.objects.filter(workspace=workspace).select_related("environment")
    names = {source.pk: source for source in sources}
    for source_id, day in sorted(billed.keys() | live.keys(), key=lambda key: (key[1], key[0])):
        source, row = names[source_id], billed.get((source_id, day))
        yield {
            "day": day.isoformat(),
            "source_id": source.segment_id,
            "source": source.name,
            "environment": source.environment.name if source.environment else "",
            "billed": row.calls if row else None,
            "live": live.get((source_id, day)),
        }


def _live(workspace: Workspace, first: date, last: date) -> dict[tuple[int, date], int]:
    rows = VolumeDay.objects.filter(
        source__workspace=workspace,
        bucket__gte=datetime.combine(first, time.min, UTC),
        bucket__lte=datetime.combine(last, time.max, UTC),
    )
    counted = rows.values_list("source_id", "bucket").annotate(Sum("count"))
    return {(source, bucket.date()): count for source, bucket, count in counted}


def months(workspace: Workspace, first: date, last: date) -> Iterator[Row]:
    """One row per source and calendar month that the span touches: billed calls."""
    rows = SourceMonth.objects.filter(
        source__workspace=workspace, month__gte=first.replace(day=1), month__lte=last
    ).select_related("source__environment")
    for row in rows.order_by("month", "source_id"):
        yield {
            "month": f"{row.month:%Y-%m}",
            "source_id": row.source.segment_id,
            "source": row.source.name,
            "environment": row.source.environment.name if row.source.environment else "",
            "billed": row.calls,
            "unknown_days": row.unknown_days,
        }


def projection(workspace: Workspace, first: date, last: date) -> Iterator[Row]:
    """What was projected on each day."""
    rows = Projection.objects.filter(contract__workspace=workspace)
    for row in rows.filter(as_of__gte=first, as_of__lte=last).order_by("as_of", "period_start"):
        yield {
            "as_of": row.as_of.isoformat(),
            "period_start": row.period_start.isoformat(),
            "period_end": row.period_end.isoformat(),
            "used": row.used,
            **{f"q{level}": total for level, total in row.quantiles.items()},
            "chance_over": row.chance_over,
            "crosses_on": row.crosses_on.isoformat() if row.crosses_on else None,
            "verdict": row.verdict,
            "method": row.method,
        }


def leaks(workspace: Workspace, first: date, last: date) -> Iterator[Row]:
    """Leaks that opened in the span."""
    rows = Leak.objects.filter(alert__workspace=workspace).select_related("alert", "source")
    for row in rows.filter(alert__opened_at__date__range=(first, last)).order_by("pk"):
        yield {
            "alert": row.alert_id,
            "state": row.alert.state,
            "source_id": row.source.segment_id,
            "source": row.source.name,
            "call_type": row.call_type,
            "event": row.event,
            "rule": row.rule_key,
            "since": row.since.isoformat(),
            "calls_so_far": row.calls_so_far,
            "calls_to_end": row.calls_to_end,
        }


def alerts(workspace: Workspace, first: date, last: date) -> Iterator[Row]:
    """Alerts that opened in the span."""
    rows = Alert.objects.filter(workspace=workspace, opened_at__date__range=(first, last))
    for row in rows.order_by("pk"):
        yield {
            "id": row.pk,
            "kind": row.kind,
            "severity": row.severity,
            "state": row.state,
            "title": row.title,
            "consequence": row.consequence,
            "opened_at": row.opened_at.isoformat(),
            "resolved_at": row.resolved_at.isoformat() if row.resolved_at else None,
        }


def catalog(workspace: Workspace, first: date, last: date) -> Iterator[Row]:
    """Every connection as it is now, retired ones included."""
    rows = Connection.objects.filter(workspace=workspace)
    yield from map(connection, rows.select_related("app", "environment"))


def connection(row: Connection) -> Row:
    """One line of the catalog; its app and environment are read with it."""
    return {
        "segment_id": row.segment_id,
        "name": row.name,
        "direction": row.direction,
        "environment": row.environment.name if row.environment else "",
        "app": row.app.name if row.app else "",
        "enabled": row.enabled,
        "labels": " ".join(f"{key}:{value}" for key, value in sorted(row.labels.items())),
        "naming": row.naming,
        "advice": row.naming_advice,
        "first_seen": row.first_seen.isoformat(),
        "last_seen": row.last_seen.isoformat(),
        "retired_at": row.retired_at.isoformat() if row.retired_at else None,
        "owner": row.owner or (row.app.owner if row.app else ""),
        "description": row.description or (row.app.description if row.app else ""),
    }


def names(workspace: Workspace, first: date, last: date) -> Iterator[Row]:
    """Every live connection whose name does not follow the convention, the worst first."""
    for named in renames.every(workspace):
        if named.verdict != Verdict.FOLLOWS:
            exact, why = named.reading.rename, named.choice.why
            yield {
                "segment_id": named.connection.segment_id,
                "direction": named.connection.direction,
                "name": named.connection.name,
                "verdict": named.verdict.value,
                "environment": named.reading.environment,
                "application": named.reading.application,
                "new_name": exact,
                "choices": "" if exact else " | ".join(named.choice.names),
                "why": renames.TAKEN if named.taken else why,
            }


def events(workspace: Workspace, first: date, last: date) -> Iterator[Row]:
    """One row per source, call type and event name that was ever seen: live calls of the span."""
    yield from events_of(Connection.objects.filter(workspace=workspace).in_bulk(), first, last)


def events_of(sources: Mapping[int, Connection], first: date, last: date) -> Iterator[Row]:
    """The event names of some sources, by primary key; calls without a name have the event ""."""
    named = snapshot.names_of(sources, first, last)
    totals: Counter[int] = Counter()
    for row in named:
        totals[row.source_id] += row.calls
    for row in named:
        yield {
            "source_id": sources[row.source_id].segment_id,
            "source": sources[row.source_id].name,
            "call_type": row.call_type,
            "event": row.event,
            "calls": row.calls,
            "share": round(row.calls / (totals[row.source_id] or 1), 6),
            "first_seen": row.first_seen.isoformat() if row.first_seen else None,
            "last_seen": row.last_seen.isoformat() if row.last_seen else None,
        }


def agreement(workspace: Workspace, first: date, last: date) -> Iterator[Row]:
    """One row per comparison and settled UTC day that both sides have a number for."""
    rows = snapshot.rows_of(workspace, first, last, datetime.now(UTC))
    for pair in (*own_pairs(rows), *vendor_pairs(rows)):
        yield from (_compared(pair, day) for day in common(pair))


def _compared(pair: Pair, day: date) -> Row:
    base, other, covered = pair.base_days[day], pair.other_days[day], pair.covered(day)
    return {
        "day": day.isoformat(),
        "compared": pair.key,
        "about": pair.subject,
        "first_side": pair.base.title,
        "other_side": pair.other.title,
        "first": base,
        "other": other,
        "gap": other - base,
        "explained": covered - base,
        "unexplained": other - covered,
    }


EXPORTS: dict[str, Callable[[Workspace, date, date], Iterator[Row]]] = {
    "usage": usage,
    "months": months,
    "projection": projection,
    "leaks": leaks,
    "alerts": alerts,
    "catalog": catalog,
    "names": names,
    "events": events,
    "agreement": agreement,
}
# Headers of tables that may be empty; the others are headed by what their rows hold.
HEADERS = {
    "usage": ["day", "source_id", "source", "environment", "billed", "live"],
    "months": ["month", "source_id", "source", "environment", "billed", "unknown_days"],
    "catalog": [
        "segment_id",
        "name",
        "direction",
        "environment",
        "app",
        "enabled",
        "labels",
        "naming",
        "advice",
        "first_seen",
        "last_seen",
        "retired_at",
        "owner",
        "description",
    ],
    "names": [
        "segment_id",
        "direction",
        "name",
        "verdict",
        "environment",
        "application",
        "new_name",
        "choices",
        "why",
    ],
    "events": [
        "source_id",
        "source",
        "call_type",
        "event",
        "calls",
        "share",
        "first_seen",
        "last_seen",
    ],
    "agreement": [
        "day",
        "compared",
        "about",
        "first_side",
        "other_side",
        "first",
        "other",
        "gap",
        "explained",
        "unexplained",
    ],
}


def write(name: str, rows: Iterable[Row], form: str, out: TextIO) -> None:
    """Write the rows of export `name` as a JSON list or as CSV with a header."""
    listed = list(rows)
    if form == "json":
        json.dump(listed, out, indent=1)
        out.write("\n")
        return
    header = HEADERS.get(name) or list(dict.fromkeys(key for row in listed for key in row))
    writer = csv.DictWriter(out, header, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({key: cell(value) for key, value in row.items()} for row in listed)


def cell(value: object) -> object:
    """A value that a spreadsheet shows and does not run."""
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value
