"""What was known at a moment: days made again from the readings that had come in by then.

Before the first reading ever nothing was known, for nobody had connected cdpwatch: then it is what
was first read of the days before that moment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from cdpwatch.cumulative import daily
from cdpwatch.days import next_month
from cdpwatch.models import Contract, Reading, Workspace
from cdpwatch.readings import DayCount, MonthCount

from .counts import plausible, workspace_days, workspace_months

ONE_UNKNOWN = "One of the workspaces has no number for this day."
_Series = dict[date, dict[date, int]]  # cumulative calls by period and day


def days_known(workspace: Workspace, at: datetime, since: date = date.min) -> dict[date, DayCount]:
    """The workspace's billed days of the months from `since` on, as they were known at `at`."""
    return _days(_readings(workspace, at, since, of_sources=False).get(None, {}), at)


def source_days_known(
    workspace: Workspace, at: datetime, since: date = date.min
) -> dict[int, dict[date, DayCount]]:
    """The same by source, its primary key, in three queries."""
    found = _readings(workspace, at, since, of_sources=True)
    older = Reading.objects.filter(workspace=workspace, period_start__lt=since.replace(day=1))
    begun = set(older.values_list("source_id", flat=True).distinct())
    days = {pk: _days(series, at, born=pk not in begun) for pk, series in found.items()}
    return {pk: known for pk, known in days.items() if pk is not None}


def _readings(
    workspace: Workspace, at: datetime, since: date, *, of_sources: bool
) -> Mapping[int | None, _Series]:
    ours = Reading.objects.filter(workspace=workspace)
    rows = ours.filter(source__isnull=not of_sources, period_start__gte=since.replace(day=1))
    if ours.filter(observed_at__lte=at).exists():
        rows = rows.filter(observed_at__lte=at).order_by(
            "pk"
        )  # of two of a day the later one holds
    else:
        rows = rows.filter(day__lt=at.date()).order_by("-pk")  # the earlier one
    found: dict[int | None, _Series] = defaultdict(lambda: defaultdict(dict))
    fields = ("source_id", "period_start", "day", "cumulative")
    for source, period, day, cumulative in rows.values_list(*fields):
        found[source][period][day] = cumulative
    return found


def _days(series: _Series, at: datetime, *, born: bool = False) -> dict[date, DayCount]:
    """Days of all periods; with `born`, the first of them begins where its first row does."""
    counts = [
        count
        for n, period in enumerate(sorted(series))
        for count in daily(period, series[period], at.date(), starts_inside=born and n == 0)
    ]
    return {count.day: plausible(count) for count in counts}


def contract_days(contract: Contract, since: date) -> dict[date, DayCount]:
    """Billed days of everything under a contract, in a query for each of its workspaces."""
    return joined([workspace_days(row, since) for row in contract.workspaces.all()])


def contract_days_known(
    contract: Contract, at: datetime, since: date = date.min
) -> dict[date, DayCount]:
    """The same as they were known at `at`."""
    return joined([days_known(row, at, since) for row in contract.workspaces.all()])


def joined(parts: Sequence[Mapping[date, DayCount]]) -> dict[date, DayCount]:
    """Days of several workspaces together: one that is unknown makes the day unknown.

    A workspace counts from its first row on; one that was never read makes every day unknown.
    """
    if len(parts) == 1:
        return dict(parts[0])
    days = sorted({day for part in parts for day in part})
    return {day: _joined_day(day, parts) for day in days}


def _joined_day(day: date, parts: Sequence[Mapping[date, DayCount]]) -> DayCount:
    begun = [part for part in parts if not part or min(part) <= day]
    calls = [part[day].calls if day in part else None for part in begun]
    known = [n for n in calls if n is not None]
    whole = len(known) == len(calls)
    return DayCount(day, sum(known)) if whole else DayCount(day, None, ONE_UNKNOWN)


def contract_months(contract: Contract) -> dict[date, MonthCount]:
    """Billed calendar months under a contract; unknown days are those of the worst workspace."""
    parts = [workspace_months(row) for row in contract.workspaces.all()]
    found: dict[date, MonthCount] = {}
    for month in sorted({month for part in parts for month in part}):
        whole = MonthCount(0, (next_month(month) - month).days)
        counts = [part.get(month, whole) for part in parts]
        unknown = max(count.unknown_days for count in counts)
        found[month] = MonthCount(sum(count.calls for count in counts), unknown)
    return found
