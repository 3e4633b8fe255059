"""What an average day is worth, as known at each past day, by several simple rules.

A level is calls/day with the weekday taken out. Every array here is causal: its column (or
row) `cut` uses only the days before `cut`, so that the rules can be back-tested all at once.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from cdpwatch.forecast.series import Floats, Ints

MEANS = (3, 7, 14, 28, 56, 112)  # days
MEDIANS = (7, 14, 28, 56)  # days
PROFILE_WEEKS = 8
AVERAGE_WEEKS = 0.25  # how many patternless weeks are assumed before the first
LEAST_RATIO = 0.1  # a weekday quieter than this tells nothing about the level


def weekday_ratios(calls: Floats) -> Floats:
    """How each day's weekday compares with its week: 1 is average. Shape (n,).

    Median over the last eight of that weekday of calls / centred 7-day mean, drawn towards 1
    while there are few of them. Entry t needs the days up to t + 3.
    """
    n = len(calls)
    total = np.concatenate([[0.0], np.cumsum(calls)])
    before, after = np.clip(np.arange(n) - 3, 0, n), np.clip(np.arange(n) + 4, 0, n)
    week = (total[after] - total[before]) / (after - before)
    ratio = np.where(week > 0, calls / np.where(week > 0, week, 1.0), 1.0)
    ratio[:3] = np.inf  # no whole week around them
    weeks = np.full((PROFILE_WEEKS, n), np.inf)
    for i in range(min(PROFILE_WEEKS, -(-n // 7))):
        weeks[i, 7 * i :] = ratio[: n - 7 * i]
    return _shrunken_median(weeks)


def _shrunken_median(columns: Floats) -> Floats:
    """Median of the finite values of each column, drawn towards 1 while they are few."""
    count = np.isfinite(columns).sum(axis=0)
    ordered = np.sort(columns, axis=0)  # what is missing is inf and comes last
    column = np.arange(columns.shape[1])
    median = (ordered[(count - 1) // 2, column] + ordered[count // 2, column]) / 2
    pull = count / (count + AVERAGE_WEEKS)
    shrunken: Floats = 1 + pull * (np.where(count > 0, median, 1.0) - 1)
    return shrunken


def profile_ahead(ratios: Floats, cuts: Ints, days: int) -> Floats:
    """Weekday ratios of the `days` days from each cut on, as known at the cut. (cuts, days)."""
    newest = 4  # a centred week ends three days after its middle
    ahead = np.arange(days)
    back = ahead - 7 * ((ahead + newest + 6) // 7)
    week: Floats = _at(ratios, cuts[:, None] - newest - np.arange(7)).mean(axis=1, keepdims=True)
    return _at(ratios, cuts[:, None] + back) / np.maximum(week, LEAST_RATIO)


def _at(ratios: Floats, index: Ints) -> Floats:
    """Ratios at `index`; every day before the series counts as average."""
    known: Floats = ratios[np.maximum(index, 0)]
    known[index < 0] = 1.0
    return known


def level_rules(calls: Floats, ratios: Floats, warm_up: int) -> Floats:
    """The level by each rule at each cut 0..n, in calls/day. Shape (rules, n + 1).

    Rules: means and medians of the last days, and the drift between two means carried on. The
    series is taken to repeat its first week before it began.
    """
    cuts = len(calls) + 1
    ratio = profile_ahead(ratios, np.arange(len(calls)), 1)[:, 0]
    calls, ratio = _extended(calls, warm_up), _extended(ratio, warm_up)
    flat = calls / np.maximum(ratio, LEAST_RATIO)
    means = [
        _trailing_sum(calls, k) / np.maximum(_trailing_sum(ratio, k), LEAST_RATIO * k)
        for k in MEANS
    ]
    medians = [np.median(sliding_window_view(flat, k), axis=1) for k in MEDIANS]
    levels = np.array([rule[-cuts:] for rule in (*means, *medians)])
    fortnight, month = levels[MEANS.index(14)], levels[MEANS.index(28)]
    drift = fortnight * np.sqrt(fortnight / np.maximum(month, 1e-9))
    return np.vstack([levels, drift])


def _extended(values: Floats, warm_up: int) -> Floats:
    """`values`, preceded by repeats of their first week, which ends within the warm-up."""
    week = values[: min(7, warm_up)]
    return np.concatenate([np.resize(week, max(MEANS + MEDIANS)), values])


def _trailing_sum(values: Floats, days: int) -> Floats:
    """Sum of the last `days` values at each cut from `days` on."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    sums: Floats = np.maximum(total[days:] - total[:-days], 0.0)
    return sums
