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
from cdpwatch.forecast.series import Floats, Ints

WARM_UP = 14  # days before the first test
SHORT_HORIZONS = (7, 14)  # days; tested as well, for the past has room for more of them
POOL = 10  # so many whole horizons of history weigh as much as the short ones
WITHIN = 0.1  # the log error of a sum grows with this power of its number of days
WORST = 1.0  # a log error counts no more than this against a rule
SHARPNESS = 4  # a rule's weight is 1 / (mean absolute log error) ** SHARPNESS
BREAK = 5.0  # at so many usual distances from last week a rule is out of date
SLIGHT = 0.01  # log distance that never matters
LAST_WEEK = len(MEANS) + MEDIANS.index(7)  # the rule that a new level reaches first, spikes apart


@dataclass(frozen=True)
class Past:
    """A series without holes, and what each rule would have said on each of its days."""

    calls: Floats  # (n,)
    ratios: Floats  # (n,)
    levels: Floats  # calls/day, (rules, n + 1)
    cushion: float  # calls/day, added to both sides of a log, so that quiet weeks do not explode

    def log_forecast(self, cuts: Ints, days: int) -> Floats:
        """log(calls of the `days` days from each cut on + cushion). Shape (rules, cuts)."""
        ratio: Floats = profile_ahead(self.ratios, cuts, days).sum(axis=1)
        return np.log(self.levels[:, cuts] * ratio + self.cushion * days)

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


def look_back(calls: Floats, horizon: int, cushion: float) -> Past:
    """Everything that the rules say about a series which leaves room to test `horizon` days."""
    ratios = weekday_ratios(calls)
    levels = level_rules(calls, ratios, _warm_up(len(calls), horizon))
    return Past(calls, ratios, levels, cushion)


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


def trust(past: Past, test: BackTest) -> Floats:
    """How much each rule counts at each cut: its record times its freshness.

    Adds up to 1 at each cut. Shape (rules, n + 1).
    """
    loss = np.minimum(np.abs(test.errors), WORST) @ test.weights + 1e-3
    record = (loss.min() / loss) ** SHARPNESS
    parts: Floats = record[:, None] * _freshness(np.log(past.levels + past.cushion))
    shares: Floats = parts / parts.sum(axis=0)
    return shares


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
