"""Memory: a poller over ten thousand polls, and the web server after it has shown every page.

Proportional set size (PSS) from /proc, so on Linux alone. The polls follow one another, each a
turn later by a made-up clock, against a Segment on loopback that answers at once.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from django.conf import settings

import tasks.jobs  # noqa: F401  # what a worker has loaded
from cdpwatch import watch
from cdpwatch.models import PollRun
from cdpwatch.seed import seed
from cdpwatch.timetable import POLLERS
from tests.bench import site
from tests.bench.database import sqlite
from tests.bench.figure import Figure, Yardstick, p50
from tests.bench.polling import loopback

POLLS, LOOK_EVERY = 10_000, 500
SOURCES = 12
BEGINNING = datetime(2026, 10, 1, 12, tzinfo=UTC)
ROUNDS = 30  # times that each page is asked for
PAGES = ("/", "/catalog/", "/budget/", "/alerts/", "/health/", "/people/", "/overview.json")


def figures() -> Iterator[Figure | str]:
    """Goals: a web worker in 110 MB, a poller in 120 MB that does not grow by a tenth."""
    if sys.platform != "linux":
        yield "left out: memory is read from /proc, which is Linux's"
        return
    yield from _poller()
    yield from _web()


def _poller() -> Iterator[Figure]:
    with sqlite(), loopback(SOURCES, latency=0) as url:
        settings.SEGMENT_API_URL, settings.SEGMENT_API_TOKEN = url, "bench"
        settings.ALLOW_LOOPBACK = True
        seen = list(_polls())
    settled = seen[1:]  # the first look is at what every process loads at first
    begun = Yardstick(f"after {2 * LOOK_EVERY:,}", settled[0])
    name = f"poller, {POLLS:,} polls"
    yield Figure(f"{name}: largest", max(seen), "MB", 120)
    yield Figure(f"{name}: at the end", seen[-1], "MB", 1.1 * settled[0], yardstick=begun)
    yield Figure(f"{name}: growth in the second half", _growth(settled), "MB")


def _polls() -> Iterator[float]:
    """Poll usage; the memory after each LOOK_EVERY polls, in MB."""
    workspace = seed(BEGINNING)
    for number in range(1, POLLS + 1):
        now = BEGINNING + number * POLLERS["usage"].every
        assert watch.poll("usage", workspace, now), "the poll did not take place"
        if number % LOOK_EVERY == 0:
            PollRun.objects.filter(started_at__lt=now - timedelta(days=7)).delete()
            yield memory("self")


def _growth(seen: list[float]) -> float:
    """Median of the last quarter less the median of the quarter before it."""
    quarter = max(1, len(seen) // 4)
    return p50(seen[-quarter:]) - p50(seen[-2 * quarter : -quarter])


def _web() -> Iterator[Figure]:
    site.fill(SOURCES)
    cookie = site.session()
    with (
        site.worker() as url,
        httpx.Client(base_url=url, cookies=cookie, trust_env=False) as person,
    ):
        for _ in range(ROUNDS):
            for page in PAGES:
                person.get(page).raise_for_status()
        yield Figure(f"web server, {ROUNDS} x every page", memory(_listener(url)), "MB", 110)


def _listener(url: str) -> str:
    """The process id of the server at `url`: the child of ours that was told its port."""
    port = str(httpx.URL(url).port).encode()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        words = path.read_bytes().split(b"\0")
        if b"web" in words and port in words:
            return path.parent.name
    raise LookupError(f"nobody serves {url}")


def memory(process: str) -> float:
    """Proportional set size of a process, in MB (10^6 bytes)."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024 / 1e6
