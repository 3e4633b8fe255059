"""What an evaluation costs in a worker, with three years of days: 12 sources and 1,000.

An hour's first evaluation also projects each source; the others read that from the kept sheet.
Then what it keeps: bytes of a projection's inputs and of the sheet, rows that a day writes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial

from django.db import connection
from django.test.utils import CaptureQueriesContext

from cdpwatch import budget, snapshot, watch
from cdpwatch.models import KeptSnapshot, Projection, Workspace
from tests.bench import site
from tests.bench.figure import Figure, Yardstick, p50

DAYS = 1_096
ROUNDS = 5
GOAL = 5_000.0  # ms


def figures() -> Iterator[Figure]:
    """Goal: 5 s for 1,000 sources, the first evaluation of an hour."""
    for sources in (12, 1_000):
        workspace = site.fill(sources, DAYS)
        name = f"{sources:,} sources, {DAYS:,} days"
        now = datetime.now(UTC)
        both = [_first(workspace, now) for _ in range(ROUNDS)]
        cpu = Yardstick("CPU", p50([busy for _, busy in both]))
        first = p50([took for took, _ in both])
        yield Figure(f"{name}: an hour's first evaluation", first, "ms", GOAL, False, cpu)
        later = p50([_took(partial(watch.evaluate, workspace, now)) for _ in range(ROUNDS)])
        yield Figure(f"{name}: any other", later, "ms")
        yield from _parts(name, workspace, now)


def _parts(name: str, workspace: Workspace, now: datetime) -> Iterator[Figure]:
    view = snapshot.take(workspace, now)
    took = p50([_took(lambda: snapshot.take(workspace, now)) for _ in range(ROUNDS)])
    yield Figure(f"{name}: the snapshot of it", took, "ms")
    yield Figure(f"{name}: the total's projection", _took(view.inputs.project), "ms")
    projected = _took(lambda: snapshot.sources_ahead(workspace, view))
    yield Figure(f"{name}: projections of the sources", projected, "ms")
    with CaptureQueriesContext(connection) as asked:
        watch.evaluate(workspace, now)
    yield Figure(f"{name}: queries", len(asked), "")
    kept = KeptSnapshot.objects.get(workspace=workspace)
    yield Figure(f"{name}: the kept sheet", len(bytes(kept.body)) / 1_000, "kB")
    inputs = Projection.objects.latest("made_at").inputs
    assert budget.unpacked(inputs).project() == view.inputs.project()
    yield Figure(f"{name}: a projection's inputs", len(inputs) / 1_000, "kB")


def _first(workspace: Workspace, now: datetime) -> tuple[float, float]:
    """Milliseconds that it took, and of the processor, which a busy machine does not stretch."""
    KeptSnapshot.objects.all().delete()
    begun = time.process_time()
    took = _took(partial(watch.evaluate, workspace, now))
    return took, 1_000 * (time.process_time() - begun)


def _took(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return 1_000 * (time.perf_counter() - begun)
