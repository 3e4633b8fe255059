"""What the workspace received: flows, with leaks counted only while they are switched on.

To the invented flows comes what clients really sent. A ledger is a value made for one request from
the leak intervals and the messages of that moment. Times are epoch
minutes (whole minutes since 1970, UTC), because leaks switch on the minute.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np

from cdpwatch.demo import world
from cdpwatch.demo.arrivals import Arrivals
from cdpwatch.demo.traffic import FLOWS, Flow
from cdpwatch.demo.volumes import DAY, EPOCH, Counts, cumulative

HISTORY_MONTHS = 13
Span = tuple[int, int]
Stream = Flow | Arrivals


@dataclass(frozen=True)
class Grid:
    """Buckets of a window: for each day its edges in minutes, and every bucket's start."""

    days: tuple[tuple[date, tuple[int, ...]], ...]
    times: tuple[datetime, ...]


@dataclass(frozen=True)
class Ledger:
    """Everything that was received. `anchor` is the month's first day where the means hold."""

    anchor: date
    begin: date  # no traffic before this day
    leaks: Mapping[str, Sequence[Span]]
    arrivals: Sequence[Arrivals] = ()

    def streams(self) -> list[Stream]:
        """All that was accepted, by any source."""
        return [*FLOWS, *(stream for stream in self.arrivals if not stream.reason)]

    def running(self, flow: Stream, day: date, edges: Sequence[int]) -> Counts:
        """Calls of each slice since midnight at each edge (minutes of the day)."""
        if isinstance(flow, Arrivals):
            return flow.running(day, edges)
        if not flow.leak:
            return cumulative(flow, self.anchor, day, edges)
        total = np.zeros((len(flow.mix), len(edges)), dtype=np.int64)
        for on, off in self._spans(flow.leak, day):
            clipped = [min(max(edge, on), off) for edge in edges]
            at_edges = cumulative(flow, self.anchor, day, [on, *clipped])
            total += at_edges[:, 1:] - at_edges[:, :1]
        return total

    def counts(self, flow: Stream, grid: Grid) -> Counts:
        """Calls of each slice in each bucket, shape (slices, buckets)."""
        parts = [np.diff(self.running(flow, day, edges)) for day, edges in grid.days]
        return np.concatenate([np.zeros((len(flow.mix), 0), dtype=np.int64), *parts], axis=1)

    def day_calls(self, day: date, minutes: int = DAY) -> dict[str, int]:
        """Calls by source id on that day, up to `minutes` after midnight."""
        calls = dict.fromkeys(world.SOURCE_BY_ID, 0)
        if day < self.begin:
            return calls
        for flow in self.streams():
            slices = self.running(flow, day, (0, minutes))[:, -1]
            calls[world.segment_id("source", flow.source)] += int(slices.sum())
        return calls

    def _spans(self, leak: str, day: date) -> list[Span]:
        midnight = (day - EPOCH).days * DAY
        spans = [(on - midnight, off - midnight) for on, off in self.leaks.get(leak, ())]
        return [(max(on, 0), min(off, DAY)) for on, off in spans if on < DAY and off > 0]


def buckets(start: datetime, end: datetime, step: int) -> Grid:
    """Buckets `step` minutes wide that touch [start, end), clipped to it. UTC instants."""
    first, last = epoch_minute(start), epoch_minute(end)
    days: list[tuple[date, tuple[int, ...]]] = []
    times: list[datetime] = []
    for number in range(first // DAY, -(-last // DAY) if last > first else first // DAY):
        low, high = max(first - number * DAY, 0), min(last - number * DAY, DAY)
        inner = range((low // step + 1) * step, high, step)
        day = EPOCH + timedelta(days=number)
        days.append((day, (low, *inner, high)))
        times += [at(day, low // step * step), *(at(day, edge) for edge in inner)]
    return Grid(tuple(days), tuple(times))


def at(day: date, minute: int) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(minutes=minute)


def epoch_minute(instant: datetime) -> int:
    return int(instant.timestamp() // 60)


def months_before(day: date, months: int) -> date:
    """The first day of the month that lies `months` before the month of `day`."""
    index = day.year * 12 + day.month - 1 - months
    return date(index // 12, index % 12 + 1, 1)
