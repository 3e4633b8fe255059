"""The rate budget: processes that ask as fast as they may, and a server that counts them.

The limit is one of 40 calls in 4 seconds, of which half is ours, so that many spans pass in a short
run. A call above the budget is one that makes more than 20 in a span of 4 seconds, by the server's
clock. The yardstick is what one process gets through alone.
"""

from __future__ import annotations

import bisect
import json
import multiprocessing
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

from cdpwatch import pacing
from cdpwatch.http import segment
from tests.bench.figure import Figure, Yardstick
from tests.loopback import send, serve
from tests.servers import broker, redis_programs

LIMIT, SHARE = pacing.Limit(40, 4.0), 0.5
BUDGET = int(LIMIT.calls * SHARE)
PROCESSES, SECONDS = 3, 15.0


def figures() -> Iterator[Figure | str]:
    alone = arrivals_of(1)
    arrivals = arrivals_of(PROCESSES)
    calls = Yardstick("one process", len(alone))
    yield Figure(f"{PROCESSES} processes: calls above the budget", above(arrivals), "", 0)
    yield Figure(
        f"{PROCESSES} processes: calls in {SECONDS:g} s", len(arrivals), "", None, True, calls
    )


def above(arrivals: list[float]) -> int:
    """How many calls came while a span that ends with them already held the whole budget."""
    return sum(
        position - bisect.bisect_right(arrivals, moment - LIMIT.seconds) >= BUDGET
        for position, moment in enumerate(arrivals)
    )


def arrivals_of(processes: int, seconds: float = SECONDS) -> list[float]:
    """When the requests of so many greedy processes reached the server."""
    met: list[float] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        met.append(time.monotonic())
        send(handler, json.dumps({"data": {}}).encode())

    with broker(next(iter(redis_programs().values()))) as shelf, serve(answer) as url:
        spawn = multiprocessing.get_context("spawn")
        workers = [spawn.Process(target=_ask, args=(url, shelf, seconds)) for _ in range(processes)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
            assert worker.exitcode == 0
    return sorted(met)


def _ask(url: str, shelf: str, seconds: float) -> None:
    pacing.LIMITS = {"SEGMENT_API_URL": (pacing.Rule("", ".*", LIMIT),)}
    until = time.monotonic() + seconds
    with segment(url, "bench", allow_loopback=True) as api:
        api.pace = pacing.Budget("SEGMENT_API_URL", "bench", pacing.Shelf(shelf), SHARE)
        while time.monotonic() < until:
            api.get("/sources")
