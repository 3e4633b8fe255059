"""What a day of the calendar does to its calls, apart from its weekday: holidays, month ends.

A factor of 1 is an ordinary day. Factors are learnt from the series itself and drawn towards 1
while little supports them. They use the whole past at once, so a back-test that divides by them
is flattered a little; the drawing-in keeps that small.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from cdpwatch.forecast.levels import LEAST_RATIO, weekday_ratios
from cdpwatch.forecast.series import NOTHING, Floats, Ints

AROUND = 15  # days either side that say what is ordinary for a day
MOST = 1.5  # no single day counts as more than this log distance from ordinary
LEAST_FACTOR = 0.1  # of a holiday; and no more than its inverse
ORDINARY_HOLIDAYS = 1.0  # so many holidays like any other day are assumed before the first
FIVE_MONTHS = 150  # days; with less, a day of the month was seen too seldom
LAST_DAYS = 5  # of a month are counted from its end, the others from its start
POSITIONS = 31


def day_factors(
    calls: Floats, days: tuple[date, ...], holidays: Collection[date], cushion: float
) -> Floats:
    """The factor of each of `days`, of which the first are those of `calls`. Shape (days,).

    cushion: calls/day, added to both sides of a log, so that quiet days do not explode.
    """
    free = np.array([day in holidays for day in days], dtype=bool)
    known = free[: len(calls)]
    flat, usual = _compared(calls)
    factors = np.where(free, _holiday_factor(flat[known], usual[known]), 1.0)
    if len(calls) >= FIVE_MONTHS:
        cushion = max(cushion, NOTHING)
        odd = np.clip(np.log((flat + cushion) / (usual + cushion)), -MOST, MOST)
        position = _positions(days)
        factors *= np.exp(_position_logs(odd[~known], position[: len(calls)][~known])[position])
    return factors


def _compared(calls: Floats) -> tuple[Floats, Floats]:
    """Each day with its weekday taken out, and the median of the days around it."""
    flat = calls / np.maximum(weekday_ratios(calls), LEAST_RATIO)
    padded = np.pad(flat, AROUND, mode="reflect" if len(flat) > AROUND else "edge")
    return flat, np.median(sliding_window_view(padded, 2 * AROUND + 1), axis=1)


def _holiday_factor(flat: Floats, usual: Floats) -> float:
    """What a holiday does: the median of those seen, drawn towards nothing."""
    seen = flat[usual > NOTHING] / usual[usual > NOTHING]
    if not len(seen):
        return 1.0
    pull = len(seen) / (len(seen) + ORDINARY_HOLIDAYS)
    return 1 + pull * float(np.clip(np.median(seen), LEAST_FACTOR, 1 / LEAST_FACTOR) - 1)


def _positions(days: tuple[date, ...]) -> Ints:
    """Where each day stands in its month, 0..30: 26..30 are the last five of any month."""
    day = np.array(days, dtype="datetime64[D]")
    month = day.astype("datetime64[M]")
    from_start: npt.NDArray[np.int64] = (day - month.astype("datetime64[D]")).astype(np.int64)
    to_end = ((month + 1).astype("datetime64[D]") - day).astype(np.int64)
    return np.where(to_end <= LAST_DAYS, POSITIONS - to_end, from_start)


def _position_logs(oddness: Floats, position: Ints) -> Floats:
    """Mean oddness of each position, as far as chance does not explain it (James-Stein)."""
    seen = np.maximum(np.bincount(position, minlength=POSITIONS), 1)
    means = np.bincount(position, weights=oddness, minlength=POSITIONS) / seen
    means = means - np.average(means, weights=seen)
    by_chance = float(oddness.var()) / seen
    real = max(float((means**2).mean() - by_chance.mean()), 0.0)
    return means * (real / np.maximum(real + by_chance, 1e-12))
