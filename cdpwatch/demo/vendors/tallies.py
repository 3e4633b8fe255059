"""What vendors of the demo base their numbers on: calls that Segment received and delivered."""

from __future__ import annotations

import hmac
from collections import Counter
from datetime import UTC, datetime, time, timedelta

from cdpwatch.demo import delivery, world
from cdpwatch.demo.ledger import Grid, buckets
from cdpwatch.demo.state import Demo
from cdpwatch.demo.web import Refused, Request

DAY_MINUTES = 1440
Calls = Counter[tuple[str, str]]  # by call type and event


def received(demo: Demo, source: str, start: datetime, end: datetime) -> Calls:
    """Calls of the source with that slug in [start, end), as far as they happened."""
    [found] = (each for each in world.SOURCES if each.slug == source)
    calls: Calls = Counter()
    for tally in delivery.received(demo.ledger(), found, past(demo, start, end)):
        calls[tally.part.call_type, tally.part.event] += int(tally.counts.sum())
    return calls


def outcomes(
    demo: Demo, kind: str, start: datetime, end: datetime
) -> Counter[tuple[str, str, str]]:
    """Calls by call type, step and reason at all destinations of that kind in [start, end)."""
    grid = past(demo, start, end)
    calls: Counter[tuple[str, str, str]] = Counter()
    for destination in world.DESTINATIONS:
        if destination.kind == kind:
            for tally in delivery.outcomes(demo.ledger(), destination, grid):
                calls[tally.part.call_type, *tally.outcome] += int(tally.counts.sum())
    return calls


def delivered(demo: Demo, kind: str, call_type: str, start: datetime, end: datetime) -> int:
    found = outcomes(demo, kind, start, end)
    return sum(
        n for (each, step, _), n in found.items() if (each, step) == (call_type, "delivered")
    )


def past(demo: Demo, start: datetime, end: datetime) -> Grid:
    """The days of [start, end) that the demo remembers, up to its clock."""
    begin = datetime.combine(demo.ledger().begin, time(), UTC)
    start, end = max(start, begin), min(end, demo.visible_until(timedelta()))
    return buckets(start, max(start, end), DAY_MINUTES)


def check_key(request: Request, expected: str) -> None:
    """Raises Refused (401) unless the Authorization header is the expected one."""
    sent = request.headers.get("authorization", "")
    if not hmac.compare_digest(sent.encode(), expected.encode()):
        raise Refused(401, "Unauthenticated")
