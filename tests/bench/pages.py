"""What a page costs: the overview with 12 and with 1,000 sources, on one web worker.

Each request is a signed-in person's over a connection that stays open, with gzip. Every second
one goes to a bare Django view on a server of the same kind: that is the floor, and the noise of
the machine is in both.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cdpwatch import watch
from tests.bench import site
from tests.bench.figure import Figure, Yardstick, p50, p95

REQUESTS = 300
SETTLED = 30  # requests that warm the worker up
# Files that the page itself asks for; the chart library comes after it.
FILES = re.compile(r'(?:src|href|data-script|data-style)="(/static/[^"]+\.(?:js|css|svg))"')
LIBRARY = "plotly"


def figures() -> Iterator[Figure | str]:
    queries = {}
    for sources, median, slow in ((12, 15.0, 40.0), (1_000, None, 50.0)):
        workspace = site.fill(sources)
        begun = time.perf_counter()
        watch.evaluate(workspace, datetime.now(UTC))
        took = 1_000 * (time.perf_counter() - begun)
        cookie, name = site.session(), f"overview, {sources:,} sources"
        queries[sources] = queries_of(cookie, "/")
        with site.worker() as url, site.yardstick() as bare:
            pages = httpx.Client(base_url=url, cookies=cookie, trust_env=False)
            with pages, httpx.Client(base_url=bare, trust_env=False) as floor:
                page, ok = milliseconds(pages, floor, "/")
                yield Figure(f"{name}: p50", p50(page), "ms", median, yardstick=bare_view(p50(ok)))
                yield Figure(f"{name}: p95", p95(page), "ms", slow, yardstick=bare_view(p95(ok)))
                yield from _weights(name, pages)
        yield Figure(f"{name}: queries", queries[sources], "", queries[12])
        yield Figure(f"{name}: evaluate", took, "ms", 300.0 if sources == 12 else None)


def bare_view(milliseconds: float) -> Yardstick:
    return Yardstick("bare view", milliseconds)


def milliseconds(
    pages: httpx.Client, floor: httpx.Client, page: str
) -> tuple[list[float], list[float]]:
    """What a page takes, and what the bare view takes between its turns."""
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(REQUESTS + SETTLED):
        for client, path, found in ((pages, page, times[0]), (floor, "/ok", times[1])):
            begun = time.perf_counter()
            answer = client.get(path)
            if turn >= SETTLED:
                found.append(1_000 * (time.perf_counter() - begun))
            assert answer.status_code == 200, f"{path}: {answer.status_code}"
    return times


def _weights(name: str, pages: httpx.Client) -> Iterator[Figure]:
    """Bytes over the wire, of the page with its files and of the chart library after it."""
    html = pages.get("/").text
    files = {path: _wire_bytes(pages, path) for path in set(FILES.findall(html))}
    page = _wire_bytes(pages, "/")
    own = page + sum(n for path, n in files.items() if LIBRARY not in path)
    whole = page + sum(files.values()) + _wire_bytes(pages, "/burn.json")
    yield Figure(f"{name}: html", page / 1_000, "kB")
    yield Figure(f"{name}: before the chart library", own / 1_000, "kB", 60.0)
    yield Figure(f"{name}: with it", whole / 1_000, "kB", 450.0)


def _wire_bytes(pages: httpx.Client, path: str) -> int:
    with pages.stream("GET", path) as answer:
        return sum(len(chunk) for chunk in answer.iter_raw())


def queries_of(cookie: dict[str, str], page: str) -> int:
    """Questions that a page asks the database, its second time."""
    browser = Client(SERVER_NAME="127.0.0.1")
    browser.cookies.load(cookie)
    browser.get(page)
    with CaptureQueriesContext(connection) as asked:
        browser.get(page)
    return len(asked)
