"""Reads what became of calls at Segment's door: received, failed on ingest, filtered at the source.

Three requests a source, to Delivery Overview. Received calls are those that Segment took in; those
that the source's schema or a tracking plan blocked are among them. Neither failed nor blocked calls
go on to a destination.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cdpwatch.http import Api
from cdpwatch.pollers.each import read_each
from cdpwatch.pollers.overview import read_step
from cdpwatch.readings import IngestReading, Window

STEPS = {
    "received": "successfully-received",
    "failed": "failed-on-ingest",
    "filtered": "filtered-at-source",
}


class Ask(NamedTuple):
    """A source, by Segment's id, and the whole UTC days to read of it: 30 at most."""

    source_id: str
    window: Window


def read(api: Api, asks: Sequence[Ask]) -> tuple[IngestReading, ...]:
    """Calls per source, UTC day, call type, outcome and reason; those without a call left out.

    A source of which any row cannot be read is left out: half of its outcomes would look like a day
    without failures. Raises as `read_each`, which also says what else is left out.
    """
    return read_each(
        api, asks, lambda ask: _source(api, ask), lambda ask: f"source {ask.source_id}"
    )


def _source(api: Api, ask: Ask) -> list[IngestReading]:
    rejected = len(api.rejections)
    where = {"sourceId": ask.source_id}
    readings = [
        IngestReading(ask.source_id, *slot[:2], outcome, slot.reason, tally.calls)
        for outcome, step in STEPS.items()
        for slot, tally in read_step(
            api, step, where, ask.window, reasons=outcome != "received"
        ).items()
        if tally.calls
    ]
    return [] if len(api.rejections) > rejected else readings
