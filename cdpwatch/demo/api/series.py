"""Windows and grouped series: what event volume and delivery overview have in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cdpwatch.demo.ledger import Grid, buckets
from cdpwatch.demo.query import Query
from cdpwatch.demo.volumes import Counts
from cdpwatch.demo.web import Refused

STEPS = {"MINUTE": 1, "HOUR": 60, "DAY": 1440}
Key = tuple[str, ...]


@dataclass(frozen=True)
class Window:
    """What was asked: [start, end) in buckets of `granularity`."""

    granularity: str
    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    def grid(self, begin: datetime, visible_until: datetime) -> Grid:
        """The buckets of the window that can be seen."""
        start, end = max(self.start, begin), min(self.end, visible_until)
        return buckets(start, end, STEPS[self.granularity])


def read_window(query: Query) -> Window:
    """Raises Refused (422) with the field's name."""
    granularity = query.choice("granularity", tuple(STEPS))
    start, end = query.instant("startTime"), query.instant("endTime")
    if start >= end:
        raise Refused(422, '"endTime" must be after "startTime"', "endTime")
    return Window(granularity, start, end)


def grouped(rows: Iterable[tuple[Key, Counts]]) -> list[tuple[Key, Counts]]:
    """Rows of the same key added up, the largest total first; keys without calls left out."""
    sums: dict[Key, Counts] = {}
    for key, counts in rows:
        sums[key] = sums[key] + counts if key in sums else counts
    found = [(key, counts) for key, counts in sums.items() if counts.sum()]
    return sorted(found, key=lambda item: (-int(item[1].sum()), item[0]))


def points(times: Sequence[str], counts: Counts) -> list[dict[str, object]]:
    return [
        {"time": time, "count": count} for time, count in zip(times, counts.tolist(), strict=True)
    ]


def stamps(grid: Grid) -> list[str]:
    return [iso(time) for time in grid.times]


def iso(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
