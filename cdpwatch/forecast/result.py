"""What a projection says: quantiles of the total, a path through the period, three questions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

LEVELS = (
    *(0.005, 0.025, 0.05, 0.1, 0.2, 0.25, 0.3, 0.4),
    0.5,
    *(0.6, 0.7, 0.75, 0.8, 0.9, 0.95, 0.975, 0.995),
)
PATH_LEVELS = (0.025, 0.1, 0.5, 0.9, 0.975)  # the median with its 80% and 95% bands


@dataclass(frozen=True)
class Forecast:
    """The projected total of one period, in calls."""

    levels: tuple[float, ...]  # at least two
    totals: tuple[float, ...]  # one per level, non-decreasing
    days: tuple[date, ...]  # every UTC day of the period
    path: Mapping[
        float, tuple[float, ...]
    ]  # level -> calls since the start, at the end of each day
    settled: float  # calls already counted: settled days and the running one
    method: str  # name and version
    learning: str = ""  # not empty: too little data, the numbers are a guess
    spread: float | None = None  # mean absolute log error of the back-test; None: not tested

    def quantile(self, level: float) -> float:
        """The total in calls that is not exceeded with probability `level`.

        Linear between the stored levels, held at the outermost ones.
        """
        return float(np.interp(level, self.levels, self.totals))

    def chance_over(self, allowance: float) -> float:
        """Probability, 0..1, that the total ends above `allowance` calls.

        Linear between the quantiles; each tail closes one quantile step further out, though
        never below what is already counted.
        """
        first, second, *_ = self.totals
        *_, last_but_one, last = self.totals
        low = max(min(self.settled, first), 2 * first - second)
        high = 2 * last - last_but_one
        at = np.interp(allowance, (low, *self.totals, high), (0.0, *self.levels, 1.0))
        return float(1.0 - at)

    def crosses_on(self, allowance: float) -> date | None:
        """The UTC day on which the median path goes above `allowance`; None if it never does."""
        median = self.path[0.5]
        return next(
            (d for d, calls in zip(self.days, median, strict=True) if calls > allowance), None
        )
