"""Planned changes and what-ifs: from a day on, calls are scaled and some are added.

An event in the past is taken out of the history, so that the days before it and after it can
be compared, and an event that is still on is put back into what is expected. What it really did
beyond its plan stays in the history, and the level follows it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import isfinite

import numpy as np

from cdpwatch.forecast.series import ABSURD, Floats


@dataclass(frozen=True)
class Event:
    """On each UTC day of [start, end): calls times `scale`, plus `add` calls/day.

    Raises ValueError if it ends before it starts, or for a negative or endless `scale` or `add`
    that is no number.
    """

    start: date
    scale: float = 1.0  # 0 switches off
    add: float = 0.0  # calls/day, negative takes away
    end: date | None = None  # None: for good

    def __post_init__(self) -> None:
        numbers = isfinite(self.scale) and self.scale >= 0 and abs(self.add) < ABSURD
        if not numbers or (self.end is not None and self.end <= self.start):
            raise ValueError("an event needs start < end, a scale of 0 or more and a finite add")

    def on(self, day: date) -> bool:
        """Whether it holds on `day`."""
        return self.start <= day and (self.end is None or day < self.end)


def without(known: Mapping[date, float], events: Sequence[Event]) -> Mapping[date, float]:
    """`known` as it would have been without the events; a day that was off is a hole."""
    if not events:
        return known
    plans = {day: _plan(day, events) for day in known}
    return {
        day: max(calls - plans[day][1], 0.0) / plans[day][0]
        for day, calls in known.items()
        if plans[day][0] > 0
    }


def effect(days: Sequence[date], events: Sequence[Event]) -> tuple[Floats, Floats]:
    """Of each of `days`: what its calls are scaled by, and the calls added. Shapes (days,)."""
    plans = np.array([_plan(day, events) for day in days]).reshape(-1, 2)
    return plans[:, 0], plans[:, 1]


def _plan(day: date, events: Sequence[Event]) -> tuple[float, float]:
    """Scale and addition of a day; events add up in the order they are given."""
    scale, add = 1.0, 0.0
    for event in events:
        if event.on(day):
            scale, add = scale * event.scale, add * event.scale + event.add
    return scale, add
