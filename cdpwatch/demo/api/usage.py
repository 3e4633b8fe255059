"""Billed usage: running totals since the month began, one row per settled UTC day.

The row stamped day D holds the calls up to the end of D. It appears twenty minutes after D is over.
Counts are strings (Public API, "Usage").
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from typing import Any

from cdpwatch.demo import world
from cdpwatch.demo.ledger import HISTORY_MONTHS, months_before
from cdpwatch.demo.query import Query
from cdpwatch.demo.state import Demo

SETTLES_AFTER = timedelta(minutes=20)
USERS_PER_DAY = {
    "anonymous": 20_400,
    "anonymousIdentified": 6_150,
    "identified": 9_300,
    "neverIdentified": 14_200,
}


def workspace_calls(demo: Demo, query: Query) -> dict[str, Any]:
    days = settled_days(demo, query)
    totals = accumulate(sum(calls.values()) for calls in _calls(demo, days))
    rows, pagination = query.page(
        [
            {"apiCalls": str(total), "timestamp": stamp(day)}
            for day, total in zip(days, totals, strict=True)
        ]
    )
    return {"dailyWorkspaceAPICallsUsage": rows, "pagination": pagination}


def source_calls(demo: Demo, query: Query) -> dict[str, Any]:
    days = settled_days(demo, query)
    totals = dict.fromkeys(world.SOURCE_BY_ID, 0)
    found = []
    for day, calls in zip(days, _calls(demo, days), strict=True):
        for source_id, count in calls.items():
            totals[source_id] += count
        found += [_source_row(day, *item) for item in totals.items()]
    rows, pagination = query.page(found)
    return {"dailyPerSourceAPICallsUsage": rows, "pagination": pagination}


def workspace_users(demo: Demo, query: Query) -> dict[str, Any]:
    days = settled_days(demo, query)
    rows, pagination = query.page([_users_row(day) for day in days])
    return {"dailyWorkspaceMTUUsage": rows, "pagination": pagination}


def source_users(demo: Demo, query: Query) -> dict[str, Any]:
    """Users of each source, in proportion to its calls of the day."""
    days = settled_days(demo, query)
    found = [
        {"sourceId": source_id, **_users_row(day, calls / (sum(of_day.values()) or 1))}
        for day, of_day in zip(days, _calls(demo, days), strict=True)
        for source_id, calls in of_day.items()
    ]
    rows, pagination = query.page(found)
    return {"dailyPerSourceMTUUsage": rows, "pagination": pagination}


def settled_days(demo: Demo, query: Query) -> list[date]:
    """The days of the asked calendar month that have a row; none for a month out of reach."""
    asked = query.instant("period").date()
    settled = (demo.clock() - SETTLES_AFTER).date()
    first = months_before(asked, 0)
    if first < months_before(settled, HISTORY_MONTHS):
        return []
    end = min(months_before(asked, -1), settled)
    return [first + timedelta(days=number) for number in range((end - first).days)]


def stamp(day: date) -> str:
    return f"{day.isoformat()}T00:00:00.000Z"


def _calls(demo: Demo, days: list[date]) -> list[dict[str, int]]:
    ledger = demo.ledger()
    return [ledger.day_calls(day) for day in days]


def _source_row(day: date, source_id: str, total: int) -> dict[str, str]:
    return {"sourceId": source_id, "apiCalls": str(total), "timestamp": stamp(day)}


def _users_row(day: date, share: float = 1) -> dict[str, Any]:
    """Users grow through the month, ever more slowly, as regulars come back."""
    begin, end = months_before(day, 0), months_before(day, -1)
    reach = day.day**0.5
    return {
        "periodStart": _unix(begin),
        "periodEnd": _unix(end),
        **{name: str(round(count * reach * share)) for name, count in USERS_PER_DAY.items()},
        "timestamp": stamp(day),
    }


def _unix(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
