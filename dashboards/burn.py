"""The burn chart of a snapshot: its points, its picture at both sizes and plotly's figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
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

    burn_wide: SafeString
    burn_narrow: SafeString
    figure: dict[str, Any]


def pictures(view: snapshot.Snapshot) -> BurnPictures:
    burn = burn_of(view)
    # burn_svg escapes every text that it draws.
    return BurnPictures(
        mark_safe(burn_svg(burn, width=1120, height=300)),
        mark_safe(burn_svg(burn, width=360, height=260)),
        burn_figure(burn),
    )


def burn_of(view: snapshot.Snapshot) -> Burn:
    """Billed, live and projected calls of the running period, with the last one behind it."""
    state, situation = view.standing, view.situation
    days = period_days(view.period)
    billed = cumulative(situation.days, days, situation.billed_to)
    return Burn(
        days=days,
        billed=billed,
        summary=budget.pace(state),
        live=live_points(view, billed),
        band=None if state.learning else view.projected.path,
        allowance=state.allowance,
        previous=cumulative(situation.days, period_days(view.previous), situation.billed_to),
        previous_label=view.previous.title,
        marks=tuple(
            Mark(leak.since.date(), f"Leak opens, {wording.moment(leak.since)}", "bad")
            for leak in view.found
            if view.period.holds(leak.since.date())
        ),
    )


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


def live_points(view: snapshot.Snapshot, billed: Cumulative) -> tuple[tuple[float, float], ...]:
    """(days since the start, calls) of the days after the last bill, up to the live clock.

    None at all where a hole keeps secret how many calls they come on top of.
    """
    situation = view.situation
    now = situation.live_to or situation.now
    first = situation.billed_to + DAY if situation.billed_to else view.period.start
    day = max(first, view.period.start)
    total = billed[(day - view.period.start).days - 1] if day > view.period.start else 0.0
    points: list[tuple[float, float]] = []
    if total is None:
        return ()
    while day <= now.date() and view.period.holds(day):
        total += view.used_by_day.get(day) or 0
        points.append((min((day - view.period.start).days + 1.0, _x(view, now)), total))
        day += DAY
    return tuple(points)


def _x(view: snapshot.Snapshot, moment: datetime) -> float:
    start = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return (moment.date() - view.period.start).days + (moment - start) / DAY
