"""A gap that changed: its newest settled day against the usual of the 28 days before.

A constant gap is how two systems count and nobody's alarm; a gap that moves says that one of them
began to lose, double or drop calls. The usual is the median, its spread the median absolute
deviation, so that a few odd days, or the change itself, do not become the yardstick.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import takewhile
from statistics import median

from cdpwatch.days import DAY, start_of

from .compare import Pair, common

HISTORY = 28  # days before the newest one
LEAST_HISTORY = 14  # of them, days with both numbers
DEVIATIONS = 6.0  # robust ones; fewer happen by chance among dozens of pairs a day
LEAST_SHARE = 0.01  # of the calls that should have been counted
LEAST_CALLS = 100  # a day
FLOOR = 0.002  # no gap is steadier than this: restatements alone move it so much
STALE = 3 * DAY  # without a newer number this is no news, but a blind counter
MAD = 1.4826  # makes the median absolute deviation of a normal spread its standard deviation


@dataclass(frozen=True)
class Trend:
    """The unexplained share of one pair by day: (other - covered) / covered."""

    pair: Pair
    days: tuple[tuple[date, float, int], ...]  # day, share, calls that should have been counted
    usual: float  # median share of the days before the newest
    spread: float  # one robust deviation, as a share

    @property
    def newest(self) -> tuple[date, float, int]:
        return self.days[-1]

    @property
    def calls(self) -> int:
        """By how many calls the newest day misses the usual."""
        _, share, covered = self.newest
        return round((share - self.usual) * covered)

    def is_off(self, share: float, covered: int) -> bool:
        """Whether a day lies outside of the usual band, by chance and by size."""
        off = abs(share - self.usual)
        band = DEVIATIONS * max(self.spread, FLOOR, covered**-0.5)
        return off >= band and off >= LEAST_SHARE and off * covered >= LEAST_CALLS

    @property
    def since(self) -> date:
        """First of the days in a row, up to the newest, that lie outside on the same side."""
        first, newest, _ = self.newest
        for day, share, covered in reversed(self.days):
            same_side = (share > self.usual) == (newest > self.usual)
            if not (same_side and self.is_off(share, covered)):
                break
            first = day
        return first


def trend(pair: Pair) -> Trend | None:
    """The last days of one pair, or None where they are too few to know what is usual."""
    shares = [
        (day, (pair.other_days[day] - covered) / covered, covered)
        for day in common(pair)
        if (covered := pair.covered(day)) > 0
    ]
    if not shares:
        return None
    oldest = shares[-1][0] - HISTORY * DAY
    days = tuple(row for row in shares if row[0] >= oldest)
    before = [share for _, share, _ in days[:-1]]
    if len(before) < LEAST_HISTORY:
        return None
    usual = median(before)
    return Trend(pair, days, usual, MAD * median(abs(share - usual) for share in before))


def moved(pairs: Sequence[Pair], now: datetime) -> list[Trend]:
    """The pairs whose newest day left the usual band, by calls a day, most first.

    The other side of a band is no count, so its share may move as it likes.
    """
    fresh = [pair for pair in pairs if not pair.band and _is_fresh(pair, now)]
    trends = [found for pair in fresh if (found := trend(pair))]
    off = [found for found in trends if found.is_off(*found.newest[1:])]
    return sorted(off, key=lambda found: -abs(found.calls))


def silent(pairs: Sequence[Pair], now: datetime) -> list[tuple[Pair, date]]:
    """The bands whose other side saw nothing on the newest day, and since which day."""
    bands = [pair for pair in pairs if pair.band and _is_fresh(pair, now)]
    return [(pair, _silent_since(pair)) for pair in bands if pair.is_silent(common(pair)[-1])]


def _silent_since(pair: Pair) -> date:
    rows = takewhile(pair.is_silent, reversed(common(pair)))
    return min(rows)


def _is_fresh(pair: Pair, now: datetime) -> bool:
    """Whether the newest day is about the newest that can be final by now."""
    newest = max(pair.base_days.keys() & pair.other_days.keys(), default=None)
    settles: timedelta = max(pair.base.settles, pair.other.settles)
    return newest is not None and now - settles - start_of(newest + DAY) < STALE
