"""Days of calls: what is billed, what only live volume knows yet, and what nobody knows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from cdpwatch import budget
from cdpwatch.models import Workspace, WorkspaceDay
from cdpwatch.readings import DayCount, TrafficSlice

DAY = timedelta(days=1)
DAY_COUNT = ("day", "calls", "reason", "joint_since", "joint_calls")  # fields of a DayCount


def start_of(day: date) -> datetime:
    """Midnight UTC at which `day` begins."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


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


def used_in(
    used: Mapping[date, int | None],
    days: Mapping[date, DayCount],
    period: budget.Period,
    today: date,
) -> int:
    """Calls of the period up to now, holes with a known joint sum included."""
    last = billed_to(days, today)
    joint = [c.joint_calls or 0 for d, c in days.items() if period.holds(d) and last and d <= last]
    return sum(joint) + sum(calls or 0 for day, calls in used.items() if period.holds(day))


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
    inside = [count for day, count in days.items() if period.holds(day)]
    joint = {
        count.joint_since + n * DAY
        for count in inside
        if count.joint_since
        for n in range((count.day - count.joint_since).days + 1)
    }
    known = {count.day for count in inside if count.calls is not None} | joint
    return PastPeriod(
        period=period,
        used=sum((count.calls or 0) + (count.joint_calls or 0) for count in inside),
        unknown_days=period.days - sum(period.holds(day) for day in known),
        allowance=terms.allowance if period.end > terms.starts_on else None,
    )


def billed_in_months(days: Mapping[date, DayCount], today: date) -> tuple[int, int]:
    """(calls, months): what the last whole calendar months billed, twelve at most."""
    firsts = [d for d in budget.usage_periods(today, 13)[1:] if d in days and is_billed(days[d])]
    if not firsts:
        return 0, 0
    inside = [c for d, c in days.items() if min(firsts) <= d < today.replace(day=1)]
    return sum((c.calls or 0) + (c.joint_calls or 0) for c in inside), len(firsts)
