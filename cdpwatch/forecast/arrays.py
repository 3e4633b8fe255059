"""The same projection for numpy arrays of days or hours, as the scorer of forecasters calls it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, timedelta

import numpy as np
import numpy.typing as npt

from cdpwatch.forecast.periods import period
from cdpwatch.forecast.series import Floats

Dates = npt.NDArray[np.datetime64]

ENOUGH_HOURS = 20  # a day with so many measured hours is scaled up to 24, another one is a hole
PROFILE_DAYS = 28


def project(
    dates: Dates,
    counts: Floats,
    as_of: np.datetime64,
    month: np.datetime64,
    levels: Sequence[float],
) -> Floats:
    """Quantiles of the month's total calls, one per level.

    dates: datetime64[D], or datetime64[h] for hourly counts, without gaps; the last one is
        `as_of`, the last complete day or hour. counts: calls, NaN where nothing was measured.
    """
    start = month.astype("datetime64[D]").item()
    end = (month + np.timedelta64(1, "M")).astype("datetime64[D]").item()
    if dates.dtype == np.dtype("datetime64[h]"):
        return _project_hours(dates, counts, start, end, levels)
    history = dict(zip(dates.tolist(), counts.tolist(), strict=True))
    now = (as_of + np.timedelta64(1, "D")).astype("datetime64[s]").item().replace(tzinfo=UTC)
    return np.array(period(history, start, end, now, levels=levels).totals)


def _project_hours(
    hours: Dates, counts: Floats, start: date, end: date, levels: Sequence[float]
) -> Floats:
    """As `project`; the day that is not over yet counts as the running one."""
    now = (hours[-1] + np.timedelta64(1, "h")).item().replace(tzinfo=UTC)
    days = hours.astype("datetime64[D]")
    first = days[0].item()
    table = np.full(((days[-1] - days[0]).astype(int) + 1, 24), np.nan)
    table[(days - days[0]).astype(int), (hours - days).astype(int)] = counts
    measured = np.isfinite(table).sum(axis=1)
    sums = np.nansum(table, axis=1)
    calls = np.where(measured >= ENOUGH_HOURS, sums * 24 / np.maximum(measured, 1), np.nan)
    shares = np.nansum(table[measured == 24][-PROFILE_DAYS:], axis=0)
    forecast = period(
        {first + timedelta(days=i): float(v) for i, v in enumerate(calls)},
        start,
        end,
        now,
        running=float(sums[-1]) if now.hour else None,
        levels=levels,
        hour_shares=shares.tolist() if shares.sum() > 0 else None,
    )
    return np.array(forecast.totals)
