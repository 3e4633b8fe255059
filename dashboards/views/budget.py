"""The budget page: the verdict, the burn, every day and every past period."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from cdpwatch import snapshot, wording
from cdpwatch.readings import DayCount
from dashboards import burn
from dashboards.context import visit
from dashboards.sources import LISTED, connections_of, listed
from dashboards.verdict import verdict


@require_safe
def budget(request: HttpRequest) -> HttpResponse:
    seen = visit(request)
    sheet = snapshot.current(seen.workspace, seen.now)
    return render(
        request,
        "budget/budget.html",
        {
            **verdict(sheet),
            "now": seen.now,
            "burn": burn.pictures(sheet),
            "sources": listed(sheet, connections_of(sheet.sources[:LISTED])),
            "days": day_rows(sheet),
            "past": past_periods(sheet),
        },
    )


def past_periods(sheet: snapshot.Sheet) -> list[snapshot.PastPeriod]:
    return snapshot.past_periods(sheet.terms, sheet.days, sheet.months, sheet.made_at.date())


@dataclass(frozen=True)
class DayRow:
    """One UTC day of the running period."""

    day: date
    calls: int | None
    clock: str  # "billed", "live" or why there is no number
    total: float | None  # since the period's start
    projected: float | None  # median of the total at the day's end


def day_rows(sheet: snapshot.Sheet) -> list[DayRow]:
    """Every day of the period: what is known, then the median of what is projected."""
    days, today = burn.period_days(sheet.period), sheet.made_at.date()
    known = burn.cumulative(sheet.days, days, sheet.billed_to)
    total: float | None = 0.0
    rows = []
    median = sheet.path.get(0.5, ())
    for index, day in enumerate(days):
        calls, clock = _known(sheet, day)
        total = known[index] if known[index] is not None else _plus(total, calls)
        ahead = median[index] if median and day >= today else None
        shown = total if day <= today else None
        rows.append(DayRow(day, calls, clock, shown, ahead))
    return rows


def _plus(total: float | None, calls: int | None) -> float | None:
    return None if total is None or calls is None else total + calls


def _known(sheet: snapshot.Sheet, day: date) -> tuple[int | None, str]:
    today, billed_to = sheet.made_at.date(), sheet.billed_to
    if day > today:
        return None, ""
    count = sheet.days.get(day) or DayCount(day, None, "No reading.")
    if billed_to and day <= billed_to:
        return count.calls, "billed" if count.calls is not None else _hole(count)
    live = sheet.used_by_day.get(day)
    if live is None:
        return None, count.reason
    return live, "live, so far" if day == today else "live, not billed yet"


def _hole(count: DayCount) -> str:
    if count.joint_since is None:
        return count.reason
    joint, since = wording.exact(count.joint_calls), wording.day(count.joint_since)
    return f"{count.reason} {joint} calls since {since}."
