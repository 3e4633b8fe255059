"""The exact numbers behind the API, for tests and rehearsals to compare with."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np

from cdpwatch.demo import delivery, world
from cdpwatch.demo.ledger import Ledger, at, buckets, epoch_minute
from cdpwatch.demo.query import Query
from cdpwatch.demo.state import DELIVERY_LAG, VOLUME_SETTLES_AFTER, Demo
from cdpwatch.demo.web import Refused

MAX_DAYS = 430
STEPS = ("delivered", "failed", "filtered")


def truth(demo: Demo, query: Query) -> dict[str, Any]:
    """Calls by source and day, deliveries by destination and day, `from` to `to` inclusive.

    The running day counts up to what a careful reader of event volume has by now, a minute behind
    the clock, and is not `complete`. Raises
    Refused (422).
    """
    first, last = query.instant("from").date(), query.instant("to").date()
    if not 0 <= (last - first).days < MAX_DAYS:
        raise Refused(422, f'"to" must be at most {MAX_DAYS} days after "from"', "to")
    ledger, today = demo.ledger(), demo.clock().date()
    first, last = max(first, ledger.begin), min(last, today)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return {
        "calls": [row for day in days for row in _calls(demo, ledger, day)],
        "deliveries": [
            row
            for destination in world.DESTINATIONS
            if destination.kind not in world.DEVICE_MODE  # nobody counts what browsers send past
            for row in _sent(demo, ledger, destination, days)
        ],
    }


def _calls(demo: Demo, ledger: Ledger, day: date) -> list[dict[str, Any]]:
    seen = epoch_minute(demo.visible_until(VOLUME_SETTLES_AFTER)) - epoch_minute(at(day, 0))
    minutes = max(0, min(seen, 1440))
    return [
        {
            "day": day.isoformat(),
            "source_id": source_id,
            "source": world.SOURCE_BY_ID[source_id].name,
            "calls": calls,
            "complete": demo.clock().date() > day,
        }
        for source_id, calls in ledger.day_calls(day, minutes).items()
    ]


def _sent(
    demo: Demo, ledger: Ledger, destination: world.Destination, days: list[date]
) -> list[dict[str, Any]]:
    if not days:
        return []
    end = min(at(days[-1], 1440), demo.visible_until(DELIVERY_LAG))
    grid = buckets(at(days[0], 0), end, 1440)
    sums = {step: np.zeros(len(grid.times), dtype=np.int64) for step in STEPS}
    for tally in delivery.outcomes(ledger, destination, grid):
        sums[tally.outcome[0]] += tally.counts
    named = {
        "destination_id": destination.id,
        "destination": destination.name,
        "source_id": destination.source_id,
    }
    return [
        {"day": time.date().isoformat(), **named, **{step: int(sums[step][i]) for step in STEPS}}
        for i, time in enumerate(grid.times)
    ]
