"""Where a period stands: what is used, what a day may still cost, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import accumulate

from cdpwatch import wording
from cdpwatch.forecast import Forecast

from .periods import Period
from .terms import Terms, allowance_of, uncovered

# The verdict turns at the higher line and turns back at the lower one, so that one weekend,
# which moves the chance by tens of points, cannot flip it twice.
_OVER, _OVER_UNTIL = 0.80, 0.50
_WATCH, _WATCH_UNTIL = 0.20, 0.10


class Verdict(StrEnum):
    """How the running period stands against its allowance."""

    ON_TRACK = "on_track"
    WATCH = "watch"
    OVER = "over"
    LEARNING = "learning"  # too little data for a confident number
    UNJUDGED = "unjudged"  # the contract does not cover this period


@dataclass(frozen=True)
class Standing:
    """Where a period stands: the numbers of the budget page and of the alert."""

    period: Period
    allowance: int | None  # None: the contract does not cover this period
    used: int  # billed, and live calls since the last billed day
    total: float  # median of the period's total, calls
    low80: float
    high80: float
    low95: float
    high95: float
    chance_over: float | None
    crosses_on: date | None
    days_left: float  # from now to the end of the period
    allowed_per_day: float | None  # calls/day that the rest of the period may still cost
    pace_per_day: float  # calls/day projected for the rest of the period
    verdict: Verdict
    learning: str
    unknown_days: int = 0
    carried: int = 0  # calls of the allowance that earlier periods left over
    uncovered: str = ""  # why there is no allowance

    @property
    def left(self) -> int | None:
        """Calls of the allowance that are not used; less than none where it is crossed."""
        return None if self.allowance is None else self.allowance - self.used

    @property
    def crossing(self) -> str:
        """The day on which it crosses, with its year where the period spans two."""
        if self.crosses_on is None or self.period.days <= 31:
            return wording.day(self.crosses_on)
        return f"{wording.day(self.crosses_on)} {self.crosses_on.year}"


def standing(
    terms: Terms,
    period: Period,
    used: int,
    forecast: Forecast,
    now: datetime,
    before: str = "",
    unknown_days: int = 0,
    carried: int = 0,
) -> Standing:
    """Judge a period. `before` is the last verdict: the same chance may keep it or turn it.

    `unknown_days` of the period have no number: `used` lacks them, the forecast estimates them.
    `carried` calls were left over by earlier periods.
    """
    own = allowance_of(terms, period)
    allowance = None if own is None else own + carried
    days_left = max(0.0, (_midnight(period.end, now) - now) / timedelta(days=1))
    total = max(forecast.quantile(0.5), float(used))
    chance = None if allowance is None or forecast.learning else forecast.chance_over(allowance)
    return Standing(
        period=period,
        allowance=allowance,
        used=used,
        total=total,
        low80=max(forecast.quantile(0.1), float(used)),
        high80=max(forecast.quantile(0.9), float(used)),
        low95=max(forecast.quantile(0.025), float(used)),
        high95=max(forecast.quantile(0.975), float(used)),
        chance_over=_chance(allowance, used, chance),
        crosses_on=None if allowance is None else forecast.crosses_on(allowance),
        days_left=days_left,
        allowed_per_day=_allowed(allowance, used, days_left),
        pace_per_day=(total - used) / max(1.0, days_left),
        unknown_days=unknown_days,
        verdict=verdict(allowance, used, chance, forecast.learning, before),
        learning=forecast.learning,
        carried=carried if allowance is not None else 0,
        uncovered=uncovered(terms, period),
    )


def verdict(
    allowance: int | None, used: int, chance: float | None, learning: str, before: str
) -> Verdict:
    """The verdict with hysteresis; what is already over is over, whatever is projected."""
    if allowance is None:
        return Verdict.UNJUDGED
    if used > allowance:
        return Verdict.OVER
    if learning or chance is None:
        return Verdict.LEARNING
    if chance >= (_OVER_UNTIL if before == Verdict.OVER else _OVER):
        return Verdict.OVER
    if chance >= (_WATCH_UNTIL if before in (Verdict.OVER, Verdict.WATCH) else _WATCH):
        return Verdict.WATCH
    return Verdict.ON_TRACK


def _allowed(allowance: int | None, used: int, days_left: float) -> float | None:
    """Calls/day still allowed; on the last day, what is left of it all."""
    if allowance is None or not days_left:
        return None
    return max(0.0, (allowance - used) / max(1.0, days_left))


def _chance(allowance: int | None, used: int, chance: float | None) -> float | None:
    """1.0 only where it has happened: a projection is never certain."""
    if allowance is not None and used > allowance:
        return 1.0
    return None if chance is None else min(chance, 0.999)


def _midnight(day: date, now: datetime) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=now.tzinfo)


def with_extra(
    calm: Forecast, counted: Mapping[date, int], per_day: float, now: datetime
) -> Forecast:
    """The forecast with traffic on top that it does not know: `counted` so far, `per_day` to come.

    Used for leaks: their own past would otherwise be taken for the habit of a weekday.
    """
    since = max(now, _midnight(calm.days[0], now))
    ends = [_midnight(day + timedelta(days=1), now) for day in calm.days]
    known = accumulate(counted.get(day, 0) for day in calm.days)
    extra = [
        sofar + per_day * max(0.0, (end - since) / timedelta(days=1))
        for sofar, end in zip(known, ends, strict=True)
    ]
    return replace(
        calm,
        totals=tuple(total + extra[-1] for total in calm.totals),
        path={
            level: tuple(calls + more for calls, more in zip(path, extra, strict=True))
            for level, path in calm.path.items()
        },
        settled=calm.settled + sum(counted.get(day, 0) for day in calm.days),
    )
