"""The record of the projection: what was said of a period day by day, against what came.

A projection is right when the range it gave holds what came as often as it claims: 80 of 100, 95
of 100. Its error is its median against what came, in percent of what came.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median

from .periods import Period

_BY_DAY = 31  # days: longer periods are told by the week
WEEK = 7


@dataclass(frozen=True)
class Said:
    """One projection of a period's total, in calls."""

    key: int  # primary key of its row
    as_of: date
    span: Period
    low95: float
    low80: float
    middle: float
    high80: float
    high95: float

    @property
    def day(self) -> int:
        """The day of the period on which it was said; the first is 1."""
        return (self.as_of - self.span.start).days + 1

    def off(self, came: int) -> float | None:
        """Percent by which its median was above (or, negative, below) what came."""
        return 100 * (self.middle - came) / came if came else None

    def within80(self, came: int) -> bool:
        return self.low80 <= came <= self.high80

    def within95(self, came: int) -> bool:
        return self.low95 <= came <= self.high95


@dataclass(frozen=True)
class Compared:
    """A period that is over, what came of it in calls, and what was said, in order of days."""

    span: Period
    came: int
    said: tuple[Said, ...]


@dataclass(frozen=True)
class Score:
    """How good the projections of some days of the period were."""

    first: int  # days of the period, both included
    last: int
    count: int  # projections
    error: float | None  # median absolute error, percent of what came; None: nothing came
    within80: float  # percent of the projections whose range held what came
    within95: float

    @property
    def days(self) -> str:
        """15, or 8–14"""
        return f"{self.first}" if self.first == self.last else f"{self.first}–{self.last}"


def scores(compared: Sequence[Compared]) -> list[Score]:
    """A score for each day of the period; for each of its weeks where it is longer than a month."""
    step = 1 if all(one.span.days <= _BY_DAY for one in compared) else WEEK
    found: dict[int, list[tuple[Said, int]]] = defaultdict(list)
    for one in compared:
        for said in one.said:
            found[(said.day - 1) // step].append((said, one.came))
    return [_score(found[n], n * step + 1, (n + 1) * step) for n in sorted(found)]


def overall(compared: Sequence[Compared]) -> Score | None:
    """The score of every projection together; None without any."""
    pairs = [(said, one.came) for one in compared for said in one.said]
    return _score(pairs, 1, max(one.span.days for one in compared)) if pairs else None


def _score(pairs: Sequence[tuple[Said, int]], first: int, last: int) -> Score:
    errors = [abs(off) for said, came in pairs if (off := said.off(came)) is not None]
    return Score(
        first=first,
        last=last,
        count=len(pairs),
        error=median(errors) if errors else None,
        within80=_percent(said.within80(came) for said, came in pairs),
        within95=_percent(said.within95(came) for said, came in pairs),
    )


def _percent(held: Iterable[bool]) -> float:
    found = list(held)
    return 100 * sum(found) / len(found)
