"""Arithmetic of the contract: periods, what is used, what a day may still cost, the verdict.

Pure: terms, counts and a clock in, numbers and sentences out. Days are UTC days; a period is
[start, end).
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import accumulate

from . import wording
from .forecast import Forecast

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
    UNJUDGED = "unjudged"  # no allowance was entered for this period


@dataclass(frozen=True)
class Terms:
    """The contract as the arithmetic needs it."""

    allowance: int  # calls a period
    kind: str  # "month" or "year"
    cycle_day: int
    starts_on: date
    confirmed: bool


@dataclass(frozen=True)
class Period:
    """One billing period, [start, end)."""

    start: date
    end: date

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    @property
    def last_day(self) -> date:
        return self.end - timedelta(days=1)

    @property
    def name(self) -> str:
        """Within a sentence: November, the year to 16 Jun 2027, the period to Sat 14 Nov."""
        if self.start.day == 1 and self.end.day == 1 and self.days <= 31:
            return f"{self.start:%B}"
        if self.days > 31:
            return f"the year to {self.last_day.day} {self.last_day:%b %Y}"
        return f"the period to {wording.day(self.last_day)}"

    @property
    def title(self) -> str:
        """The name where it begins a sentence or stands alone."""
        return f"{self.name[0].upper()}{self.name[1:]}"

    @property
    def dated_title(self) -> str:
        return f"{self.title} {self.start:%Y}" if self.title == f"{self.start:%B}" else self.title

    @property
    def noun(self) -> str:
        return "year" if self.days > 31 else "month"

    def holds(self, day: date) -> bool:
        return self.start <= day < self.end


def period_at(terms: Terms, day: date) -> Period:
    """The period that `day` falls into. Cycle days 29-31 clamp to the end of short months."""
    if terms.kind == "year":
        return _year_at(terms, day)
    start = _clamped(day.year, day.month, terms.cycle_day)
    if day < start:
        start = _shifted(start, -1, terms.cycle_day)
    return Period(start, _shifted(start, 1, terms.cycle_day))


def period_before(terms: Terms, period: Period) -> Period:
    return period_at(terms, period.start - timedelta(days=1))


def _year_at(terms: Terms, day: date) -> Period:
    month = terms.starts_on.month
    start = _clamped(day.year, month, terms.cycle_day)
    if day < start:
        start = _clamped(day.year - 1, month, terms.cycle_day)
    return Period(start, _clamped(start.year + 1, month, terms.cycle_day))


def _clamped(year: int, month: int, day: int) -> date:
    return date(year, month, min(day, monthrange(year, month)[1]))


def _shifted(start: date, months: int, cycle_day: int) -> date:
    index = start.year * 12 + start.month - 1 + months
    return _clamped(index // 12, index % 12 + 1, cycle_day)


def usage_periods(day: date, months: int) -> list[date]:
    """First days of the calendar months up to `day`, newest first: what Segment is asked for."""
    first = day.replace(day=1)
    return [_shifted(first, -back, 1) for back in range(months)]


@dataclass(frozen=True)
class Standing:
    """Where a period stands: the numbers of the budget page and of the alert."""

    period: Period
    allowance: int | None  # None: no allowance was entered for this period
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
) -> Standing:
    """Judge a period. `before` is the last verdict: the same chance may keep it or turn it.

    `unknown_days` of the period have no number: `used` lacks them, the forecast estimates them.
    """
    allowance = terms.allowance if period.end > terms.starts_on else None
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
    ends = [_midnight(day + timedelta(days=1), now) for day in calm.days]
    known = accumulate(counted.get(day, 0) for day in calm.days)
    extra = [
        sofar + per_day * max(0.0, (end - now) / timedelta(days=1))
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


def headline(state: Standing) -> str:
    """The verdict in one sentence, consequence first."""
    name = state.period.title
    if state.learning:
        used = wording.short(state.used)
        return f"{name}: {used} used so far, too early to say more ({state.learning})."
    ends = f"{name} ends at {wording.short(state.total)}"
    if state.allowance is None:
        return f"{ends}; the allowance for this period was not entered."
    if state.used > state.allowance:
        over = wording.short(state.used - state.allowance)
        total = wording.short(state.total)
        return f"The contract is used up: {over} over, and {state.period.name} ends at {total}."
    if state.total > state.allowance:
        crossing = f"; it crosses on {state.crossing}" if state.crosses_on else ""
        return (
            f"{ends}, {wording.short(state.total - state.allowance)} over the contract{crossing}."
        )
    return f"{ends}, {wording.short(state.allowance - state.total)} under the contract."


def pace(state: Standing) -> str:
    """25.8M of 40M used, 12 days left; at this pace 43.1M (41.8–44.6M), crossing on Sun 28 Nov."""
    of = "" if state.allowance is None else f" of {wording.short(state.allowance)}"
    left = wording.plural(max(1, round(state.days_left)), "day")
    text = f"{wording.short(state.used)}{of} used, {left} left"
    if state.unknown_days:
        text = f"{text}, {wording.plural(state.unknown_days, 'day')} unknown"
    if state.learning:
        return f"{text}; {state.learning}."
    span = wording.span_of_calls(state.low80, state.high80)
    text = f"{text}; at this pace {wording.short(state.total)} ({span})"
    if state.allowance is None or state.crosses_on is None:
        return f"{text}."
    verb = "crossed" if state.used > state.allowance else "crossing"
    return f"{text}, {verb} {wording.short(state.allowance)} on {state.crossing}."


def evidence(allowance: int, billed_a_year: int, months: int) -> str:
    """What the history says about "a month" or "a year", for whoever confirms the contract."""
    if not months:
        return "Nothing has been billed yet, so the history cannot tell a month from a year."
    monthly = billed_a_year / months
    looks = "monthly" if abs(monthly - allowance) < abs(12 * monthly - allowance) else "yearly"
    told = "month" if months == 1 else f"{months} months"
    return (
        f"The last {told} billed {wording.short(billed_a_year)}: "
        f"{wording.short(allowance)} looks {looks}."
    )
