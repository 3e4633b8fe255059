"""Two counts of the same calls: the gap, its named causes and the unexplained rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from cdpwatch.days import DAY

from .sides import Side

Days = Mapping[date, int]  # calls by UTC day; a day that nobody knows is not in it

# Shares say nothing of a handful of calls: so many a day, more or less, are no difference.
SLACK = 3
FIRST, LAST = "first", "last"  # of the days in a row that are compared
BOUNDLESS = 1e6  # a share; times no calls it is none, as infinity is not
# Delivered calls a day of which a vendor must have seen something: vendors merge a person's calls.
LEAST_SEEN = 1_000


@dataclass(frozen=True)
class Share:
    """A part of a gap whose reason is known. Calls are signed as the gap is: other less base.

    What one day hands to the next stays within days in a row: only their `edge` can show it.
    """

    reason: str
    days: Days
    edge: str = ""  # FIRST or LAST; "" for every day


@dataclass(frozen=True)
class Pair:
    """`base` and `other` counted the same calls; `expected` is the usual gap, in shares.

    `causes` make a difference for certain; what is `possible` may do so, up to its calls. `notes`
    are reasons that are known to play a part and that nobody can put a number to. The other side
    of a `band` is no count of the calls, only a bound of it, or a sign of life.
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
    band: bool = False

    def covered(self, day: date) -> int:
        """Calls of `day` that the other side should have counted."""
        return self.base_days[day] + sum(cause.days.get(day, 0) for cause in self.causes)

    def is_silent(self, day: date) -> bool:
        """Whether the other side of a band saw nothing of many calls."""
        return self.band and not self.other_days[day] and self.covered(day) >= LEAST_SEEN


class GapState(StrEnum):
    AGREES = "agrees"
    EXPLAINED = "explained"  # a gap beyond the usual one, and a sure cause for all of it
    POSSIBLE = "possible"  # what no sure cause explains may have a possible one
    DIFFERS = "differs"
    UNKNOWN = "unknown"  # no day has both numbers
    WITHIN = "within"  # of a band
    OUTSIDE = "outside"


@dataclass(frozen=True)
class Gap:
    """A pair over some days, in calls. `low` and `high` are the usual bounds of a gap."""

    pair: Pair
    days: int  # that both sides have a number for
    of: int  # days that were asked for
    base: int
    other: int
    causes: tuple[tuple[str, int], ...]
    possible: tuple[tuple[str, int], ...]  # none where the sure causes leave no unusual rest
    low: float
    high: float
    silent: int = 0  # days on which the other side of a band saw nothing

    @property
    def calls(self) -> int:
        return self.other - self.base

    @property
    def percent(self) -> float | None:
        return 100 * self.calls / self.base if self.base else None

    @property
    def rest(self) -> int:
        """What no sure cause explains."""
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
        if self.pair.band:
            within = self._is_usual(self.rest) and not self.silent
            return GapState.WITHIN if within else GapState.OUTSIDE
        if self._is_usual(self.rest):
            return GapState.AGREES if self._is_usual(self.calls) else GapState.EXPLAINED
        maybe = [calls for _, calls in self.possible]
        less, more = (sum(n for n in maybe if n < 0), sum(n for n in maybe if n > 0))
        may_be = self.low + less <= self.rest <= self.high + more
        return GapState.POSSIBLE if may_be else GapState.DIFFERS

    @property
    def usual(self) -> tuple[float, float] | None:
        """The usual bounds of the rest, in percent of what should have been counted."""
        share = 100 / self.covered if self.covered else None
        return (self.low * share, self.high * share) if share and not self.pair.band else None

    @property
    def bound(self) -> str:
        """What the other side's number of a band is; "" for a count."""
        if not self.pair.band:
            return ""
        return "at most" if self.most is None else "at least"

    @property
    def least(self) -> int:
        """The lower end of a band: of many calls at least one is seen."""
        return max(round(self.covered + self.low), int(self.covered >= LEAST_SEEN), 0)

    @property
    def most(self) -> int | None:
        """The upper end of a band; None where it has none."""
        return None if self.pair.expected[1] >= BOUNDLESS else round(self.covered + self.high)

    def _is_usual(self, calls: int) -> bool:
        return self.low <= calls <= self.high


def compare(pair: Pair, first: date, last: date) -> Gap:
    """The gap of the days from `first` to `last`, both included, that both sides know."""
    days = [day for day in common(pair) if first <= day <= last]
    covered = sum(pair.covered(day) for day in days)
    slack, (low, high) = SLACK * len(days), pair.expected
    gap = Gap(
        pair=pair,
        days=len(days),
        of=(last - first).days + 1,
        base=sum(pair.base_days[day] for day in days),
        other=sum(pair.other_days[day] for day in days),
        causes=_summed(pair.causes, days),
        possible=(),
        low=low * covered - slack,
        high=high * covered + slack,
        silent=sum(pair.is_silent(day) for day in days),
    )
    if gap.state in (GapState.AGREES, GapState.EXPLAINED):
        return gap
    return replace(gap, possible=_summed(pair.possible, days))


def _summed(shares: Iterable[Share], days: Sequence[date]) -> tuple[tuple[str, int], ...]:
    found = [(each.reason, sum(each.days.get(d, 0) for d in _shown(each, days))) for each in shares]
    return tuple((reason, calls) for reason, calls in found if calls)


def _shown(share: Share, days: Sequence[date]) -> list[date]:
    """The days on which a share shows."""
    if not share.edge:
        return list(days)
    beside = -DAY if share.edge == FIRST else DAY
    known = set(days)
    return [day for day in days if day + beside not in known]


def common(pair: Pair) -> list[date]:
    """The days that both sides have a number for, in order."""
    return sorted(pair.base_days.keys() & pair.other_days.keys())
