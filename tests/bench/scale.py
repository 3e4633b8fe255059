"""Requests of an hour, counted at the server: Segment's pollers and the counters of other sides.

Segment's are asked of a workspace of tests.large.LARGE, through every turn that an hour has after
each poller's first one. The counters are asked of the demo workspace's vendors, which no number of
sources makes larger. The yardstick is what docs/explanation/scale.md plans.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime

from django.test import override_settings

from cdpwatch import roster
from cdpwatch.counters import COUNTERS
from cdpwatch.demo.limits import Limits
from cdpwatch.demo.server import DemoHandler, DemoServer
from cdpwatch.demo.state import DEFAULT_TOKEN, Demo
from cdpwatch.demo.store import Store
from cdpwatch.demo.vendors import connects
from cdpwatch.seed import seed
from cdpwatch.timetable import POLLERS
from cdpwatch.watch import poll
from tests.bench.database import sqlite
from tests.bench.figure import Figure, Yardstick
from tests.large import BEGAN, LARGE, count, in_an_hour, planned, segment_of

PLENTY = {"": 100_000, "/events/volume": 100_000}
FREE = {"ALLOW_LOOPBACK": True, "RATE_SHARE": 1e6}  # counted, not paced


def figures() -> Iterator[Figure | str]:
    segment, plan = of_segment(), planned(LARGE)
    for name, counted in segment.items():
        yield _figure(name, counted, in_an_hour(plan[name], POLLERS[name].every))
    wanted = sum(in_an_hour(plan[name], poller.every) for name, poller in POLLERS.items())
    yield _figure("together", sum(segment.values()), wanted)
    counters = of_counters()
    for name, (turn, hour) in counters.items():
        yield Figure(f"{name}: requests a turn", turn, "")
        yield Figure(f"{name}: requests an hour", hour, "")
    yield Figure("counters: requests an hour", sum(hour for _, hour in counters.values()), "")


def _figure(name: str, counted: int, wanted: int) -> Figure:
    yardstick = Yardstick("planned", wanted)
    return Figure(f"{name}: requests an hour", counted, "", wanted, False, yardstick)


def of_segment() -> dict[str, int]:
    """Requests an hour by poller."""
    with sqlite(), segment_of(LARGE) as (url, asked):
        token = {"SEGMENT_API_URL": url, "SEGMENT_API_TOKEN": "sgp_scale"}
        with override_settings(**FREE, **token):
            return count(asked, seed(BEGAN), POLLERS)


def of_counters() -> dict[str, tuple[int, int]]:
    """Requests of a turn after the first, and an hour, by counter."""
    counters = {name: poller for name, poller in roster.everyone().items() if name in COUNTERS}
    found: dict[str, tuple[int, int]] = {}
    with sqlite(), _demo() as (url, asked, clock):
        token = {"SEGMENT_API_URL": url, "SEGMENT_API_TOKEN": DEFAULT_TOKEN}
        variables = connects(f"{url}/vendors")
        with override_settings(**FREE, **token, VENDOR_VARIABLES=variables):
            workspace = seed(BEGAN)
            poll("catalog", workspace, BEGAN)
            for name, poller in counters.items():
                for clock[0] in (BEGAN, BEGAN + poller.every):
                    asked.clear()
                    assert poll(name, workspace, clock[0]), name
                found[name] = len(asked), in_an_hour(len(asked), poller.every)
    return found


@contextmanager
def _demo() -> Iterator[tuple[str, list[str], list[datetime]]]:
    """The demo workspace: its URL, the paths it was asked for, and its clock to set."""
    asked: list[str] = []
    clock = [BEGAN]

    class Counting(DemoHandler):
        def _handle(self) -> None:
            asked.append(self.path)
            super()._handle()

    with closing(Store(None, BEGAN)) as store:
        server = DemoServer(Demo(store, lambda: clock[0], DEFAULT_TOKEN, Limits(PLENTY)), 0)
        server.RequestHandlerClass = Counting
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.url, asked, clock
        finally:
            server.stopping.set()
            server.shutdown()
            thread.join()
            server.server_close()
