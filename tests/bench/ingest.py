"""Writing counts: rows a second of the upsert, and the record step of a whole usage poll.

Rows are live calls by source, day and event. Each figure is the median of ROUNDS. The yardstick
is Django's own `bulk_create(update_conflicts=True)` on rows of the same table.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta

from django.db import connection, transaction

from cdpwatch import counting
from cdpwatch.counting.rows import connections
from cdpwatch.models import VolumeDay, Workspace
from cdpwatch.readings import UsageReading
from cdpwatch.seed import seed
from tests.bench.database import on_postgresql, sqlite
from tests.bench.figure import Figure, Yardstick, p50
from tests.servers import without_postgresql

SOURCES, DAYS, EVENTS = 1_000, 20, 10  # 200,000 rows a round
ROUNDS = 3
BY_DJANGO = 20_000  # rows of the yardstick: it is slow
KEY = ("source_id", "bucket", "call_type", "event")
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
Row = tuple[int, datetime, str, str, int]


def figures() -> Iterator[Figure | str]:
    """Goals of rows a second: 200,000 new on SQLite; 100,000 new, 60,000 changed on PostgreSQL."""
    yield from _on("SQLite", sqlite, new=200_000, changed=None)
    if reason := without_postgresql():
        yield f"left out: {reason}"
        return
    yield from _on("PostgreSQL", on_postgresql, new=100_000, changed=60_000)


def _on(
    name: str,
    database: Callable[[], AbstractContextManager[None]],
    new: float,
    changed: float | None,
) -> Iterator[Figure]:
    with database():
        workspace = seed(NOW)
        keys = connections(workspace, {f"s{n}" for n in range(SOURCES)}, NOW)
        sources = list(keys.values())
        took: dict[str, list[float]] = {"new": [], "unchanged": [], "changed": []}
        for number in range(ROUNDS):
            rows = _rows(sources, number, count=1)
            took["new"].append(_rate(rows))
            took["unchanged"].append(_rate(rows))
            took["changed"].append(_rate(_rows(sources, number, count=2)))
        django = Yardstick("bulk_create", _rate(_rows(sources, ROUNDS, 1)[:BY_DJANGO], _by_django))
        for kind, goal in {"new": new, "unchanged": None, "changed": changed}.items():
            measured = p50(took[kind])
            yield Figure(f"{name}: {kind} rows", measured, "rows/s", goal, True, django)
        if name == "SQLite":
            rate = _rate(_rows(sources, ROUNDS + 1, 1), _into_bare_table)
            yield Figure("SQLite: new rows of a bare table", rate, "rows/s")
        yield from _poll(name, workspace)


def _rows(sources: list[int], number: int, count: int) -> list[Row]:
    """The rows of round `number`: days that no other round has."""
    first = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=number * DAYS)
    return [
        (source, first + timedelta(days=day), "track", f"Event {event}", count)
        for day in range(DAYS)
        for source in sources
        for event in range(EVENTS)
    ]


def _by_upsert(rows: list[Row]) -> None:
    counting.upsert(VolumeDay, KEY, (*KEY, "count"), rows)


def _by_django(rows: list[Row]) -> None:
    made = [VolumeDay(**dict(zip((*KEY, "count"), row, strict=True))) for row in rows]
    VolumeDay.objects.bulk_create(
        made,
        batch_size=1_000,
        update_conflicts=True,
        unique_fields=["source", "bucket", "call_type", "event"],
        update_fields=["count"],
    )


def _into_bare_table(rows: list[Row]) -> None:
    """What SQLite gives at most here and now: one unique key, no other index, ready values."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bare (source, day, event, calls, UNIQUE (source, day, event))")
        cursor.executemany(
            "INSERT INTO bare VALUES (%s, %s, %s, %s) ON CONFLICT DO UPDATE SET calls ="
            " excluded.calls WHERE calls IS NOT excluded.calls",
            [(source, str(day), event, calls) for source, day, _, event, calls in rows],
        )


def _rate(rows: list[Row], write: Callable[[list[Row]], None] = _by_upsert) -> float:
    begun = time.perf_counter()
    with transaction.atomic():
        write(rows)
    return len(rows) / (time.perf_counter() - begun)


def _poll(name: str, workspace: Workspace) -> Iterator[Figure]:
    """What a usage poll of a month writes, for the first time and again."""
    first = date(2026, 10, 1)
    readings = [
        UsageReading(f"s{source}", first, first + timedelta(days=day), 1_000 * (day + 1))
        for source in range(SOURCES)
        for day in range(31)
    ]
    for times in ("first", "second"):
        begun = time.perf_counter()
        with transaction.atomic():
            counting.record_usage(workspace, readings, NOW)
        took = time.perf_counter() - begun
        yield Figure(f"{name}: {len(readings):,} usage rows, {times} time", took, "s")
