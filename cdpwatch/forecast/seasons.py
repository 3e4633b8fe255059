"""What last year did at the same time: the only season that a year of days can show."""

from __future__ import annotations

import numpy as np

from cdpwatch.forecast.series import Floats, Ints

YEAR = 364  # days, 52 whole weeks: a Monday is compared with a Monday
BEFORE = 28  # days that the change is measured from
MOST = 1.0  # no change counts as more than this log distance


def last_year(calls: Floats, cuts: Ints, days: int, cushion: float) -> Floats:
    """log(daily mean of the `days` days from each cut on / of the 28 before it), a year earlier.

    0 where the series is too young, and for more days than a year has: then the change is
    growth, not season. cushion: calls/day, added to both means. Shape (cuts,).
    """
    then = cuts - YEAR
    if days > YEAR or then.max(initial=0) < BEFORE:
        return np.zeros(len(cuts))
    start = np.maximum(then, BEFORE)
    total = np.concatenate([[0.0], np.cumsum(calls)])
    after = np.maximum(total[start + days] - total[start], 0.0) / days + cushion
    before = np.maximum(total[start] - total[start - BEFORE], 0.0) / BEFORE + cushion
    change: Floats = np.where(then >= BEFORE, np.clip(np.log(after / before), -MOST, MOST), 0.0)
    return change
