"""Days of calls: what is billed, what only live volume knows yet, and what nobody knows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from cdpwatch import budget
from cdpwatch.days import DAY
from cdpwatch.models import Workspace, WorkspaceDay
from cdpwatch.readings import DayCount, TrafficSlice

DAY_COUNT = ("day", "calls", "reason", "joint_since", "joint_calls")  # fields of a DayCount


def workspace_days(workspace: Workspace, since: date) -> dict[date, DayCount]:
    rows = WorkspaceDay.objects.filter(workspace=workspace, day__gte=since).order_by("day")
    return {day: DayCount(day, *rest) for day, *rest in rows.values_list(*DAY_COUNT)}


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
    terms: budget.Terms, days: Mapping[date, DayCount], today: date
) -> list[PastPeriod]:
    """Whole periods before the running one, newest first, as far as the days reach."""
    first = min((day for day, count in days.items() if is_billed(count)), default=today)
    period, past = budget.period_at(terms, today), []
    while (period := budget.period_before(terms, period)).start >= first:
        past.append(_past(terms, period, days))
    return past


def _past(terms: budget.Terms, period: budget.Period, days: Mapping[date, DayCount]) -> PastPeriod:
    inside = {day: n for day, n in shared(days).items() if period.holds(day)}
    known = [n for n in inside.values() if n is not None]
    return PastPeriod(
        period=period,
        used=round(sum(known)),
        unknown_days=period.days - len(known),
        allowance=terms.allowance if period.end > terms.starts_on else None,
    )


def billed_in_months(days: Mapping[date, DayCount], today: date) -> tuple[int, int]:
    """(calls, months): what the last whole calendar months billed, twelve at most.

    A month with a day that nobody knows is left out, calls and all.
    """
    known = shared(days)
    firsts = budget.usage_periods(today, 13)
    months = [
        [known.get(first + n * DAY) for n in range((end - first).days)]
        for end, first in pairwise(firsts)
    ]
    whole = [[n for n in month if n is not None] for month in months if None not in month]
    return round(sum(map(sum, whole))), len(whole)
