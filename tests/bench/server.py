"""The web server under attack: what somebody signed in still gets, beside the same in peace.

The overview of 12 sources on one web server as `up` runs it. The attackers are a process of
their own on the same machine, so their work is in the figures too.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx

from cdpwatch import watch
from tests.bench import site
from tests.bench.figure import Figure, Yardstick, p50, p95

REQUESTS = 100
ATTACKS = {
    "heads": "200 clients with slow heads",
    "bodies": "200 clients with slow bodies",
    "sign-ins": "8 wrong sign-ins at a time",
}


def figures() -> Iterator[Figure | str]:
    """Goals: every request is served, and the pages' p95 stays within 200 ms."""
    workspace = site.fill(12)
    watch.evaluate(workspace, datetime.now(UTC))
    cookie = site.session()
    with (
        site.worker() as url,
        httpx.Client(base_url=url, cookies=cookie, trust_env=False) as person,
    ):
        _milliseconds(person)  # warms it up
        peace = _milliseconds(person)
        yield Figure("overview in peace: p50", p50(peace), "ms")
        for kind, name in ATTACKS.items():
            with attack(url, kind):
                times = _milliseconds(person)
            yield Figure(f"{name}: served of {REQUESTS}", len(times), "", REQUESTS, True)
            if times:
                calm = Yardstick("in peace", p95(peace))
                yield Figure(f"{name}: p95", p95(times), "ms", 200, yardstick=calm)


@contextmanager
def attack(url: str, kind: str) -> Iterator[None]:
    command = [sys.executable, str(Path(__file__).with_name("attack.py")), url, kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            process.stdout.readline()
            yield
        finally:
            process.kill()


def _milliseconds(person: httpx.Client) -> list[float]:
    """Of REQUESTS, each on a connection of its own, those that were answered."""
    times = []
    for _ in range(REQUESTS):
        begun = time.perf_counter()
        try:
            answer = person.get("/", headers={"Connection": "close"}, timeout=5)
        except httpx.TransportError:
            continue
        assert answer.status_code == 200, answer.status_code
        times.append(1_000 * (time.perf_counter() - begun))
    return times
