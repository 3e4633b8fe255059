"""Two counts of the same calls: the gap, its named causes and the unexplained rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from .sides import Side

Days = Mapping[date, int]  # calls by UTC day; a day that nobody knows is not in it

# Shares say nothing of a handful of calls: so many a day, more or less, are no difference.
SLACK = 3


@dataclass(frozen=True)
class Share:
    """A part of a gap whose reason is known. Calls are signed as the gap is: other less base."""

    reason: str
    days: Days


@dataclass(frozen=True)
class Pair:
    """`base` and `other` counted the same calls; `expected` is the usual gap, in shares.

    `causes` make a difference for certain; what is `possible` may do so, up to its calls. `notes`
    are reasons that are known to play a part and that nobody can put a number to.
    """

    key: str  # "source/12/live": the same pair in every reading
    subject: str  # whose calls: "Prod - Census"
    base: Side
    other: Side
    base_days: Days
    other_days: Days
    expected: tuple[float, float]
    causes: tuple[Share, ...] = ()
    possible: tuple[Share, ...] = ()
    notes: tuple[str, ...] = ()
    connection: int | None = None  # primary key, where it is about a single one

    def covered(self, day: date) -> int:
        """Calls of `day` that the other side should have counted."""
        return self.base_days[day] + sum(cause.days.get(day, 0) for cause in self.causes)


class GapState(StrEnum):
    AGREES = "agrees"
    EXPLAINED = "explained"  # a gap beyond the usual one, all of it with a name
    DIFFERS = "differs"
    UNKNOWN = "unknown"  # no day has both numbers


@dataclass(frozen=True)
class Gap:
    """A pair over some days, in calls. `low` and `high` are the usual bounds of a gap."""

    pair: Pair
    days: int  # that both sides have a number for
    of: int  # days that were asked for
    base: int
    other: int
    causes: tuple[tuple[str, int], ...]
    possible: tuple[tuple[str, int], ...]
    low: float
    high: float

    @property
    def calls(self) -> int:
        return self.other - self.base

    @property
    def percent(self) -> float | None:
        return 100 * self.calls / self.base if self.base else None

    @property
    def rest(self) -> int:
        """What no cause explains."""
        return self.calls - sum(calls for _, calls in self.causes)

    @property
    def covered(self) -> int:
        return self.other - self.rest

    @property
    def rest_percent(self) -> float | None:
        return 100 * self.rest / self.covered if self.covered else None

    @property
    def state(self) -> GapState:
        if not self.days:
            return GapState.UNKNOWN
        if self._is_usual(self.rest) and self._is_usual(self.calls):
            return GapState.AGREES
        maybe = [calls for _, calls in self.possible]
        less, more = (sum(n for n in maybe if n < 0), sum(n for n in maybe if n > 0))
        if self.low + less <= self.rest <= self.high + more:
            return GapState.EXPLAINED
        return GapState.DIFFERS

    def _is_usual(self, calls: int) -> bool:
        return self.low <= calls <= self.high


def compare(pair: Pair, first: date, last: date) -> Gap:
    """The gap of the days from `first` to `last`, both included, that both sides know."""
    days = [day for day in common(pair) if first <= day <= last]
    covered = sum(pair.covered(day) for day in days)
    slack, (low, high) = SLACK * len(days), pair.expected
    return Gap(
        pair=pair,
        days=len(days),
        of=(last - first).days + 1,
        base=sum(pair.base_days[day] for day in days),
        other=sum(pair.other_days[day] for day in days),
        causes=_summed(pair.causes, days),
        possible=_summed(pair.possible, days),
        low=low * covered - slack,
        high=high * covered + slack,
    )


def _summed(shares: Iterable[Share], days: Sequence[date]) -> tuple[tuple[str, int], ...]:
    found = [(share.reason, sum(share.days.get(day, 0) for day in days)) for share in shares]
    return tuple((reason, calls) for reason, calls in found if calls)


def common(pair: Pair) -> list[date]:
    """The days that both sides have a number for, in order."""
    return sorted(pair.base_days.keys() & pair.other_days.keys())
