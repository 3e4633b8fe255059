"""The budget page: the verdict, the burn, every day and every past period."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from cdpwatch import snapshot, wording
from cdpwatch.readings import DayCount
from dashboards import burn
from dashboards.context import the_workspace
from dashboards.sources import table_rows
from dashboards.verdict import verdict


def budget(request: HttpRequest) -> HttpResponse:
    workspace, now = the_workspace(), datetime.now(UTC)
    view = snapshot.take(workspace, now)
    sources, remainder = snapshot.source_rows(workspace, view)
    days = view.situation.days
    return render(
        request,
        "budget/budget.html",
        {
            **verdict(view),
            "now": now,
            "burn": burn.pictures(view),
            "rows": table_rows(sources, view),
            "remainder": remainder,
            "days": day_rows(view),
            "past": snapshot.past_periods(view.situation.terms, days, now.date()),
        },
    )


@dataclass(frozen=True)
class DayRow:
    """One UTC day of the running period."""

    day: date
    calls: int | None
    clock: str  # "billed", "live" or why there is no number
    total: float | None  # since the period's start
    projected: float | None  # median of the total at the day's end


def day_rows(view: snapshot.Snapshot) -> list[DayRow]:
    """Every day of the period: what is known, then the median of what is projected."""
    days = burn.period_days(view.period)
    known = burn.cumulative(view.situation.days, days, view.situation.billed_to)
    total: float | None = 0.0
    rows = []
    median = view.projected.path.get(0.5, ())
    for index, day in enumerate(days):
        calls, clock = _known(view, day)
        total = known[index] if known[index] is not None else _plus(total, calls)
        ahead = median[index] if median and day >= view.situation.now.date() else None
        shown = total if day <= view.situation.now.date() else None
        rows.append(DayRow(day, calls, clock, shown, ahead))
    return rows


def _plus(total: float | None, calls: int | None) -> float | None:
    return None if total is None or calls is None else total + calls


def _known(view: snapshot.Snapshot, day: date) -> tuple[int | None, str]:
    today, billed_to = view.situation.now.date(), view.situation.billed_to
    if day > today:
        return None, ""
    count = view.situation.days.get(day) or DayCount(day, None, "No reading.")
    if billed_to and day <= billed_to:
        return count.calls, "billed" if count.calls is not None else _hole(count)
    live = view.used_by_day.get(day)
    if live is None:
        return None, count.reason
    return live, "live, so far" if day == today else "live, not billed yet"


def _hole(count: DayCount) -> str:
    if count.joint_since is None:
        return count.reason
    joint, since = wording.exact(count.joint_calls), wording.day(count.joint_since)
    return f"{count.reason} {joint} calls since {since}."
