"""One measured figure, and the line that is printed of it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Yardstick:
    """What a figure is held against: measured in the same run, in the same unit."""

    name: str
    measured: float


@dataclass(frozen=True)
class Figure:
    """`goal` is a ceiling, or a floor where `at_least`; None is a figure without a goal."""

    name: str
    measured: float
    unit: str
    goal: float | None = None
    at_least: bool = False
    yardstick: Yardstick | None = None

    @property
    def word(self) -> str:
        if self.goal is None:
            return "-"
        met = self.measured >= self.goal if self.at_least else self.measured <= self.goal
        return "ok" if met else "short"

    def __str__(self) -> str:
        sign = ">=" if self.at_least else "<="
        goal = f"{sign} {plain(self.goal)}" if self.goal is not None else ""
        line = (
            f"{self.name:<52} {plain(self.measured):>10} {self.unit:<7} {goal:<11} {self.word:<6}"
        )
        if self.yardstick:
            ratio = self.measured / self.yardstick.measured if self.yardstick.measured else 0.0
            line += f"{self.yardstick.name}: {plain(self.yardstick.measured)}, x{ratio:.3g}"
        return line.rstrip()


def plain(number: float) -> str:
    """12,345 or 12.3 or 0.123: three digits that matter."""
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"


def p50(values: Sequence[float]) -> float:
    return statistics.median(values)


def p95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]
