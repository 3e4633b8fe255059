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

from cdpwatch.forecast.backtest import (
    WITHIN,
    BackTest,
    Past,
    back_test,
    look_back,
    trust,
    unrest,
)
from cdpwatch.forecast.series import NOTHING, Floats

USUAL = 91  # days that say what a usual day is
CUSHION = 0.4  # of a usual day
BEYOND = 0.5  # past the longest tested span, log errors grow with this power of the days
WIDEST = 2.3  # log error, tenfold: no past error counts as more
PRIOR = 0.1  # standard deviation of the log error before anything is seen
PRIOR_WEIGHT = 3.0  # of it, in whole horizons of history
UNREST = 0.5  # an error grows with this power of the rules' disagreement
UNREST_DAYS = 100  # so many days of history halve that power
UNREST_MOST = 3.0  # no disagreement counts as more times the usual
CALM = 0.05  # log disagreement that is always there
GUESS = 0.5  # standard deviation of the log error of a mere guess

LEAST_PRIOR = 0.05  # standard deviation; no peers make a source surer than this
PEERS_BEYOND = 0.5  # what peers say grows with this power of the growth past the tested span
MEAN_TO_DEVIATION = float(np.sqrt(np.pi / 2))  # of a normal error, from its mean absolute

NORMAL = np.array([NormalDist().inv_cdf((i + 0.5) / 99) for i in range(99)])


@dataclass(frozen=True)
class Outlook:
    """Expected calls of each day from the series' end on, and the log errors around their sum."""

    expected: Floats  # calls/day
    cushion: float  # calls/day
    errors: Floats  # a sample, to be mirrored
    weights: Floats  # of the errors
    spread: float | None = None  # mean absolute log error of the back-test; None: not tested

    def band(self, calls: Floats, days: Floats, levels: Sequence[float]) -> Floats:
        """Quantiles of growing sums: `calls` expected in `days` days. Shape (levels, sums).

        The errors are those of the last sum; shorter ones are scaled.
        """
        errors = np.concatenate([self.errors, -self.errors])
        offsets = _quantiles(errors, np.tile(self.weights, 2), levels)[:, None]
        share = days / max(float(days[-1]), 1e-9)
        cushion = self.cushion * days
        return np.maximum((calls + cushion) * np.exp(offsets * share**WITHIN) - cushion, 0.0)


def look_ahead(
    calls: Floats, factors: Floats, horizon: int, peers: Sequence[float] = ()
) -> Outlook:
    """Forecast `horizon` days from a series without holes, of 7 days or more, and test that.

    factors: of the calendar, for the days of `calls` and those of the horizon.
    peers: mean absolute log errors of other sources at this horizon.
    """
    usual = float(calls[-USUAL:].mean())
    if usual < NOTHING:
        return guess(0.0, horizon)
    tested = max(1, min(horizon, len(calls) // 3))
    seen = len(calls) / tested
    past = look_back(calls, factors, tested, CUSHION * usual)
    test = back_test(past, tested)
    shares = trust(past, test, seen)
    beyond = (horizon / tested) ** BEYOND
    errors = (shares[:, test.cuts] * test.errors).sum(axis=0)
    errors *= np.sqrt(1 + 1 / seen) * beyond * _unrest_now(past, test, shares)
    errors = np.clip(errors, -WIDEST, WIDEST)
    return Outlook(
        expected=_expected(past, shares[:, -1], horizon),
        cushion=past.cushion,
        errors=np.concatenate([errors, prior_from(peers, beyond) * NORMAL]),
        weights=np.concatenate(
            [seen * test.weights, np.full(len(NORMAL), PRIOR_WEIGHT / len(NORMAL))]
        ),
        spread=float(np.abs(errors) @ test.weights),
    )


def _expected(past: Past, shares: Floats, horizon: int) -> Floats:
    """Calls of each day to come: the weighted mean of the rules' logs, in the days' shape."""
    now = np.array([len(past.calls)])
    log_total = float(shares @ past.log_forecast(now, horizon)[:, 0])
    total = max(float(np.exp(log_total)) - past.cushion * horizon, 0.0)
    shape = past.shape(now, horizon)[0]
    expected: Floats = shape * (total / max(float(shape.sum()), 1e-9))
    return expected


def _unrest_now(past: Past, test: BackTest, shares: Floats) -> Floats:
    """What an error at each past cut is worth today, when the rules agree more or less.

    A short past cannot tell how much that matters, and scales less. Shape (tests,).
    """
    restless = unrest(past, shares) + CALM
    power = UNREST * len(past.calls) / (len(past.calls) + UNREST_DAYS)
    change = restless[-1] / restless[test.cuts]
    scale: Floats = np.clip(change, 1 / UNREST_MOST, UNREST_MOST) ** power
    return scale


def prior_from(peers: Sequence[float], beyond: float = 1.0) -> float:
    """Standard deviation of the log error before anything is seen; PRIOR without peers.

    Of a source among others the median of their mean absolute log errors, kept within reason.
    Theirs are of the whole horizon, and a young source is less sure than they are: `beyond`, by
    which errors grow past the longest tested span, counts by half, in logs.
    """
    spreads = [spread for spread in peers if np.isfinite(spread) and spread >= 0]
    if not spreads:
        return PRIOR * beyond
    usual = float(np.clip(np.median(spreads) * MEAN_TO_DEVIATION, LEAST_PRIOR, GUESS))
    return float(usual * beyond**PEERS_BEYOND)


def guess(level: float, horizon: int) -> Outlook:
    """The same `level` in calls/day every day, in a wide band: for want of history."""
    return Outlook(np.full(horizon, level), 0.0, GUESS * NORMAL, np.ones(len(NORMAL)))


def _quantiles(values: Floats, weights: Floats, levels: Sequence[float]) -> Floats:
    """Quantiles of a weighted sample, linear between its points."""
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order]) - weights[order] / 2
    return np.interp(levels, below / weights.sum(), values[order])
