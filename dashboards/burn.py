"""The burn chart of a sheet: its points, its picture at both sizes and plotly's figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from django.utils.safestring import SafeString, mark_safe

from cdpwatch import budget, snapshot, wording
from cdpwatch.readings import DayCount
from dashboards.charts import Burn, Mark, burn_figure, burn_svg

DAY = timedelta(days=1)
Cumulative = tuple[float | None, ...]


@dataclass(frozen=True)
class BurnPictures:
    """What templates/components/_burn.html shows."""

    wide: SafeString
    narrow: SafeString
    marked: bool  # whether it shows notes, plans or leaks


@lru_cache(maxsize=2)
def pictures(sheet: snapshot.Sheet) -> BurnPictures:
    burn = burn_of(sheet)
    # burn_svg escapes every text that it draws.
    return BurnPictures(
        mark_safe(burn_svg(burn, width=1120, height=300)),
        mark_safe(burn_svg(burn, width=360, height=260)),
        bool(burn.marks),
    )


@lru_cache(maxsize=2)
def figure(sheet: snapshot.Sheet) -> dict[str, Any]:
    """The same chart for plotly.js, which asks for it once it has been loaded."""
    return burn_figure(burn_of(sheet))


def burn_of(sheet: snapshot.Sheet) -> Burn:
    """Billed, live and projected calls of the running period, with the last one behind it."""
    state = sheet.standing
    days = period_days(sheet.period)
    billed = cumulative(sheet.days, days, sheet.billed_to)
    return Burn(
        days=days,
        billed=billed,
        summary=budget.pace(state),
        live=live_points(sheet, billed),
        band=None if state.learning else sheet.path,
        allowance=state.allowance,
        previous=cumulative(sheet.days, period_days(sheet.previous), sheet.billed_to),
        previous_label=sheet.previous.title,
        marks=marks_of(sheet),
    )


def marks_of(sheet: snapshot.Sheet) -> tuple[Mark, ...]:
    """Leaks, planned events and notes of the period's days; leaks first, for texts are few."""
    leaks = (
        Mark(leak.since.date(), f"Leak opens, {wording.moment(leak.since)}", "bad")
        for leak in sheet.found
        if sheet.period.holds(leak.since.date())
    )
    return (*leaks, *(Mark(remark.day, told(remark)) for remark in sheet.remarks))


def told(remark: snapshot.Remark) -> str:
    """Planned: Black Friday, to Mon 30 Nov"""
    text = wording.one_line(remark.text)
    if not remark.planned:
        return text
    until = f", to {wording.day(remark.until - DAY)}" if remark.until else ""
    return f"Planned: {text}{until}"


def period_days(period: budget.Period) -> tuple[date, ...]:
    return tuple(period.start + n * DAY for n in range(period.days))


def cumulative(
    counts: Mapping[date, DayCount], days: tuple[date, ...], billed_to: date | None
) -> Cumulative:
    """Calls since the first day at the end of each day; None in a hole and after the last bill.

    After a hole the line goes on only where a joint sum says how many calls the hole made.
    """
    total, reached = 0, days[0]  # the calls of all days before `reached`
    points: list[float | None] = []
    for day in days:
        count = counts.get(day) if billed_to and day <= billed_to else None
        if count and snapshot.is_billed(count) and (count.joint_since or day) <= reached:
            total, reached = total + (count.calls or 0) + (count.joint_calls or 0), day + DAY
            points.append(float(total))
        else:
            points.append(None)
    return tuple(points)


def live_points(sheet: snapshot.Sheet, billed: Cumulative) -> tuple[tuple[float, float], ...]:
    """(days since the start, calls) of the days after the last bill, up to the live clock.

    None at all where a hole keeps secret how many calls they come on top of.
    """
    now = sheet.live_to or sheet.made_at
    first = sheet.billed_to + DAY if sheet.billed_to else sheet.period.start
    day = max(first, sheet.period.start)
    total = billed[(day - sheet.period.start).days - 1] if day > sheet.period.start else 0.0
    points: list[tuple[float, float]] = []
    if total is None:
        return ()
    while day <= now.date() and sheet.period.holds(day):
        total += sheet.used_by_day.get(day) or 0
        points.append((min((day - sheet.period.start).days + 1.0, _x(sheet, now)), total))
        day += DAY
    return tuple(points)


def _x(sheet: snapshot.Sheet, moment: datetime) -> float:
    start = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return (moment.date() - sheet.period.start).days + (moment - start) / DAY
