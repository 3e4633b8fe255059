"""What a counter said, summed by day without counting a call twice.

A vendor may tell the same calls in several ways: by hour and by day, in all and by event. Of one
day only the coarsest rows are taken: the widest grain, then "every call type" or "every event",
then rows without further dimensions. An approximate run is left out: the people of a webinar
registered on other days than its own. Rows that are bounds are kept apart, by call type.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from .compare import Days
from .rows import EVERY, VendorDay

GRAINS = ("day", "run", "hour", "minute")  # the widest first
DOUBTS = ("exact", "approx", "upper_bound", "lower_bound")
BOUNDS = ("upper_bound", "lower_bound")
Kinds = tuple[str, str]  # call type, event


@dataclass(frozen=True)
class Tally:
    """One kind of number of one counter; `names` are the call types and events it counts."""

    days: Days
    names: frozenset[Kinds]
    exactness: str
    clock: str


def counted_by(rows: Iterable[VendorDay]) -> dict[tuple[str, str, str], Tally]:
    """Tallies by counter, kind and, where the number is a bound, call type; "" for a count."""
    found: dict[tuple[str, str, str], list[VendorDay]] = defaultdict(list)
    for row in rows:
        bounded = row.call_type if row.exactness in BOUNDS else ""
        if not _elsewhere(row):
            found[row.counter, row.kind, bounded].append(row)
    return {key: _tally(listed) for key, listed in found.items()}


def counted_elsewhere(rows: Iterable[VendorDay], counter: str) -> dict[Kinds, int]:
    """What one counter told of other days than the rows' own, summed, by call type and event."""
    found: dict[Kinds, int] = defaultdict(int)
    for row in rows:
        if row.counter == counter and _elsewhere(row):
            found[row.call_type, row.event] += row.count
    return found


def _tally(rows: Sequence[VendorDay]) -> Tally:
    by_day: Mapping[date, list[VendorDay]] = defaultdict(list)
    for row in rows:
        by_day[row.day].append(row)
    kept = {day: coarsest(listed) for day, listed in by_day.items()}
    return Tally(
        days={day: sum(row.count for row in listed) for day, listed in kept.items()},
        names=frozenset((row.call_type, row.event) for each in kept.values() for row in each),
        exactness=max((row.exactness for row in rows), key=_doubt),
        clock=rows[-1].clock,
    )


def coarsest(rows: Sequence[VendorDay]) -> list[VendorDay]:
    """The rows of one day that tell each call once."""
    grain = min((row.grain for row in rows), key=_width)
    kept = [row for row in rows if row.grain == grain]
    kept = [row for row in kept if row.call_type == EVERY] or kept
    whole = {row.call_type for row in kept if row.event == EVERY}
    kept = [row for row in kept if row.event == EVERY or row.call_type not in whole]
    return [row for row in kept if not row.dims] or kept


def _elsewhere(row: VendorDay) -> bool:
    """Whether it is about calls of other days than its own."""
    return (row.grain, row.exactness) == ("run", "approx")


def _doubt(exactness: str) -> int:
    return DOUBTS.index(exactness) if exactness in DOUBTS else 0


def _width(grain: str) -> int:
    return GRAINS.index(grain) if grain in GRAINS else len(GRAINS)
