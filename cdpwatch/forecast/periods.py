"""One period's projection: what is counted, what is still to come, and the band around it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np

from cdpwatch.forecast.calendar import day_factors
from cdpwatch.forecast.events import Event, effect, without
from cdpwatch.forecast.outlook import CUSHION, Outlook, guess, look_ahead
from cdpwatch.forecast.result import LEVELS, PATH_LEVELS, Forecast
from cdpwatch.forecast.series import (
    Floats,
    daily,
    known_days,
    span,
    spread_total,
    tamed,
    usable,
)

METHOD = "weekday-levels 2"
LEARNING_DAYS = 7
MEMORY = timedelta(days=1100)  # three years; older days say little about the next ones
ONE_DAY = timedelta(days=1)


def period(
    history: Mapping[date, float | None],
    start: date,
    end: date,
    now: datetime,
    running: float | None = None,
    *,
    holidays: Collection[date] = (),
    events: Sequence[Event] = (),
    peers: Sequence[float] = (),
    levels: Sequence[float] = LEVELS,
    known_total: float | None = None,
    hour_shares: Sequence[float] | None = None,
) -> Forecast:
    """Project the calls of [start, end), UTC days, from daily `history` as of `now`.

    history: calls by UTC day up to yesterday; None, absent or impossible is a hole, not zero.
    running: calls counted so far on `now`'s day.
    holidays: days off, past ones to learn from and coming ones.
    events: planned changes and what-ifs; what is counted stays as it was counted.
    peers: `Forecast.spread` of the other sources of the workspace, for want of own past.
    known_total: calls of the period's days before `now`'s together; wins over their sum.
    hour_shares: 24 parts of a usual day's calls by UTC hour; even if not given.
    Raises ValueError for an empty period, a naive `now`, or shares that are not 24 parts.
    """
    if start >= end or now.tzinfo is None:
        raise ValueError("a projection needs start < end and a time with a zone")
    today, rest = now.astimezone(UTC).date(), remaining_share(now, hour_shares)
    running = running if usable(running) else None
    days, measured = span(start, end), known_days(history, today)
    learning = _learning(measured)
    known = _settled(measured, days, today, known_total)
    plain = without(known, events)
    rate = _run_rate(plain, running, rest) if learning or not plain else None
    outlook, expected = _expect(plain, start, end, rate, holidays, peers)
    counted, missing = _counted(known, days, today, running, rest)
    coming = _Coming(missing, expected, *effect(days, events))
    return _forecast(days, counted, coming, outlook, levels, learning)


def _forecast(
    days: tuple[date, ...],
    counted: Floats,
    coming: _Coming,
    outlook: Outlook,
    levels: Sequence[float],
    learning: str,
) -> Forecast:
    """All that is said of the period, at `levels` and along the path."""
    wanted = (*sorted(levels), *PATH_LEVELS)
    lines = _lines(counted, coming, outlook, wanted).tolist()
    return Forecast(
        levels=wanted[: len(levels)],
        totals=tuple(line[-1] for line in lines[: len(levels)]),
        days=days,
        path=dict(zip(PATH_LEVELS, map(tuple, lines[len(levels) :]), strict=True)),
        settled=float(counted.sum()),
        method=METHOD,
        learning=learning,
        spread=outlook.spread,
    )


def remaining_share(now: datetime, hour_shares: Sequence[float] | None = None) -> float:
    """The part, 0..1, of a usual UTC day's calls that comes after `now`."""
    now = now.astimezone(UTC)
    shares = np.ones(24) if hour_shares is None else np.asarray(hour_shares, dtype=float)
    if shares.shape != (24,) or not (shares >= 0).all() or not 0 < shares.sum() < np.inf:
        raise ValueError("hour_shares are 24 parts, none negative, not all zero")
    this_hour = shares[now.hour] * (1 - (now.minute * 60 + now.second) / 3600)
    return float((this_hour + shares[now.hour + 1 :].sum()) / shares.sum())


def _settled(
    known: Mapping[date, float], days: tuple[date, ...], today: date, total: float | None
) -> Mapping[date, float]:
    """`known`, made to agree with the billed `total` of the period's days before `today`."""
    past = tuple(day for day in days if day < today)
    return spread_total(known, past, total) if past and usable(total) else known


def _learning(measured: Mapping[date, float]) -> str:
    """Why there is too little to project from; "" where there is enough."""
    days = len(measured)
    if days < LEARNING_DAYS:
        return f"learning: {days} of {LEARNING_DAYS} days"
    return "" if any(measured.values()) else f"learning: no call on any of {days} days"


def _run_rate(known: Mapping[date, float], running: float | None, rest: float) -> float:
    """Calls/day: the mean of the known days; without any, today's if its first hour is over."""
    if known:
        return sum(known.values()) / len(known)
    return running / (1 - rest) if running is not None and rest < 23 / 24 else 0.0


def _expect(
    known: Mapping[date, float],
    start: date,
    end: date,
    rate: float | None,
    holidays: Collection[date],
    peers: Sequence[float],
) -> tuple[Outlook, Floats]:
    """The outlook from the last known day on, and the calls expected on each day of the period.

    Holes before the last known day are estimated from the days around them. With a `rate`, in
    calls/day, all of it is that guess.
    """
    if rate is not None:
        outlook = guess(rate, (end - start).days)
        return outlook, outlook.expected
    after = max(known) + ONE_DAY
    first = max(min(known), after - MEMORY)
    begin = min(start, first)
    past = daily(known, span(begin, after))
    calls = tamed(past[(first - begin).days :])
    timeline = span(first, max(end, after + ONE_DAY))
    factors = day_factors(calls, timeline, holidays, CUSHION * float(calls.mean()))
    outlook = look_ahead(calls, factors, len(timeline) - len(calls), peers)
    whole = np.concatenate([past, outlook.expected])
    return outlook, whole[(start - begin).days : (end - begin).days]


def _counted(
    known: Mapping[date, float],
    days: tuple[date, ...],
    today: date,
    running: float | None,
    rest: float,
) -> tuple[Floats, Floats]:
    """Of each day: the calls counted, and the part of it, 0..1, that is still to be counted."""
    counted = np.array([known.get(day, 0.0) for day in days])
    missing = np.array([0.0 if day in known else 1.0 for day in days])
    if running is not None and today in days:
        counted[days.index(today)] = running
        missing[days.index(today)] = rest
    return counted, missing


@dataclass(frozen=True)
class _Coming:
    """What is not counted yet, day by day of the period."""

    missing: Floats  # part of the day, 0..1
    expected: Floats  # calls of the whole day, without events
    scale: Floats  # by events
    add: Floats  # calls/day, by events

    @property
    def calls(self) -> Floats:
        """Calls still to come on each day, never less than none."""
        calls: Floats = np.maximum(self.expected * self.scale + self.add, 0.0) * self.missing
        return calls

    @property
    def doubt(self) -> Floats:
        """Days' worth of what is uncertain: a source that is switched off has none."""
        return self.missing * self.scale


def _lines(counted: Floats, coming: _Coming, outlook: Outlook, levels: Sequence[float]) -> Floats:
    """Calls since the start at the end of each day, never falling. Shape (levels, days)."""
    band = outlook.band(np.cumsum(coming.calls), np.cumsum(coming.doubt), levels)
    lines: Floats = np.maximum.accumulate(np.cumsum(counted) + band, axis=1)
    return lines
