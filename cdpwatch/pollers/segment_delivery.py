"""Reads what became of calls on their way to each destination: delivered, failed, filtered.

Three requests a pair of source and destination, to Delivery Overview.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from cdpwatch.http import Api
from cdpwatch.pollers.each import read_each
from cdpwatch.pollers.overview import Tally, read_step
from cdpwatch.readings import DeliveryReading, Discard, Window

STEPS = {
    "delivered": "successful-delivery",
    "failed": "failed-delivery",
    "filtered": "filtered-at-destination",
}
DISCARDS = ("failed", "filtered")  # outcomes for which Segment gives a reason


class Ask(NamedTuple):
    """A source and a destination it feeds, by Segment's ids, and the UTC days: 30 at most."""

    source_id: str
    destination_id: str
    window: Window


class Part(NamedTuple):
    """Calls of one day and call type that met one outcome for one reason."""

    outcome: str
    reason: str
    tally: Tally


def read(api: Api, asks: Sequence[Ask]) -> tuple[DeliveryReading, ...]:
    """Calls per destination, UTC day and call type.

    A destination of which any row cannot be read is left out: half of its outcomes would look like
    a day without failures. Raises as `read_each`, which also says what else is left out.
    """
    return read_each(
        api, asks, lambda ask: _destination(api, ask), lambda ask: f"destination {ask[1]}"
    )


def _destination(api: Api, ask: Ask) -> list[DeliveryReading]:
    rejected = len(api.rejections)
    where = {"sourceId": ask.source_id, "destinationConfigId": ask.destination_id}
    told: defaultdict[tuple[date, str], list[Part]] = defaultdict(list)
    for outcome, step in STEPS.items():
        tallies = read_step(api, step, where, ask.window, reasons=outcome in DISCARDS)
        for (day, call_type, reason), tally in tallies.items():
            told[day, call_type].append(Part(outcome, reason, tally))
    if len(api.rejections) > rejected:
        return []
    return [_reading(ask.destination_id, *key, told[key]) for key in sorted(told)]


def _reading(
    destination_id: str, day: date, call_type: str, parts: Sequence[Part]
) -> DeliveryReading:
    calls = Counter(dict.fromkeys(STEPS, 0))
    for part in parts:
        calls[part.outcome] += part.tally.calls
    return DeliveryReading(
        destination_id,
        day,
        call_type,
        **calls,
        retried=sum(part.tally.retries for part in parts),
        discards=tuple(
            Discard(part.outcome, part.reason, part.tally.calls)
            for part in parts
            if part.outcome in DISCARDS and part.tally.calls
        ),
    )
