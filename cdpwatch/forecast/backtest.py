"""How each rule for the level would have done on this series' own past, and whom to believe."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cdpwatch.forecast.levels import (
    MEANS,
    MEDIANS,
    level_rules,
    profile_ahead,
    weekday_ratios,
)
from cdpwatch.forecast.seasons import last_year
from cdpwatch.forecast.series import Floats, Ints

WARM_UP = 14  # days before the first test
SHORT_HORIZONS = (7, 14)  # days; tested as well, for the past has room for more of them
POOL = 10  # so many whole horizons of history weigh as much as the short ones
WITHIN = 0.1  # the log error of a sum grows with this power of its number of days
WORST = 1.0  # a log error counts no more than this against a rule
SHARPNESS = 4  # a rule's weight is 1 / (mean absolute log error) ** SHARPNESS
LENIENCE = 1.0  # of so many horizons, the usual rule's error is added to every rule's record
BREAK = 5.0  # at so many usual distances from last week a rule is out of date
SLIGHT = 0.01  # log distance that never matters
SEASONAL = (MEANS.index(28), MEANS.index(7))  # rules that also come with last year's change
LAST_WEEK = len(MEANS) + MEDIANS.index(7)  # the rule that a new level reaches first, spikes apart


@dataclass(frozen=True)
class Past:
    """A series without holes, and what each rule would have said on each of its days."""

    calls: Floats  # (n,)
    factors: Floats  # of the calendar, (n + horizon,)
    ratios: Floats  # (n,)
    levels: Floats  # calls/day, (plain rules, n + 1)
    cushion: float  # calls/day, added to both sides of a log, so that quiet weeks do not explode

    @property
    def log_levels(self) -> Floats:
        """Where each rule, the seasonal ones too, sees the level. Shape (rules, n + 1)."""
        logs = np.log(self.levels + self.cushion)
        return np.vstack([logs, logs[list(SEASONAL)]])

    def shape(self, cuts: Ints, days: int) -> Floats:
        """What each of the `days` days from each cut on is to an ordinary one. (cuts, days)."""
        ahead = self.factors[cuts[:, None] + np.arange(days)]
        shape: Floats = profile_ahead(self.ratios, cuts, days) * ahead
        return shape

    def log_forecast(self, cuts: Ints, days: int) -> Floats:
        """log(calls of the `days` days from each cut on + cushion). Shape (rules, cuts)."""
        ratio = self.shape(cuts, days).sum(axis=1)
        plain = np.log(self.levels[:, cuts] * ratio + self.cushion * days)
        change = last_year(self.calls, cuts, days, self.cushion)
        return np.vstack([plain, plain[list(SEASONAL)] + change])

    def log_errors(self, cuts: Ints, days: int) -> Floats:
        """log(actual / forecast), cushioned, of the same sums. Shape (rules, cuts)."""
        total = np.concatenate([[0.0], np.cumsum(self.calls)])
        actual = np.maximum(total[cuts + days] - total[cuts], 0.0)
        errors: Floats = np.log(actual + self.cushion * days) - self.log_forecast(cuts, days)
        return errors


@dataclass(frozen=True)
class BackTest:
    """Log errors of the rules, scaled to one horizon. Weights add up to 1."""

    errors: Floats  # (rules, tests)
    weights: Floats  # (tests,)
    cuts: Ints  # (tests,)


def look_back(calls: Floats, factors: Floats, horizon: int, cushion: float) -> Past:
    """Everything that the rules say about a series which leaves room to test `horizon` days."""
    ordinary = calls / factors[: len(calls)]
    ratios = weekday_ratios(ordinary)
    levels = level_rules(ordinary, ratios, _warm_up(len(calls), horizon))
    return Past(calls, factors, ratios, levels, cushion)


def back_test(past: Past, horizon: int) -> BackTest:
    """Forecast `horizon` days, and shorter spans, from every past day on.

    The shorter ones stand in where history has room for few whole horizons.
    """
    known = len(past.calls)
    short = [days for days in SHORT_HORIZONS if days < horizon]
    whole = 1.0 if not short else known / (known + POOL * horizon)
    errors, weights, cuts = [], [], []
    for days in (*short, horizon):
        tests = np.arange(_warm_up(known, horizon), known - days + 1)
        share = whole if days == horizon else (1 - whole) / len(short)
        errors.append((horizon / days) ** WITHIN * past.log_errors(tests, days))
        weights.append(np.full(len(tests), share / len(tests)))
        cuts.append(tests)
    return BackTest(np.hstack(errors), np.concatenate(weights), np.concatenate(cuts))


def trust(past: Past, test: BackTest, horizons: float) -> Floats:
    """How much each rule counts at each cut: its record, of `horizons` spans, and its freshness.

    Adds up to 1 at each cut. Shape (rules, n + 1).
    """
    loss = np.minimum(np.abs(test.errors), WORST) @ test.weights + 1e-3
    loss += np.median(loss) * LENIENCE / horizons
    record = (loss.min() / loss) ** SHARPNESS
    parts: Floats = record[:, None] * _freshness(past.log_levels)
    shares: Floats = parts / parts.sum(axis=0)
    return shares


def unrest(past: Past, shares: Floats) -> Floats:
    """How far the rules disagree about the level at each cut, in logs. Shape (n + 1,)."""
    logs = past.log_levels
    mean = (shares * logs).sum(axis=0)
    spread: Floats = np.sqrt((shares * (logs - mean) ** 2).sum(axis=0))
    return spread


def _freshness(logs: Floats) -> Floats:
    """How far each rule may count at each cut, 0..1: less where it lags behind a new level.

    Its distance from the median of the last week is compared with its usual distance, which
    is large for slow rules on a growing series and small on a steady one. Shape as `logs`.
    """
    distance = np.abs(logs - logs[LAST_WEEK]) + SLIGHT
    usual = np.median(distance, axis=1, keepdims=True)
    fresh: Floats = np.minimum(BREAK * usual / distance, 1.0) ** SHARPNESS
    return fresh


def _warm_up(known: int, horizon: int) -> int:
    return min(WARM_UP, known - horizon)
