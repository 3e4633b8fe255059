"""Tables of what is there now: the catalog, names, event names, and how counts agree.

They keep no history of what was known, so none of them is told as of a moment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime

from cdpwatch import renames, snapshot
from cdpwatch.models import Connection, Workspace
from cdpwatch.naming import Verdict
from cdpwatch.reconciling import Pair, common, own_pairs, vendor_pairs

from .writing import Row


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
