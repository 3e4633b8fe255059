"""One period's projection: what is counted, what is still to come, and the band around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np

from cdpwatch.forecast.outlook import Outlook, guess, look_ahead
from cdpwatch.forecast.result import LEVELS, PATH_LEVELS, Forecast
from cdpwatch.forecast.series import Floats, daily, known_days, span, spread_total, usable

METHOD = "weekday-levels 1"
LEARNING_DAYS = 7
MEMORY = timedelta(days=730)  # older days say little about the next ones
ONE_DAY = timedelta(days=1)


def period(
    history: Mapping[date, float | None],
    start: date,
    end: date,
    now: datetime,
    running: float | None = None,
    *,
    levels: Sequence[float] = LEVELS,
    known_total: float | None = None,
    hour_shares: Sequence[float] | None = None,
) -> Forecast:
    """Project the calls of [start, end), UTC days, from daily `history` as of `now`.

    history: calls by UTC day up to yesterday; None, absent or impossible is a hole, not zero.
    running: calls counted so far on `now`'s day.
    known_total: calls of the period's days before `now`'s together; wins over their sum.
    hour_shares: 24 parts of a usual day's calls by UTC hour; even if not given.
    Raises ValueError for an empty period, a naive `now`, or shares that are not 24 parts.
    """
    if start >= end or now.tzinfo is None:
        raise ValueError("a projection needs start < end and a time with a zone")
    today, rest = now.astimezone(UTC).date(), remaining_share(now, hour_shares)
    running = running if usable(running) else None
    days, measured = span(start, end), known_days(history, today)
    learning = _learning(len(measured))
    known = _settled(measured, days, today, known_total)
    rate = _run_rate(known, running, rest) if learning else None
    outlook, expected = _expect(known, start, end, rate)
    counted, missing = _counted(known, days, today, running, rest)
    wanted = (*sorted(levels), *PATH_LEVELS)
    lines = _lines(counted, missing, expected, outlook, wanted).tolist()
    return Forecast(
        levels=wanted[: len(levels)],
        totals=tuple(line[-1] for line in lines[: len(levels)]),
        days=days,
        path=dict(zip(PATH_LEVELS, map(tuple, lines[len(levels) :]), strict=True)),
        settled=float(counted.sum()),
        method=METHOD,
        learning=learning,
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


def _learning(days: int) -> str:
    return "" if days >= LEARNING_DAYS else f"learning: {days} of {LEARNING_DAYS} days"


def _run_rate(known: Mapping[date, float], running: float | None, rest: float) -> float:
    """Calls/day: the mean of the known days; without any, today's if its first hour is over."""
    if known:
        return sum(known.values()) / len(known)
    return running / (1 - rest) if running is not None and rest < 23 / 24 else 0.0


def _expect(
    known: Mapping[date, float], start: date, end: date, rate: float | None
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
    outlook = look_ahead(past[(first - begin).days :], max(1, (end - after).days))
    timeline = np.concatenate([past, outlook.expected])
    return outlook, timeline[(start - begin).days : (end - begin).days]


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


def _lines(
    counted: Floats, missing: Floats, expected: Floats, outlook: Outlook, levels: Sequence[float]
) -> Floats:
    """Calls since the start at the end of each day, never falling. Shape (levels, days)."""
    band = outlook.band(np.cumsum(expected * missing), np.cumsum(missing), levels)
    lines: Floats = np.maximum.accumulate(np.cumsum(counted) + band, axis=1)
    return lines
