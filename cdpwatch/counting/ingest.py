"""Ingest: what became of each source's calls at Segment's door, by UTC day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cdpwatch.models import IngestDay, Workspace
from cdpwatch.readings import IngestReading

from .reasons import replace_reasons
from .rows import connections


def record_ingest(workspace: Workspace, readings: Sequence[IngestReading], now: datetime) -> int:
    """Make the days that were read what Segment said of them, by call type, outcome and reason.

    Sources and days of which nothing was read stay as they are. Returns the rows given.
    """
    sources = connections(workspace, {reading.source_id for reading in readings}, now)
    rows = [
        (sources[r.source_id], r.day, r.call_type, r.outcome, r.reason, r.calls) for r in readings
    ]
    return replace_reasons(IngestDay, "source_id", rows, {(row[0], row[1]) for row in rows})
