"""Days of calls: what is billed, what only live volume knows yet, and what nobody knows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from cdpwatch import budget
from cdpwatch.days import DAY, next_month
from cdpwatch.models import SourceMonth, Workspace, WorkspaceDay, WorkspaceMonth
from cdpwatch.readings import DayCount, MonthCount, TrafficSlice

MOST = 10**15  # calls of a day; no allowance is larger
ABSURD = "Segment's number for this day can be no count of calls."
DAY_COUNT = ("day", "calls", "reason", "joint_since", "joint_calls")  # fields of a DayCount


def workspace_days(workspace: Workspace, since: date) -> dict[date, DayCount]:
    rows = WorkspaceDay.objects.filter(workspace=workspace, day__gte=since).order_by("day")
    return {day: plausible(DayCount(day, *rest)) for day, *rest in rows.values_list(*DAY_COUNT)}


def plausible(count: DayCount) -> DayCount:
    """`count`, unknown where it can be no day's: one absurd row must not turn the verdict."""
    if count.calls is None or 0 <= count.calls < MOST:
        return count
    return DayCount(count.day, None, ABSURD)


def billed_to(days: Mapping[date, DayCount], today: date) -> date | None:
    """The last whole day whose calls, alone or within a joint sum, are billed."""
    known = [day for day, count in days.items() if day < today and is_billed(count)]
    return max(known, default=None)


def is_billed(count: DayCount) -> bool:
    return count.calls is not None or count.joint_calls is not None


def live_by_day(pieces: Iterable[TrafficSlice]) -> dict[date, int]:
    """Live calls of the whole workspace by UTC day."""
    total: dict[date, int] = defaultdict(int)
    for piece in pieces:
        for day, calls in piece.by_day.items():
            total[day] += calls
    return dict(total)


def used_by_day(
    days: Mapping[date, DayCount], live: Mapping[date, int], today: date
) -> dict[date, int | None]:
    """Calls a day: billed where Segment has billed, live for the days after, None for a hole."""
    last = billed_to(days, today)
    used: dict[date, int | None] = {
        day: count.calls for day, count in days.items() if last is not None and day <= last
    }
    for day, calls in live.items():
        if last is None or day > last:
            used[day] = calls
    return used


def shared(days: Mapping[date, DayCount]) -> dict[date, float | None]:
    """Calls a day for sums and projections: a joint sum is shared evenly over its days.

    An estimate of each such day, exact in their sum; a hole without a joint sum stays None.
    """
    calls: dict[date, float | None] = {day: count.calls for day, count in days.items()}
    for count in days.values():
        if count.joint_since is not None and count.joint_calls is not None:
            gap = (count.day - count.joint_since).days + 1
            share = count.joint_calls / gap
            calls.update({count.joint_since + n * DAY: share for n in range(gap)})
    return calls


def counted(
    used: Mapping[date, int | None], days: Mapping[date, DayCount], today: date
) -> dict[date, float | None]:
    """Calls a day as sums take them: shared billed days, then live ones."""
    last = billed_to(days, today)
    billed = {day: n for day, n in shared(days).items() if last is not None and day <= last}
    return {**used, **billed}


def used_in(calls: Mapping[date, float | None], period: budget.Period, today: date) -> int:
    """Calls of the period up to now, of days as `counted`; an unknown day adds nothing to it."""
    return round(sum(n or 0 for day, n in calls.items() if period.holds(day) and day <= today))


def unknown_in(calls: Mapping[date, float | None], period: budget.Period, today: date) -> int:
    """Whole days of the period before `today` that nobody has a number for."""
    passed = (min(today, period.end) - period.start).days
    return sum(calls.get(period.start + n * DAY) is None for n in range(passed))


@dataclass(frozen=True)
class PastPeriod:
    """One period that is over: what it billed, and the allowance it is judged by, if any."""

    period: budget.Period
    used: int
    unknown_days: int  # days without a number of their own or a joint one
    allowance: int | None


def past_periods(
    terms: budget.Terms,
    days: Mapping[date, DayCount],
    months: Mapping[date, MonthCount],
    today: date,
) -> list[PastPeriod]:
    """Whole periods before the running one, newest first, as far as what is known reaches.

    Periods of calendar months are summed from `months`, back to the oldest one without an unknown
    day; others are summed from `days`.
    """
    by_month = budget.in_calendar_months(terms)
    if by_month:
        known = [month for month, count in months.items() if not count.unknown_days]
    else:
        known = [day for day, count in days.items() if is_billed(count)]
    first = min(known, default=today)
    period, past = budget.period_at(terms, today), []
    while (period := budget.period_before(terms, period)).start >= first:
        used, unknown = _in_months(months, period) if by_month else _in_days(days, period)
        past.append(PastPeriod(period, used, unknown, budget.allowance_of(terms, period)))
    return past


def _in_months(months: Mapping[date, MonthCount], period: budget.Period) -> tuple[int, int]:
    """Calls of the period, and its days without a number: all those of a month without a row."""
    inside = [count for month, count in months.items() if period.holds(month)]
    read = sum((next_month(month) - month).days for month in months if period.holds(month))
    unknown = sum(count.unknown_days for count in inside) + period.days - read
    return sum(count.calls for count in inside), unknown


def _in_days(days: Mapping[date, DayCount], period: budget.Period) -> tuple[int, int]:
    known = [n for day, n in shared(days).items() if period.holds(day) and n is not None]
    return round(sum(known)), period.days - len(known)


def billed_in_months(months: Mapping[date, MonthCount], today: date) -> tuple[int, int]:
    """(calls, months): what the last whole calendar months billed, twelve at most.

    A month with a day that nobody knows is left out, calls and all.
    """
    counts = [months.get(first) for first in budget.usage_periods(today, 13)[1:]]
    whole = [count.calls for count in counts if count and not count.unknown_days]
    return sum(whole), len(whole)


def workspace_months(workspace: Workspace) -> dict[date, MonthCount]:
    """Billed calls of every calendar month that was read, by its first day."""
    rows = WorkspaceMonth.objects.filter(workspace=workspace).order_by("month")
    values = rows.values_list("month", "calls", "unknown_days")
    return {month: MonthCount(calls, unknown) for month, calls, unknown in values}


def months_in(days: Mapping[date, DayCount]) -> dict[date, MonthCount]:
    """Calendar months of days as they were known once, which no table has summed."""
    calls, found = shared(days), {day.replace(day=1) for day in days}
    return {
        month: MonthCount(*_in_days(days, budget.Period(month, next_month(month))))
        for month in sorted(found)
        if any(calls.get(day) is not None for day in days if day.replace(day=1) == month)
    }


def months_by_source(workspace: Workspace, month: date) -> dict[int, MonthCount]:
    """Billed calls of one calendar month by source, its primary key."""
    rows = SourceMonth.objects.filter(source__workspace=workspace, month=month)
    values = rows.values_list("source_id", "calls", "unknown_days")
    return {source: MonthCount(calls, unknown) for source, calls, unknown in values}
