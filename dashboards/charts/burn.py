"""What a burn chart shows, and where its points lie, before anything is drawn.

x is days since the period's start (0 is its first midnight, UTC; the end of the first day is 1),
y is cumulative calls since then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import count
from math import isfinite
from typing import TypeAlias

from cdpwatch import wording

Point: TypeAlias = tuple[float, float]
Level: TypeAlias = float

# A period of more days than this is labelled by months.
_LONGEST_MONTH = 62
_ICONS = {"warn": "▲", "bad": "■"}


@dataclass(frozen=True)
class Mark:
    """Something that happened: a dashed line with a text. `state` is a badge's, "" for none."""

    day: date
    text: str
    state: str = ""

    @property
    def label(self) -> str:
        """The text behind its state's icon: colour alone tells nothing."""
        return f"{_ICONS.get(self.state, '')} {self.text}".strip()


@dataclass(frozen=True)
class Burn:
    """One period's use against its allowance. Counts are cumulative calls."""

    days: tuple[date, ...]  # every day of the period, at least one
    billed: tuple[float | None, ...]  # at the end of each day; None where not known
    summary: str  # the chart in a sentence, for those who do not see it
    live: tuple[Point, ...] = ()  # (days since the start, calls) after the last billed day
    band: Mapping[Level, Sequence[float]] | None = None  # quantiles at the ends of the last days
    allowance: float | None = None
    previous: tuple[float | None, ...] = ()  # the last period, at the end of each of its days
    previous_label: str = ""
    marks: tuple[Mark, ...] = ()

    @cached_property
    def billed_runs(self) -> list[list[Point]]:
        """Stretches of known days, from the origin on."""
        return runs(enumerate((0.0, *self.billed)))

    @cached_property
    def live_points(self) -> list[Point]:
        """The live stretch, starting where the bill ends."""
        live = [(x, y) for x, y in self.live if isfinite(x) and isfinite(y)]
        return [self.billed_runs[-1][-1], *live] if live else []

    @cached_property
    def now(self) -> Point:
        """The last point that is known."""
        return self.live_points[-1] if self.live_points else self.billed_runs[-1][-1]

    @cached_property
    def previous_runs(self) -> list[list[Point]]:
        """The last period stretched to this one's length, so that both end at the right edge."""
        scale = len(self.days) / max(1, len(self.previous))
        return runs((x * scale, y) for x, y in enumerate((0.0, *self.previous)) if self.previous)

    def quantile(self, level: Level) -> list[Point]:
        """One quantile of what is to come, from now to the period's end; [] without a forecast."""
        values = (self.band or {}).get(level, ())
        first = len(self.days) - len(values)
        ahead = [(float(first + i + 1), v) for i, v in enumerate(values) if isfinite(v)]
        ahead = [point for point in ahead if point[0] > self.now[0]]
        return [self.now, *ahead] if ahead else []

    def between(self, low: Level, high: Level) -> list[Point]:
        """The outline of the band between two quantiles."""
        return self.quantile(low) + self.quantile(high)[::-1]

    @cached_property
    def highest(self) -> float:
        """The largest value that the chart has to hold, at least 1."""
        series = [*self.billed_runs, *self.previous_runs, self.live_points, *self._quantiles]
        values = [y for points in series for _, y in points]
        return max(1.0, *values, self.allowance or 0.0)

    @property
    def _quantiles(self) -> list[list[Point]]:
        return [self.quantile(level) for level in self.band or {}]

    @property
    def day_ticks(self) -> list[tuple[int, str]]:
        """Days to label: each week's first in a month, each month's first in a year."""
        if len(self.days) <= _LONGEST_MONTH:
            return [(i, f"{d.day} {d:%b}") for i, d in enumerate(self.days) if i % 7 == 0]
        firsts = [(i, d) for i, d in enumerate(self.days) if d.day == 1]
        return [(i, f"{d:%Y}" if d.month == 1 else f"{d:%b}") for i, d in firsts]

    @property
    def end_label(self) -> tuple[str, str]:
        """Where the period ends: the median, and the span that is 80% likely."""
        low, mid, high = (self.quantile(level)[-1:] for level in (0.1, 0.5, 0.9))
        if not mid:
            return "", ""
        span = wording.span_of_calls(low[0][1], high[0][1]) if low and high else ""
        return wording.short(mid[0][1]), span


def runs(points: Iterable[tuple[float, float | None]]) -> list[list[Point]]:
    """Points cut where a value is missing (None or not finite) into stretches without a gap."""
    found: list[list[Point]] = [[]]
    for x, y in points:
        if y is not None and isfinite(y):
            found[-1].append((float(x), float(y)))
        elif found[-1]:
            found.append([])
    return [run for run in found if run]


def call_ticks(highest: float) -> list[int]:
    """Round numbers of calls from 0 up to `highest`, at most seven."""
    steps = (figure * 10**power for power in count() for figure in (1, 2, 5))
    step = next(step for step in steps if highest <= 6 * step)
    return list(range(0, int(highest) + 1, step))


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Positions near the wanted ones, in [low, high], at least `gap` apart."""
    order = sorted(range(len(wanted)), key=wanted.__getitem__)
    placed, edge = list(wanted), low
    for i in order:
        placed[i] = max(placed[i], edge)
        edge = placed[i] + gap
    edge = high
    for i in reversed(order):
        placed[i] = min(placed[i], edge)
        edge = placed[i] - gap
    return placed
