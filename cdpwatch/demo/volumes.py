"""Calls per day, hour and minute, as a pure function of the flow and the day.

A flow's day is drawn once (mean x day shape x growth x log-normal noise), divided among its slices,
each slice's day among hours, each hour among minutes. Every step divides whole calls, so minutes
add up to hours, hours to days and days to the month's usage, exactly. The noise is a hash of the
flow and the day: the same day is the same everywhere, whenever it is asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from cdpwatch.demo.traffic import Flow

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]

EPOCH = date(1970, 1, 1)
DAY = 1440  # minutes
HOUR = 60
DAY_SIGMA, HOUR_SIGMA, MINUTE_SIGMA, MIX_SIGMA = 0.04, 0.08, 0.12, 0.05
DAYS_PER_MONTH = 365.25 / 12


def cumulative(flow: Flow, anchor: date, day: date, edges: Sequence[int]) -> Counts:
    """Calls of each slice from midnight to each edge (minutes of the day), shape (slices, edges).

    `anchor` is the first day of the month in which `flow.per_day` holds.
    """
    at = np.asarray(edges)
    if not (at % DAY).any():
        return day_table(flow, anchor, day)[:, at // DAY]
    if not (at % HOUR).any():
        return hour_table(flow, anchor, day)[:, at // HOUR]
    return minute_table(flow, anchor, day)[:, at]


@lru_cache(maxsize=16_384)
def day_table(flow: Flow, anchor: date, day: date) -> Counts:
    """0 and the day's calls, by slice."""
    weights = np.array([part.weight for part in flow.mix])
    weights = weights * noise(f"{flow.key}/{day}/mix", len(weights), MIX_SIGMA)
    phase = uniforms(f"{flow.key}/{day}/mix-phase", 1)[0]
    calls = split(np.array(day_calls(flow, anchor, day)), weights, phase)
    return _with_zero(calls[:, None])


@lru_cache(maxsize=4_096)
def hour_table(flow: Flow, anchor: date, day: date) -> Counts:
    """Running calls at each of the 25 edges of the day's hours, by slice."""
    totals = day_table(flow, anchor, day)[:, -1]
    weights = np.array(flow.hours(day)) * noise(f"{flow.key}/{day}/hours", 24, HOUR_SIGMA)
    phases = uniforms(f"{flow.key}/{day}/hour-phase", len(totals))
    return _with_zero(split(totals, np.broadcast_to(weights, (len(totals), 24)), phases))


@lru_cache(maxsize=128)
def minute_table(flow: Flow, anchor: date, day: date) -> Counts:
    """Running calls at each of the 1441 edges of the day's minutes, by slice."""
    hours = np.diff(hour_table(flow, anchor, day))
    shape = (len(hours), 24, 60)
    jitter = noise(f"{flow.key}/{day}/minutes", shape[0] * DAY, MINUTE_SIGMA).reshape(shape)
    phases = uniforms(f"{flow.key}/{day}/minute-phase", shape[0] * 24).reshape(shape[:2])
    minutes = split(hours, jitter * np.array(flow.minutes()), phases)
    return _with_zero(minutes.reshape(shape[0], DAY))


def day_calls(flow: Flow, anchor: date, day: date) -> int:
    """All calls of the flow on that day."""
    months = ((day - anchor).days - DAYS_PER_MONTH / 2) / DAYS_PER_MONTH
    growth: float = (1 + flow.growth) ** months
    level = flow.per_day * flow.days(day) * growth
    return round(level * float(noise(f"{flow.key}/{day}/day", 1, DAY_SIGMA)[0]))


def split(totals: Counts, weights: Floats, phases: Floats) -> Counts:
    """Divide each total among its weights in whole calls that add up to it.

    `phases` in [0, 1) shift where the rounding falls, so that small totals do not always land in
    the same place.
    """
    shares = np.cumsum(weights, axis=-1)
    shares = shares / shares[..., -1:]
    cuts = np.floor(totals[..., None] * shares + np.asarray(phases)[..., None])
    cuts[..., -1] = totals
    return np.diff(cuts, axis=-1, prepend=0).astype(np.int64)


def noise(key: str, count: int, sigma: float) -> Floats:
    """Log-normal factors of mean 1."""
    first, second = uniforms(key, 2 * count).reshape(2, count)
    normal = np.sqrt(-2 * np.log(first)) * np.cos(2 * np.pi * second)
    factors: Floats = np.exp(sigma * normal - sigma**2 / 2)
    return factors


def uniforms(key: str, count: int) -> Floats:
    """Numbers in (0, 1) that depend on the key alone."""
    digest = hashlib.shake_128(key.encode()).digest(4 * count)
    return (np.frombuffer(digest, dtype="<u4").astype(np.float64) + 0.5) / 2**32


def _with_zero(counts: Counts) -> Counts:
    table: Counts = np.cumsum(np.pad(counts, ((0, 0), (1, 0))), axis=1)
    table.flags.writeable = False
    return table
