"""The days to come: what to expect of each, and how far off that may be.

1. Say at every past day, by each rule, what the next `horizon` days will bring (backtest).
2. Weigh the rules by their errors; the forecast is the weighted mean of their logs.
3. The band is the spread of that forecast's own past errors, taken as symmetric: a bias in one
   series' past rarely holds in its future.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from cdpwatch.forecast.backtest import WITHIN, back_test, look_back, trust
from cdpwatch.forecast.levels import profile_ahead
from cdpwatch.forecast.series import NOTHING, Floats

USUAL = 91  # days that say what a usual day is
CUSHION = 0.3  # of a usual day
BEYOND = 0.5  # past the longest tested span, log errors grow with this power of the days
WIDEST = 2.3  # log error, tenfold: no past error counts as more
PRIOR = 0.2  # standard deviation of the log error before anything is seen
PRIOR_WEIGHT = 0.5  # of it, in whole horizons of history
GUESS = 0.5  # standard deviation of the log error of a mere guess

NORMAL = np.array([NormalDist().inv_cdf((i + 0.5) / 99) for i in range(99)])


@dataclass(frozen=True)
class Outlook:
    """Expected calls of each day from the series' end on, and the log errors around their sum."""

    expected: Floats  # calls/day
    cushion: float  # calls/day
    errors: Floats  # a sample, to be mirrored
    weights: Floats  # of the errors

    def band(self, calls: Floats, days: Floats, levels: Sequence[float]) -> Floats:
        """Quantiles of growing sums: `calls` expected in `days` days. Shape (levels, sums).

        The errors are those of the last sum; shorter ones are scaled.
        """
        errors = np.concatenate([self.errors, -self.errors])
        offsets = _quantiles(errors, np.tile(self.weights, 2), levels)[:, None]
        share = days / max(float(days[-1]), 1e-9)
        cushion = self.cushion * days
        return np.maximum((calls + cushion) * np.exp(offsets * share**WITHIN) - cushion, 0.0)


def look_ahead(calls: Floats, horizon: int) -> Outlook:
    """Forecast `horizon` days from a series without holes, of 7 days or more, and test that."""
    usual = float(calls[-USUAL:].mean())
    if usual < NOTHING:
        return guess(0.0, horizon)
    tested = max(1, min(horizon, len(calls) // 3))
    past = look_back(calls, tested, CUSHION * usual)
    test, now = back_test(past, tested), np.array([len(calls)])
    shares = trust(past, test)
    log_total = float(shares[:, -1] @ past.log_forecast(now, horizon)[:, 0])
    total = max(float(np.exp(log_total)) - past.cushion * horizon, 0.0)
    shape = profile_ahead(past.ratios, now, horizon)[0]
    seen = len(calls) / tested
    widen = np.sqrt(1 + 1 / seen) * (horizon / tested) ** BEYOND
    errors = (shares[:, test.cuts] * test.errors).sum(axis=0) * widen
    return Outlook(
        expected=shape * (total / max(float(shape.sum()), 1e-9)),
        cushion=past.cushion,
        errors=np.concatenate([np.clip(errors, -WIDEST, WIDEST), PRIOR * NORMAL]),
        weights=np.concatenate(
            [seen * test.weights, np.full(len(NORMAL), PRIOR_WEIGHT / len(NORMAL))]
        ),
    )


def guess(level: float, horizon: int) -> Outlook:
    """The same `level` in calls/day every day, in a wide band: for want of history."""
    return Outlook(np.full(horizon, level), 0.0, GUESS * NORMAL, np.ones(len(NORMAL)))


def _quantiles(values: Floats, weights: Floats, levels: Sequence[float]) -> Floats:
    """Quantiles of a weighted sample, linear between its points."""
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order]) - weights[order] / 2
    return np.interp(levels, below / weights.sum(), values[order])
