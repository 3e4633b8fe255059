"""Reading usage: 1,000 sources x 31 days from a Segment that takes 50 ms for each answer.

The yardstick asks for the same pages with a bare httpx client and throws them away: latency and
transfer alone.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import httpx

from cdpwatch.http import segment
from cdpwatch.pollers import segment_usage
from tests.bench.figure import Figure, Yardstick, p50

SOURCES, LATENCY = 1_000, 50  # ms
PERIOD = date(2026, 10, 1)
ROUNDS = 3


def figures() -> Iterator[Figure | str]:
    with loopback(SOURCES, LATENCY) as url:
        for _ in range(2):  # the first one makes the answers
            asked, rows, _took, _cpu = _read(url)
        assert rows == (SOURCES + 1) * 31, rows
        reads = [_read(url) for _ in range(ROUNDS)]
        bare = Yardstick("bare httpx", p50([_bare(url, asked - 1) for _ in range(ROUNDS)]))
        name = f"usage of {SOURCES:,} sources x 31 days"
        yield Figure(f"{name}: requests", asked, "", 35)
        yield Figure(f"{name}: time", p50([r[2] for r in reads]), "s", 2.5, yardstick=bare)
        yield Figure(f"{name}: processor", p50([r[3] for r in reads]), "s")


@contextmanager
def loopback(sources: int, latency: float) -> Iterator[str]:
    """A Segment in a process of its own; `latency` in milliseconds. Gives its address."""
    script = str(Path(__file__).with_name("loopback.py"))
    command = [sys.executable, script, str(sources), str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def _read(url: str) -> tuple[int, int, float, float]:
    """One read of the period: requests, rows, seconds, seconds of processor time."""
    asked = 0

    def count() -> None:
        nonlocal asked
        asked += 1

    begun, cpu = time.perf_counter(), time.process_time()
    with segment(url, "bench", allow_loopback=True) as api:
        api.before_each = count
        rows = len(segment_usage.read(api, [PERIOD]))
    return asked, rows, time.perf_counter() - begun, time.process_time() - cpu


def _bare(url: str, pages: int) -> float:
    """Seconds for the same answers, unread."""
    path, _ = segment_usage.BY_SOURCE
    begun = time.perf_counter()
    with httpx.Client(base_url=url, trust_env=False) as client:
        client.get(segment_usage.WORKSPACE[0], params={"period": PERIOD.isoformat()})
        for page in range(pages):
            cursor = {"pagination.cursor": page * 1_000}
            client.get(
                path, params={"period": PERIOD.isoformat(), "pagination.count": 1_000, **cursor}
            )
    return time.perf_counter() - begun
