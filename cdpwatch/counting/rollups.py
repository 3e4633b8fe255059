"""Rollups: the months of each source and of the workspace, summed from their days.

`refresh_months` runs in the transaction that wrote the days, so a month never tells anything else
than its detail; `differences` proves it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from django.db import transaction
from django.db.models import Count, Max, Min, QuerySet, Sum

from cdpwatch.days import next_month
from cdpwatch.models import SourceDay, SourceMonth, Workspace, WorkspaceDay, WorkspaceMonth
from cdpwatch.readings import MonthCount

from .rows import upsert

Days = type[SourceDay] | type[WorkspaceDay]
Months = type[SourceMonth] | type[WorkspaceMonth]


@dataclass(frozen=True)
class Rollup:
    """A table of days, the months made of it, and the column that says whose they are."""

    days: Days
    months: Months
    owner: str  # "source_id"
    within: str  # the path from a row to its workspace

    def days_of(self, workspace: Workspace) -> QuerySet[SourceDay] | QuerySet[WorkspaceDay]:
        return self.days.objects.filter(**{self.within: workspace})

    def months_of(self, workspace: Workspace) -> QuerySet[SourceMonth] | QuerySet[WorkspaceMonth]:
        return self.months.objects.filter(**{self.within: workspace})


ROLLUPS = (
    Rollup(SourceDay, SourceMonth, "source_id", "source__workspace"),
    Rollup(WorkspaceDay, WorkspaceMonth, "workspace_id", "workspace"),
)


@dataclass(frozen=True)
class Difference:
    """A month that does not say what its days say; None is a month that is not there."""

    table: str
    owner: int  # primary key of the source or of the workspace
    month: date
    kept: MonthCount | None
    summed: MonthCount | None


@transaction.atomic
def refresh_months(workspace: Workspace, months: Iterable[date]) -> None:
    """Sum the calendar months that begin on `months` anew, after their days were written."""
    _lock(workspace)
    wanted = sorted(months)
    for rollup in ROLLUPS:
        for month in wanted:
            _write(rollup, workspace, month)


def _write(rollup: Rollup, workspace: Workspace, month: date) -> None:
    summed = _summed(rollup, workspace, month)
    rows = [(owner, month, count.calls, count.unknown_days) for owner, count in summed.items()]
    columns = (rollup.owner, "month", "calls", "unknown_days")
    upsert(rollup.months, ("month", rollup.owner), columns, rows)
    if gone := _kept(rollup, workspace, month).keys() - summed.keys():
        stale = rollup.months_of(workspace).filter(month=month)
        stale.filter(**{f"{rollup.owner}__in": gone}).delete()


def _lock(workspace: Workspace) -> None:
    """One at a time: of two that sum the same month at once, each would miss the other's days.

    NO KEY, since both hold the row as a foreign key already and would wait for each other.
    """
    Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)


def _summed(rollup: Rollup, workspace: Workspace, month: date) -> dict[int, MonthCount]:
    """The month of each owner as its days make it. A joint sum makes its days known."""
    end = next_month(month)
    days = rollup.days_of(workspace).filter(day__gte=month, day__lt=end)
    length = (end - month).days
    counts = {
        owner: MonthCount(calls or 0, length - known)
        for owner, calls, known in days.values_list(rollup.owner).annotate(
            Sum("calls"), Count("calls")
        )
    }
    # A joint sum lies within one month: usage begins anew with each.
    joint = days.exclude(joint_calls=None)
    for owner, day, since, calls in joint.values_list(
        rollup.owner, "day", "joint_since", "joint_calls"
    ):
        counts[owner] = counts[owner].plus(calls, (day - since).days + 1)
    return counts


def differences(workspace: Workspace) -> Iterator[Difference]:
    """Months that are not what their days say, oldest first within each table."""
    for rollup in ROLLUPS:
        for month in _every_month(rollup, workspace):
            yield from _differences_of(rollup, workspace, month)


@transaction.atomic
def _differences_of(rollup: Rollup, workspace: Workspace, month: date) -> list[Difference]:
    _lock(workspace)  # a poll that writes meanwhile would look like a difference
    summed, kept = _summed(rollup, workspace, month), _kept(rollup, workspace, month)
    return [
        Difference(rollup.months.__name__, owner, month, kept.get(owner), summed.get(owner))
        for owner in sorted(summed.keys() | kept.keys())
        if kept.get(owner) != summed.get(owner)
    ]


def _kept(rollup: Rollup, workspace: Workspace, month: date) -> dict[int, MonthCount]:
    rows = rollup.months_of(workspace).filter(month=month)
    values = rows.values_list(rollup.owner, "calls", "unknown_days")
    return {owner: MonthCount(calls, unknown) for owner, calls, unknown in values}


def _every_month(rollup: Rollup, workspace: Workspace) -> list[date]:
    """Months with a row of their own, and all from the first day to the last."""
    months = set(rollup.months_of(workspace).values_list("month", flat=True))
    ends = rollup.days_of(workspace).aggregate(first=Min("day"), last=Max("day"))
    month, last = ends["first"], ends["last"]
    while month and month <= last:
        months.add(month.replace(day=1))
        month = next_month(month)
    return sorted(months)
