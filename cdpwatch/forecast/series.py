"""From a history with holes to a daily series without: a hole is estimated, never a zero."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import TypeGuard

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ABSURD = 1e15  # calls; sums and exponentials of anything less stay finite
NOTHING = 1e-6  # calls; less is none
GLITCH = 20.0  # times any day of the week before or after it: no day of traffic, a wrong count
LEAD = timedelta(days=28)  # before a joint total, to estimate its holes by


def span(start: date, end: date) -> tuple[date, ...]:
    """Every day of [start, end)."""
    return tuple(start + timedelta(days=i) for i in range((end - start).days))


def known_days(history: Mapping[date, float | None], before: date) -> dict[date, float]:
    """The usable counts of the days before `before`."""
    return {day: float(calls) for day, calls in history.items() if day < before and usable(calls)}


def usable(calls: float | None) -> TypeGuard[float]:
    """Whether this can be a count of calls: neither missing, NaN, negative nor absurd."""
    return calls is not None and 0 <= calls < ABSURD


def daily(known: Mapping[date, float], days: tuple[date, ...]) -> Floats:
    """Calls of each of `days`, holes filled; zeros when nothing is known."""
    return fill(np.array([known.get(day, np.nan) for day in days], dtype=float))


def fill(calls: Floats) -> Floats:
    """Replace each NaN by the mean of the same weekday one and two weeks before and after.

    A longer gap repeats the week before it; what has neither gets the mean of all known days.
    """
    holes = np.flatnonzero(np.isnan(calls))
    filled = calls.copy()
    if len(holes) == len(calls):
        return np.zeros_like(calls)
    for i in holes:
        near = [calls[j] for j in (i - 14, i - 7, i + 7, i + 14) if 0 <= j < len(calls)]
        mates = [v for v in near if not np.isnan(v)] or [filled[i - 7] if i >= 7 else np.nan]
        filled[i] = np.mean(mates)
        if np.isnan(filled[i]):
            filled[i] = np.nanmean(calls)
    return filled


def tamed(calls: Floats) -> Floats:
    """`calls` with single days that dwarf every day of the week around them cut down.

    They stay counted where they are; only nothing is learnt from their size. A day among
    zeros is left: it may be a launch.
    """
    around = np.pad(calls, 7)
    before = sliding_window_view(around[:-8], 7).max(axis=1)
    after = sliding_window_view(around[8:], 7).max(axis=1)
    most = GLITCH * np.maximum(before, after)
    return np.where((most > 0) & (calls > most), most, calls)


def spread_total(
    known: Mapping[date, float], days: tuple[date, ...], total: float
) -> dict[date, float]:
    """`known`, with `days` made to add up to `total` calls.

    The holes share what the known days leave of it, each in proportion to its estimate. Where
    nothing is left, or there are no holes, the known days themselves are scaled.
    """
    before = span(days[0] - LEAD, days[0])
    calls = daily(known, before + days)[len(before) :]
    hole = np.array([day not in known for day in days], dtype=bool)
    left = total - float(calls[~hole].sum())
    if hole.any() and left > 0:
        calls[hole] = _scaled(calls[hole], left)
    else:
        calls = _scaled(np.where(hole, 0.0, calls), total)
    return {**known, **dict(zip(days, calls.tolist(), strict=True))}


def _scaled(parts: Floats, total: float) -> Floats:
    """`parts` in proportion, adding up to `total`; equal shares if they are all zero."""
    weights = parts if parts.sum() > NOTHING else np.ones_like(parts)
    return weights * (total / float(weights.sum()))
