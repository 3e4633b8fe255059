"""The past of each source: months where every day is known, days elsewhere and of late.

Of a thousand sources two years are 700,000 days, and 24,000 months. The sums are the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from django.db.models import Q

from cdpwatch import budget
from cdpwatch.days import DAY, next_month
from cdpwatch.models import SourceDay, SourceMonth, Workspace
from cdpwatch.readings import DayCount

from .counts import DAY_COUNT

SPARK = 31 * DAY  # the days that pages draw one by one
Span = tuple[date, date]  # its first day, and the one after its last


@dataclass(frozen=True)
class Past:
    """One source's calls: no day of `days` lies in a month of `months`."""

    days: dict[date, DayCount] = field(default_factory=dict)
    months: dict[date, int] = field(default_factory=dict)  # whole ones, by their first day

    @property
    def live_from(self) -> date:
        """Where live calls may count: what a month has billed they would count twice."""
        return next_month(max(self.months)) if self.months else date.min

    def months_in(self, period: budget.Period) -> int:
        return sum(calls for month, calls in self.months.items() if period.holds(month))

    def known_in(self, first: date, end: date) -> int | None:
        """Calls of the days from `first` up to `end`; None where one is not known, or no day is."""
        total, day = 0, first
        while day < end:
            whole = self.months.get(day)
            told = self.days[day].calls if day in self.days else None
            known = told if whole is None else whole
            if known is None:
                return None
            total, day = total + known, day + DAY if whole is None else next_month(day)
        return total if first < end else None


def past_of(workspace: Workspace, spans: tuple[Span, ...], today: date) -> Mapping[int, Past]:
    """By source, the days since a month ago and the calls of `spans` before that."""
    found: dict[int, Past] = defaultdict(Past)
    recent = (today - SPARK).replace(day=1)
    older = [(first, min(end, recent)) for first, end in spans]
    wanted = [month for span in older for month in whole_months(*span)]
    months = SourceMonth.objects.filter(source__workspace=workspace, month__in=wanted)
    broken = months.exclude(unknown_days=0).values("source_id")
    rows = months.exclude(source__in=broken)
    for source, month, calls in rows.values_list("source_id", "month", "calls"):
        found[source].months[month] = calls
    around, inside = Q(day__gte=recent), Q(pk=None)
    for span in older:
        around |= _outside_months(*span)
        inside |= Q(source__in=broken, day__gte=span[0], day__lt=span[1])
    days = SourceDay.objects.filter(around | inside, source__workspace=workspace)
    for source, day, *rest in days.values_list("source_id", *DAY_COUNT):
        found[source].days[day] = DayCount(day, *rest)
    return found


def whole_months(first: date, end: date) -> list[date]:
    """First days of the months that lie wholly between `first` and the day before `end`."""
    month, found = next_month(first - DAY), []
    while next_month(month) <= end:
        found.append(month)
        month = next_month(month)
    return found


def _outside_months(first: date, end: date) -> Q:
    """Days of a span that belong to none of its whole months."""
    if not (months := whole_months(first, end)):
        return Q(day__gte=first, day__lt=end)
    after = next_month(months[-1])
    return Q(day__gte=first, day__lt=months[0]) | Q(day__gte=after, day__lt=end)
