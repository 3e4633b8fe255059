"""Calls of a month by source: from the rollup, beside the same question to ten million days.

One thousand sources of ten thousand days each, written in SQL, on SQLite; the median of ROUNDS
months. The months are summed by `counting.refresh_months`, as a poll does.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

from django.db import connection
from django.db.models import Sum

from cdpwatch import counting, snapshot
from cdpwatch.counting.rows import connections
from cdpwatch.days import next_month
from cdpwatch.models import SourceDay, Workspace
from cdpwatch.seed import seed
from tests.bench.database import sqlite
from tests.bench.figure import Figure, Yardstick, p50

SOURCES, DAYS = 1_000, 10_000
FIRST = date(2000, 1, 1)
ROUNDS = 25
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
FILL = """
INSERT INTO cdpwatch_sourceday (source_id, day, calls, reason)
WITH RECURSIVE days (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM days WHERE n + 1 < %s)
SELECT source.id, date(%s, '+' || n || ' days'), (source.id * 7919 + n * 104729) %% 100000, ''
FROM days CROSS JOIN cdpwatch_connection AS source
"""


def figures() -> Iterator[Figure]:
    """Goal: 2 ms from the rollup."""
    with sqlite():
        workspace = seed(NOW)
        connections(workspace, {f"s{n}" for n in range(SOURCES)}, NOW)
        yield Figure(f"{SOURCES * DAYS:,} days written in SQL", _took(_fill), "s")
        months = _months()
        summed = _median(months, lambda month: counting.refresh_months(workspace, [month]))
        yield Figure(f"a month of {SOURCES:,} sources summed", summed * 1_000, "ms")
        chosen = random.Random(1).sample(months, ROUNDS)
        detail = _median(chosen, lambda month: _from_days(workspace, month))
        rollup = _median(chosen, lambda month: snapshot.months_by_source(workspace, month))
        beside = Yardstick("from days", detail * 1_000)
        yield Figure("month by source from the rollup", rollup * 1_000, "ms", 2.0, False, beside)


def _fill() -> None:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA cache_size = -400000")  # kB: room for the indexes while they grow
        cursor.execute(FILL, [DAYS, FIRST.isoformat()])
        cursor.execute("PRAGMA cache_size = -2000")  # as it was
        cursor.execute("ANALYZE")


def _months() -> list[date]:
    """Every whole month of the days written."""
    months, end = [FIRST], FIRST + timedelta(days=DAYS)
    while next_month(next_month(months[-1])) <= end:
        months.append(next_month(months[-1]))
    return months


def _from_days(workspace: Workspace, month: date) -> dict[int, int]:
    rows = SourceDay.objects.filter(
        source__workspace=workspace, day__gte=month, day__lt=next_month(month)
    )
    return dict(rows.values_list("source_id").annotate(Sum("calls")))


def _took(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _median(months: Sequence[date], ask: Callable[[date], object]) -> float:
    return p50([_took(lambda month=month: ask(month)) for month in months])
