"""What clients really sent to a source, in the shape of a flow: it adds to the invented traffic."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

import numpy as np

from cdpwatch.demo.inbox import Row
from cdpwatch.demo.traffic import Slice
from cdpwatch.demo.volumes import DAY, EPOCH, Counts


@dataclass(frozen=True, eq=False)
class Arrivals:
    """Messages of one source that met one `reason`; "" is what was accepted."""

    source: str  # slug
    reason: str
    mix: tuple[Slice, ...]
    minutes: tuple[Counts, ...]  # epoch minutes in which there were calls, by slice
    totals: tuple[Counts, ...]  # running calls: 0, then after each of those minutes

    @property
    def calls(self) -> int:
        return sum(int(total[-1]) for total in self.totals)

    @property
    def key(self) -> str:
        return f"arrivals/{self.source}/{self.reason}"

    def running(self, day: date, edges: Sequence[int]) -> Counts:
        """Calls of each slice since midnight at each edge (minutes of the day)."""
        midnight = (day - EPOCH).days * DAY
        at = midnight + np.asarray(edges)
        table = [
            total[np.searchsorted(minutes, at)] - total[np.searchsorted(minutes, midnight)]
            for minutes, total in zip(self.minutes, self.totals, strict=True)
        ]
        return np.array(table, dtype=np.int64).reshape(len(self.mix), len(at))


def from_rows(rows: Iterable[Row]) -> list[Arrivals]:
    """One for each source and reason."""
    ordered = sorted(rows, key=_stream)
    return [_arrivals(*key, list(part)) for key, part in groupby(ordered, key=_stream)]


def _stream(row: Row) -> tuple[str, str]:
    return row[0], row[3]


def _arrivals(source: str, reason: str, rows: list[Row]) -> Arrivals:
    slices: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for _, call_type, event, _, minute, calls in rows:
        slices.setdefault((call_type, event), []).append((minute, calls))
    tables = [np.array(sorted(points), dtype=np.int64) for points in slices.values()]
    return Arrivals(
        source,
        reason,
        tuple(Slice(*named, weight=0) for named in slices),
        tuple(table[:, 0] for table in tables),
        tuple(np.concatenate([[0], np.cumsum(table[:, 1])]) for table in tables),
    )
