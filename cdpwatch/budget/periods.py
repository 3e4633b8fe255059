"""Billing periods: the months, quarters and years that a cycle day cuts the calendar into.

A period is [start, end) of UTC days. Cycle days 29-31 clamp to the end of short months.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

from cdpwatch import wording

MONTHS = {"month": 1, "quarter": 3, "year": 12}  # calendar months of a period, by its kind


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
    def noun(self) -> str:
        """What people call a span of that length; the term of a contract is a period."""
        if self.days <= 31:
            return "month"
        if 89 <= self.days <= 92:
            return "quarter"
        return "year" if self.days in (365, 366) else "period"

    @property
    def name(self) -> str:
        """Within a sentence: November, the year to 16 Jun 2027, the period to Sat 14 Nov."""
        if self.start.day == 1 and self.end.day == 1 and self.days <= 31:
            return f"{self.start:%B}"
        if self.days > 31:
            return f"the {self.noun} to {self.last_day.day} {self.last_day:%b %Y}"
        return f"the period to {wording.day(self.last_day)}"

    @property
    def title(self) -> str:
        """The name where it begins a sentence or stands alone."""
        return f"{self.name[0].upper()}{self.name[1:]}"

    @property
    def dated_title(self) -> str:
        return f"{self.title} {self.start:%Y}" if self.title == f"{self.start:%B}" else self.title

    def holds(self, day: date) -> bool:
        return self.start <= day < self.end

    def until(self, day: date) -> int:
        """Days of the period before `day`."""
        return (min(max(day, self.start), self.end) - self.start).days


@dataclass(frozen=True)
class Cycle:
    """How periods follow each other: from `day` of every month, third month or year.

    Quarters and years are counted from the month of `anchor`.
    """

    kind: str  # a key of MONTHS
    day: int  # 1-31
    anchor: date

    def period(self, day: date) -> Period:
        """The one period that `day` falls into."""
        step, month = MONTHS[self.kind], _index(day)
        if day < _start(month, self.day):
            month -= 1
        first = month - (month - _index(self.anchor)) % step
        return Period(_start(first, self.day), _start(first + step, self.day))


def usage_periods(day: date, months: int) -> list[date]:
    """First days of the calendar months up to `day`, newest first: what Segment is asked for."""
    return [_start(_index(day) - back, 1) for back in range(months)]


def _index(day: date) -> int:
    """Calendar months since the year 0."""
    return day.year * 12 + day.month - 1


def _start(month: int, cycle_day: int) -> date:
    year, number = month // 12, month % 12 + 1
    return date(year, number, min(cycle_day, monthrange(year, number)[1]))
